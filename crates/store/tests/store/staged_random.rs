//! Random blocks against the rules on plain maps, and against themselves once they are committed:
//! what a block decides is what submitting it would decide, and what it reads is what is read
//! after it has committed.

use crate::fixture::*;
use crate::sealed::rows;
use crate::staged::{begin, leg, name, reversal};
use futures::executor::block_on;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::*;

const BOOKS: [&str; 2] = ["a", "b"];
/// `till` may not go below zero; only whole transactions use it, so that what a block assembles
/// always commits. `new:…` are opened by blocks.
const PATHS: [&str; 5] = ["cash", "sales", "till", "new:1", "new:2"];

#[derive(Debug, Clone)]
enum Step {
    Asset(u8),
    Open { book: usize, path: usize, asset: u8 },
    Change { book: usize, path: usize, min: Option<i128>, note: u8 },
    Transfer { book: usize, key: u8, id: u8, debit: usize, credit: usize, amount: i128 },
    Reverse { book: usize, key: u8, reversed: u8 },
    Begin { book: usize, key: u8 },
    Legs { which: usize, legs: Vec<(bool, bool, i128)> },
    Mark,
    RollBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (book, path) = (0..2usize, 0..PATHS.len());
    let transfer = (book.clone(), 0..12u8, 0..12u8, path.clone(), path.clone(), 1..60i128);
    prop_oneof![
        1 => (0..3u8).prop_map(Step::Asset),
        2 => (book.clone(), path.clone(), 0..2u8)
            .prop_map(|(book, path, asset)| Step::Open { book, path, asset }),
        2 => (book.clone(), path, prop::option::of(-50..50i128), 0..3u8)
            .prop_map(|(book, path, min, note)| Step::Change { book, path, min, note }),
        8 => transfer.prop_map(|(book, key, id, debit, credit, amount)| {
            Step::Transfer { book, key, id, debit, credit, amount }
        }),
        2 => (book.clone(), 0..12u8, 0..12u8)
            .prop_map(|(book, key, reversed)| Step::Reverse { book, key, reversed }),
        2 => (book, 12..16u8).prop_map(|(book, key)| Step::Begin { book, key }),
        5 => (0..4usize, prop::collection::vec((any::<bool>(), any::<bool>(), 1..40i128), 1..4))
            .prop_map(|(which, legs)| Step::Legs { which, legs }),
        1 => Just(Step::Mark),
        2 => (0..4usize).prop_map(Step::RollBack),
    ]
}

fn id(number: u8) -> Uuid {
    Uuid::from_u128(1_000 + u128::from(number))
}

fn opening(book: &str, path: &str, asset: u8) -> Draft {
    let asset = if asset == 0 { "EUR".to_owned() } else { format!("A{asset}") };
    Draft::OpenAccount {
        book: name(book),
        opening: Arc::new(AccountOpening {
            path: AccountPath::new(path).unwrap(),
            asset: AssetId::new(&asset).unwrap(),
            kind: AccountKind::Asset,
            min_balance: None,
            metadata: JsonDocument::default(),
        }),
    }
}

/// The draft that a step is, if it is one.
fn draft(step: &Step) -> Option<Draft> {
    Some(match step {
        Step::Asset(number) => asset(&format!("A{number}")),
        Step::Open { book, path, asset } => opening(BOOKS[*book], PATHS[*path], *asset),
        Step::Change { book, path, min, note } => {
            // Only `till` and new accounts get a minimum.
            let path = PATHS[(*path).max(2)];
            let metadata = (*note > 0).then(|| JsonDocument::parse(&format!("[{note}]")).unwrap());
            Draft::ChangeAccount(AccountChangeDraft {
                book: name(BOOKS[*book]),
                path: AccountPath::new(path).unwrap(),
                change: AccountChange { min_balance: Some(*min), metadata, closed: None },
            })
        }
        Step::Transfer { book, key, id: number, debit, credit, amount } => {
            let (debit, credit) = (PATHS[*debit], PATHS[*credit]);
            let whole = transfer(BOOKS[*book], &format!("k{key}"), debit, credit, *amount);
            let Draft::PostTransaction(whole) = whole else { unreachable!() };
            Draft::PostTransaction(TransactionDraft { tx_id: id(*number), ..whole })
        }
        Step::Reverse { book, key, reversed } => {
            reversal(BOOKS[*book], &format!("k{key}"), id(*reversed))
        }
        _ => return None,
    })
}

