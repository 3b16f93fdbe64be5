//! What the sweeps do to a ledger: a name, options and a script of steps. To sweep something new,
//! add a row to [`WORKLOADS`].

use super::random::Random;
use crate::fixture::{account, asset, transfer};
use store::*;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A new group, waited for.
    Commit(Vec<Draft>),
    /// New groups: the first has a cycle of its own, all others share the next.
    Batch(Vec<Vec<Draft>>),
    /// The new group at this place of the history again: a replay.
    Again(usize),
    /// A group that the rules refuse.
    Refused(Vec<Draft>),
    /// Everything so far is sealed, and waited for.
    Checkpoint,
    /// Parts that are due are merged, and waited for. Without this step none ever is.
    Merge,
    /// A clean stop and a start.
    Reopen,
}

#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) segment_bytes: u64,
    pub(crate) script: fn(&mut Random) -> Vec<Step>,
}

const ONE_SEGMENT: u64 = 1 << 30;

/// Every script ends with a clean stop, which seals what is not sealed yet.
pub(crate) const WORKLOADS: [Workload; 5] = [
    Workload { name: "batches", segment_bytes: ONE_SEGMENT, script: batches },
    Workload { name: "rotation", segment_bytes: 2_500, script: rotation },
    Workload { name: "restarts", segment_bytes: ONE_SEGMENT, script: restarts },
    Workload { name: "checkpoints", segment_bytes: 2_500, script: checkpoints },
    Workload { name: "merges", segment_bytes: ONE_SEGMENT, script: merges },
];

const BOOKS: [&str; 3] = ["a", "b", "c"];

pub(crate) fn openings() -> Step {
    let mut group = vec![asset("EUR")];
    for book in BOOKS {
        group.push(account(book, "cash", AccountKind::Asset, Some(0)));
        group.push(account(book, "sales", AccountKind::Income, None));
    }
    Step::Commit(group)
}

/// A sale whose frame has a length of its own, so that frames meet sectors in every way.
pub(crate) fn sale(random: &mut Random, book: &str, key: &str) -> Draft {
    let draft = transfer(book, key, "cash", "sales", 1 + i128::from(random.below(1_000)));
    let Draft::PostTransaction(mut draft) = draft else { unreachable!("a transfer posts") };
    draft.tx_id = Uuid::from_u128(u128::from(random.next()) << 64 | u128::from(random.next()));
    let note = "n".repeat(random.below(700) as usize);
    draft.metadata =
        JsonDocument::parse(&format!(r#"{{"note":"{note}"}}"#)).expect("this is a document");
    Draft::PostTransaction(draft)
}

/// Groups of one to three sales over one to three books.
fn sales(random: &mut Random, name: &str, count: usize) -> Vec<Vec<Draft>> {
    (0..count)
        .map(|group| {
            (0..=random.below(3))
                .map(|draft| {
                    let book = BOOKS[random.below(3) as usize];
                    sale(random, book, &format!("{name}-{group}-{draft}"))
                })
                .collect()
        })
        .collect()
}

fn overdraft(book: &str) -> Step {
    Step::Refused(vec![transfer(book, "too much", "sales", "cash", 1_000_000)])
}

fn change_account(book: &str, change: AccountChange) -> Draft {
    Draft::ChangeAccount(AccountChangeDraft {
        book: BookName::user(book).expect("a good name"),
        path: AccountPath::new("cash").expect("a good path"),
        change,
    })
}

fn close_account(book: &str) -> Draft {
    change_account(book, AccountChange { closed: Some(true), ..AccountChange::default() })
}

fn lower_minimum(book: &str) -> Draft {
    change_account(book, AccountChange { min_balance: Some(Some(-5)), ..AccountChange::default() })
}

fn batches(random: &mut Random) -> Vec<Step> {
    let mut last = sales(random, "last", 5);
    last.push(vec![close_account("b")]);
    vec![
        openings(),
        Step::Batch(sales(random, "first", 8)),
        Step::Again(3),
        overdraft("a"),
        Step::Batch(sales(random, "second", 6)),
        Step::Commit(sales(random, "alone", 1).remove(0)),
        Step::Batch(last),
        Step::Again(0),
    ]
}

/// Most cycles seal a segment.
fn rotation(random: &mut Random) -> Vec<Step> {
    let mut steps = vec![openings()];
    for turn in 0..6 {
        let name = format!("turn{turn}");
        steps.push(match turn % 3 {
            2 => Step::Batch(sales(random, &name, 5)),
            _ => Step::Commit(sales(random, &name, 1).remove(0)),
        });
    }
    steps.push(Step::Again(2));
    steps
}

fn restarts(random: &mut Random) -> Vec<Step> {
    let mut steps = vec![Step::Reopen, openings()];
    for turn in 0..4 {
        steps.push(Step::Reopen);
        steps.push(Step::Commit(sales(random, &format!("turn{turn}"), 1).remove(0)));
    }
    steps.extend([Step::Reopen, Step::Reopen, Step::Again(1)]);
    steps
}

/// Parts that begin and end in the middle of segments, at their ends, and behind a start.
fn checkpoints(random: &mut Random) -> Vec<Step> {
    let mut alone = |name: &str| Step::Commit(sales(random, name, 1).remove(0));
    let mut steps = vec![
        Step::Checkpoint,
        openings(),
        alone("one"),
        Step::Checkpoint,
        Step::Checkpoint,
        alone("two"),
        alone("three"),
    ];
    steps.extend([
        Step::Batch(sales(random, "batch", 5)),
        Step::Checkpoint,
        Step::Again(2),
        Step::Commit(vec![close_account("b")]),
        Step::Reopen,
        Step::Commit(vec![sale(random, "a", "four")]),
        Step::Again(1),
        Step::Checkpoint,
        Step::Commit(vec![sale(random, "c", "five")]),
    ]);
    steps
}

/// Eight parts are one afterwards, indexes included; more follow, and a start finds them.
fn merges(random: &mut Random) -> Vec<Step> {
    let mut steps = vec![openings()];
    for turn in 0..8 {
        let mut group = sales(random, &format!("turn{turn}"), 1).remove(0);
        if turn == 5 {
            group = vec![lower_minimum("b")];
        }
        steps.extend([Step::Commit(group), Step::Checkpoint]);
    }
    steps.extend([
        Step::Merge,
        Step::Again(2),
        Step::Commit(vec![sale(random, "a", "behind")]),
        Step::Checkpoint,
        Step::Again(1),
        Step::Reopen,
        Step::Commit(vec![sale(random, "c", "last")]),
    ]);
    steps
}