/// The ledger before the block, in the rules' own plain maps.
#[derive(Default)]
struct Base {
    assets: AssetRegister,
    books: BTreeMap<BookName, (BookState, TransactionIndex)>,
}

impl Base {
    fn of(ledger: &Ledger) -> Self {
        let mut base = Base::default();
        for event in all_events(ledger) {
            let (state, transactions) = base.books.entry(event.book.clone()).or_default();
            state.apply(&event);
            match &event.body {
                EventBody::AssetRegistered(asset) => {
                    base.assets.insert(asset.id.clone(), asset.clone());
                }
                EventBody::TransactionPosted(transaction) => {
                    transactions.insert(event.seq, transaction);
                }
                _ => {}
            }
        }
        base
    }

    /// What a draft comes to in a group behind all these bodies.
    fn decide(
        &self,
        group: &[(BookName, EventBody)],
        draft: &Draft,
    ) -> Result<Decision, Rejection> {
        let none = Default::default();
        let (state, transactions) = self.books.get(&draft.book()).unwrap_or(&none);
        let mut overlay = Overlay::new(state, &self.assets, transactions);
        for (book, body) in group {
            match body {
                EventBody::AssetRegistered(asset) => overlay.show_asset(asset.clone()),
                _ if *book != draft.book() => {}
                body => drop(overlay.apply(body)),
            }
        }
        decide(&overlay, draft)
    }
}

/// A block as plain lists: what was staged, in order.
#[derive(Clone, Default)]
struct Block {
    group: Vec<(BookName, EventBody)>,
    begun: Vec<Uuid>,
}

impl Block {
    fn legs_of(&mut self, tx_id: Uuid) -> &mut Vec<Posting> {
        let found = self.group.iter_mut().find_map(|(_, body)| match body {
            EventBody::TransactionPosted(posted) if posted.tx_id == tx_id => Some(posted),
            _ => None,
        });
        &mut Arc::make_mut(found.expect("begun transactions are in the group")).postings
    }

    /// The drafts that commit the block.
    fn drafts(&self) -> Vec<Draft> {
        self.group.iter().map(|(book, body)| as_draft(book, body)).collect()
    }
}

fn as_draft(book: &BookName, body: &EventBody) -> Draft {
    match body.clone() {
        EventBody::AssetRegistered(asset) => Draft::RegisterAsset(asset),
        EventBody::AccountOpened(opening) => Draft::OpenAccount { book: book.clone(), opening },
        EventBody::AccountChanged { path, change } => {
            Draft::ChangeAccount(AccountChangeDraft { book: book.clone(), path, change })
        }
        EventBody::TransactionPosted(posted) => {
            let posting = |posting: &Posting| PostingDraft {
                account: posting.account.clone(),
                asset: Some(posting.asset.clone()),
                direction: posting.direction,
                amount: posting.amount,
            };
            Draft::PostTransaction(TransactionDraft {
                book: book.clone(),
                tx_id: posted.tx_id,
                idempotency_key: posted.idempotency_key.clone(),
                occurred_at: posted.occurred_at,
                metadata: posted.metadata.clone(),
                external_refs: posted.external_refs.clone(),
                content: match posted.reverses {
                    Some(reversed) => TransactionContent::Reversal(reversed),
                    None => {
                        TransactionContent::Postings(posted.postings.iter().map(posting).collect())
                    }
                },
            })
        }
    }
}

/// What a decision is, without where it was found.
fn told(decision: Result<Decision, Rejection>, base: &Base, draft: &Draft) -> String {
    match decision {
        Ok(Decision::New(body)) => format!("new {body:?}"),
        Ok(Decision::Unchanged) => "unchanged".to_owned(),
        // A replay of what is committed is the same without the block.
        Ok(Decision::Replay(_)) => match base.decide(&[], draft) {
            Ok(Decision::Replay(_)) => "replayed".to_owned(),
            _ => "replayed of the block".to_owned(),
        },
        Err(rejection) => format!("{rejection:?}"),
    }
}

fn told_by_the_store(decision: &Result<StagedDecision, CommitError>) -> String {
    match decision {
        Ok(StagedDecision::New(body)) => format!("new {body:?}"),
        Ok(StagedDecision::Unchanged) => "unchanged".to_owned(),
        Ok(StagedDecision::Replayed(_)) => "replayed".to_owned(),
        Ok(StagedDecision::ReplayedStaged(_)) => "replayed of the block".to_owned(),
        Err(CommitError::Rejected { rejection, .. }) => format!("{rejection:?}"),
        Err(other) => format!("{other:?}"),
    }
}

/// All that a block may read, without the places and times it cannot have.
fn answers(view: &View) -> BTreeSet<String> {
    let mut answers = BTreeSet::new();
    let assets = view.assets().into_iter().map(|row| row.asset);
    answers.insert(format!("{:?}", assets.collect::<Vec<_>>()));
    let prefix = |text: &str| Some(PathSelection::Prefix(text.to_owned()));
    let all = Selection::default();
    for selection in [all.clone(), Selection { path: prefix("new"), ..all.clone() }] {
        for row in view.accounts(&selection).unwrap() {
            let AccountRow { book, opening, min_balance, metadata, closed, totals, .. } = &row;
            let row = (book, opening, min_balance, metadata, closed, totals);
            answers.insert(format!("{:?} {row:?}", selection.path));
            let alone = view.account(book.as_str(), opening.path.as_str()).unwrap().unwrap();
            assert_eq!(alone.totals, *totals);
        }
    }
    for book in BOOKS {
        answers.insert(format!("{book} {:?}", view.trial_balance(book).unwrap()));
        for path in PATHS {
            for limit in [2, 100] {
                let mut history = view.account_history(book, path, Seq(1), limit).unwrap();
                for row in &mut history {
                    (row.lsn, row.seq, row.at) = (None, None, None);
                }
                answers.insert(format!("{book} {path} {limit} {history:?}"));
            }
        }
        for key in 0..16 {
            let found = view.transaction_by_key(book, &format!("k{key}")).unwrap();
            answers.insert(format!("{book} {key} {:?}", found.map(|event| event.body.clone())));
        }
    }
    for number in 0..12 {
        let mut found: Vec<String> = view
            .transactions_by_id(id(number))
            .unwrap()
            .iter()
            .map(|event| format!("{} {:?}", event.book, event.body))
            .collect();
        found.sort();
        answers.insert(format!("id {number} {found:?}"));
    }
    answers.extend(scanned(view));
    answers
}

fn scanned(view: &View) -> BTreeSet<String> {
    let mut answers = BTreeSet::new();
    let all = Selection::default();
    let in_a = Selection { book: Some("a".into()), ..all.clone() };
    let exactly = |path: &str| Some(PathSelection::exact(path));
    let texts = |texts: [&str; 3]| texts.into_iter().map(str::to_owned).collect();
    let paths = PathSelection::OneOf(texts(["till", "nowhere", "cash"]));
    let keys = texts(["k3", "k1", "nothing"]);
    let ids = [id(5), id(1), id(2)].into_iter().collect();
    let selections = [
        ("path", Selection { path: exactly("cash"), ..in_a.clone() }),
        ("path of all", Selection { path: exactly("till"), ..all.clone() }),
        ("key", Selection { idempotency_key: Some(OneOf::value("k3".into())), ..in_a.clone() }),
        ("id", Selection { tx_id: Some(OneOf::value(id(2))), ..all.clone() }),
        ("paths", Selection { path: Some(paths), ..in_a.clone() }),
        ("keys", Selection { idempotency_key: Some(keys), ..in_a.clone() }),
        ("ids", Selection { tx_id: Some(ids), ..all.clone() }),
        ("book", in_a),
        ("all", all),
    ];
    for (what, selection) in selections {
        // Without seq, lsn and committed_at.
        let postings = [0, 1, 2, 5, 6, 7, 8, 9, 10];
        answers.extend(rows(what, view, &selection, View::scan_postings, postings));
        if selection.path.is_none() {
            let transactions = [0, 1, 4, 5, 7, 8, 9, 10];
            answers.extend(rows(what, view, &selection, View::scan_transactions, transactions));
        }
    }
    answers
}

fn open(dir: &std::path::Path) -> Ledger {
    let ledger = Ledger::open(dir).unwrap();
    open_books(&ledger, &BOOKS);
    for (book, number) in BOOKS.into_iter().zip([0, 1]) {
        let till = account(book, "till", AccountKind::Asset, Some(0));
        ledger.submit(&[till]).wait().unwrap();
        let funded = Step::Transfer {
            book: usize::from(number),
            key: number,
            id: number,
            debit: 2,
            credit: 1,
            amount: 50,
        };
        ledger.submit(&[draft(&funded).unwrap()]).wait().unwrap();
    }
    ledger
}

/// One block, run by the store and by the model side by side.
struct Run {
    ledger: Ledger,
    base: Base,
    staged: StagedWrites,
    block: Block,
    marks: Vec<(StagedMark, Block)>,
}

impl Run {
    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if let Some(draft) = draft(step) {
            return self.decide(&draft);
        }
        match step {
            Step::Begin { book, key } => {
                let book = BOOKS[*book];
                let probe = transfer(book, &format!("k{key}"), "cash", "sales", 1);
                // Only with a key that is free, as a session would.
                if matches!(self.base.decide(&self.block.group, &probe), Ok(Decision::New(_))) {
                    let tx_id = begin(&mut self.staged, book, &format!("k{key}"));
                    let (_, transaction) = self.staged.transaction(tx_id).unwrap();
                    let body = EventBody::TransactionPosted(transaction);
                    self.block.group.push((name(book), body));
                    self.block.begun.push(tx_id);
                }
            }
            Step::Legs { which, legs } => {
                let Some(tx_id) = self.block.begun.get(*which).copied() else { return Ok(()) };
                let legs: Vec<PostingDraft> = legs
                    .iter()
                    .map(|(cash, debit, amount)| free_leg(*cash, *debit, *amount))
                    .collect();
                self.add_legs(tx_id, &legs);
            }
            Step::Mark => self.marks.push((self.staged.mark(), self.block.clone())),
            Step::RollBack(depth) => {
                if let Some((mark, block)) = self.marks.get(*depth).cloned() {
                    self.marks.truncate(*depth + 1);
                    self.staged.roll_back_to(mark);
                    self.block = block;
                }
            }
            _ => unreachable!("every other step is a draft"),
        }
        Ok(())
    }

    fn decide(&mut self, draft: &Draft) -> Result<(), TestCaseError> {
        let expected = self.base.decide(&self.block.group, draft);
        let decided = block_on(self.ledger.decide_staged(&self.staged, draft));
        let expected = told(expected, &self.base, draft);
        prop_assert_eq!(told_by_the_store(&decided), expected, "{:?}", draft);
        if let Ok(StagedDecision::New(body)) = decided {
            self.staged.add(&draft.book(), body.clone());
            self.block.group.push((draft.book(), body));
        }
        Ok(())
    }

    fn add_legs(&mut self, tx_id: Uuid, legs: &[PostingDraft]) {
        let (book, _) = self.staged.transaction(tx_id).unwrap();
        let postings = block_on(self.ledger.resolve_postings(&self.staged, &book, legs)).unwrap();
        self.staged.add_postings(tx_id, postings.clone());
        self.block.legs_of(tx_id).extend(postings);
    }

    /// Gives every transaction that was begun the legs it lacks.
    fn complete(&mut self) {
        for tx_id in self.block.begun.clone() {
            let mut totals = Totals { debits: 1, credits: 1 };
            for posting in self.block.legs_of(tx_id).iter() {
                totals = totals.checked_add(&posting.totals()).unwrap();
            }
            let legs =
                [free_leg(true, true, totals.credits), free_leg(false, false, totals.debits)];
            self.add_legs(tx_id, &legs);
        }
    }
}

/// A leg on one of the accounts that have no minimum.
fn free_leg(cash: bool, debit: bool, amount: i128) -> PostingDraft {
    let direction = if debit { Direction::Debit } else { Direction::Credit };
    leg(if cash { "cash" } else { "sales" }, direction, amount)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_block_sees_what_committing_it_brings(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path());
        let base = Base::of(&ledger);
        let (staged, block) = (StagedWrites::default(), Block::default());
        let untouched = answers(&ledger.view());
        let mut run = Run { ledger, base, staged, block, marks: Vec::new() };
        for step in &steps {
            run.take(step)?;
        }
        run.complete();
        let ledger = &run.ledger;
        let seen = answers(&ledger.view().with_staged(Arc::new(run.staged.clone())));
        prop_assert_eq!(&answers(&ledger.view()), &untouched);
        let outcomes = ledger.submit(&run.block.drafts()).wait();
        let Ok(outcomes) = outcomes else { panic!("{outcomes:?}") };
        let new = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Committed(_)));
        prop_assert!(new, "{:?}", outcomes);
        let committed = answers(&ledger.view());
        for difference in seen.symmetric_difference(&committed) {
            prop_assert!(false, "{}", difference);
        }

        // Undone to its beginning, nothing of a block is left.
        let mut nothing = StagedWrites::default();
        nothing.clone_from(&run.staged);
        nothing.roll_back_to(StagedWrites::default().mark());
        prop_assert!(nothing.is_empty());
        prop_assert_eq!(format!("{nothing:?}"), format!("{:?}", StagedWrites::default()));
    }
}
