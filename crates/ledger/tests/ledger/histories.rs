//! Random histories: what the rules accept balances, keeps its minimums, passes the audit, and
//! comes to the same state however it is applied.

use crate::book::{Book, asset, asset_id, book_name, id_of, json, key, note, path, register};
use crate::model::{Model, Verdict, effective, name_of};
use ledger::{
    AMOUNT_MAX, AccountChange, AccountChangeDraft, AccountKind, AccountOpening, BookState,
    Decision, Direction, Draft, Original, Overlay, PostingDraft, Rejection, Seq, Timestamp,
    TransactionContent, TransactionDraft, TransactionIndex, decide,
};
use proptest::prelude::*;
use std::sync::Arc;

const PATHS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const KEYS: usize = 40;

/// Mostly small amounts, sometimes the edges.
fn amount() -> impl Strategy<Value = i128> {
    prop_oneof![
        12 => 1i128..50,
        1 => Just(AMOUNT_MAX / 2),
        1 => Just(AMOUNT_MAX),
        1 => Just(AMOUNT_MAX + 1),
        1 => -1i128..=0,
    ]
}

fn some_path() -> impl Strategy<Value = &'static str> {
    prop_oneof![30 => prop::sample::select(&PATHS[..]), 1 => Just("nobody")]
}

fn some_asset() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just("USD"), 4 => Just("EUR"), 1 => Just("XAU")]
}

fn document() -> impl Strategy<Value = ledger::JsonDocument> {
    prop_oneof![8 => Just("{}"), 1 => Just(r#"{"n":1}"#), 1 => Just(r#"{"n":1.0}"#)].prop_map(json)
}

fn leg() -> impl Strategy<Value = PostingDraft> {
    (some_path(), prop::option::weighted(0.1, some_asset()), any::<bool>(), amount()).prop_map(
        |(at, asset, is_debit, amount)| PostingDraft {
            account: path(at),
            asset: asset.map(asset_id),
            direction: if is_debit { Direction::Debit } else { Direction::Credit },
            amount,
        },
    )
}

/// Pairs of legs that balance if their accounts hold one asset.
fn pairs() -> impl Strategy<Value = Vec<PostingDraft>> {
    prop::collection::vec((leg(), some_path()), 1..3).prop_map(|pairs| {
        pairs
            .into_iter()
            .flat_map(|(leg, other)| {
                let direction = leg.direction.opposite();
                [PostingDraft { account: path(other), direction, ..leg.clone() }, leg]
            })
            .collect()
    })
}

fn content() -> impl Strategy<Value = TransactionContent> {
    prop_oneof![
        12 => pairs().prop_map(TransactionContent::Postings),
        2 => prop::collection::vec(leg(), 0..5).prop_map(TransactionContent::Postings),
        3 => (0..KEYS).prop_map(|n| TransactionContent::Reversal(id_of(&format!("k{n}")))),
    ]
}

fn posting() -> impl Strategy<Value = Draft> {
    let id = prop_oneof![20 => Just(None), 1 => (0..KEYS).prop_map(Some)];
    let occurred_at = prop::option::weighted(0.1, Just(Timestamp(5)));
    (0..KEYS, id, occurred_at, document(), document(), content()).prop_map(
        |(n, id, occurred_at, metadata, external_refs, content)| {
            Draft::PostTransaction(TransactionDraft {
                book: book_name(),
                tx_id: id_of(&format!("k{}", id.unwrap_or(n))),
                idempotency_key: key(&format!("k{n}")),
                occurred_at,
                metadata,
                external_refs,
                content,
            })
        },
    )
}

fn minimum() -> impl Strategy<Value = Option<i128>> {
    prop_oneof![4 => Just(None), 3 => (-20i128..1).prop_map(Some), 1 => Just(Some(3))]
}

fn opening() -> impl Strategy<Value = Draft> {
    let kind = prop::sample::select(&AccountKind::ALL[..]);
    (some_path(), some_asset(), kind, minimum(), document()).prop_map(
        |(at, asset, kind, min_balance, metadata)| Draft::OpenAccount {
            book: book_name(),
            opening: Arc::new(AccountOpening {
                path: path(at),
                asset: asset_id(asset),
                kind,
                min_balance,
                metadata,
            }),
        },
    )
}

fn change() -> impl Strategy<Value = Draft> {
    let parts = (
        prop::option::weighted(0.4, minimum()),
        prop::option::weighted(0.3, document()),
        prop::option::weighted(0.4, prop::bool::weighted(0.3)),
    );
    (some_path(), parts).prop_map(|(at, (min_balance, metadata, closed))| {
        let change = AccountChange { min_balance, metadata, closed };
        Draft::ChangeAccount(AccountChangeDraft { book: book_name(), path: path(at), change })
    })
}

fn registration() -> impl Strategy<Value = Draft> {
    let precision = prop::sample::select(&[2u8, 2, 38, 39][..]);
    (some_asset(), precision)
        .prop_map(|(id, precision)| register(ledger::Asset { precision, ..asset(id) }))
}

/// Drafts of every kind, after a start that lets most of them work.
fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let start = (prop::collection::vec(opening(), 6..12),).prop_map(|(openings,)| {
        let mut start = vec![register(asset("USD")), register(asset("EUR"))];
        start.extend(openings);
        start
    });
    let later = prop_oneof![20 => posting(), 2 => opening(), 3 => change(), 1 => registration()];
    (start, prop::collection::vec(later, 1..80)).prop_map(|(mut drafts, later)| {
        drafts.extend(later);
        drafts
    })
}

fn verdict(outcome: &Result<Decision, Rejection>) -> Verdict {
    match outcome {
        Ok(Decision::New(_)) => Verdict::New,
        Ok(Decision::Replay(_)) => Verdict::Replay,
        Ok(Decision::Unchanged) => Verdict::Unchanged,
        Err(rejection) => Verdict::Rejected(name_of(rejection)),
    }
}

fn assert_same_accounts(book: &Book, model: &Model) {
    assert_eq!(book.state.accounts().count(), model.accounts.len());
    for (at, expected) in &model.accounts {
        let account = book.account(at);
        assert_eq!(account.totals.debits as u128, expected.debits, "{at}");
        assert_eq!(account.totals.credits as u128, expected.credits, "{at}");
        assert_eq!(account.min_balance, expected.min_balance, "{at}");
        assert_eq!(account.closed, expected.closed, "{at}");
        assert_eq!(account.effective_balance(), effective(expected), "{at}");
        assert!(account.min_balance.is_none_or(|least| account.effective_balance() >= least));
    }
    for id in model.assets() {
        let (debits, credits) = model.book_totals(id);
        assert_eq!(debits, credits, "{id} balances");
        let totals = book.state.totals().find(|(asset, _)| asset.as_str() == id);
        let totals = totals.map(|(_, totals)| *totals).unwrap_or_default();
        assert_eq!((totals.debits as u128, totals.credits as u128), (debits, credits), "{id}");
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// The book and the model agree on every draft and on every balance; the book audits itself
    /// after each event.
    #[test]
    fn every_draft_comes_to_what_the_model_says(drafts in drafts()) {
        let mut book = Book::default();
        let mut model = Model::default();
        for draft in &drafts {
            let expected = model.submit(draft);
            let outcome = book.submit(draft);
            prop_assert_eq!(verdict(&outcome), expected, "{:?}", draft);
            assert_same_accounts(&book, &model);
        }
    }

    #[test]
    fn replaying_the_events_gives_the_same_state(drafts in drafts()) {
        let mut book = Book::default();
        for draft in &drafts {
            let _ = book.submit(draft);
        }
        let mut replayed = BookState::default();
        let mut past = TransactionIndex::default();
        for event in &book.events {
            replayed.apply(event);
            note(&mut past, event);
        }
        prop_assert_eq!(&replayed, &book.state);
        // The second life answers every draft as the first would now.
        for draft in &drafts {
            prop_assert_eq!(
                decide(&replayed.with(&book.assets, &past), draft),
                decide(&book.state.with(&book.assets, &book.transactions), draft)
            );
        }
    }

    /// A group decided on an overlay is what its drafts come to one after the other; a group with
    /// a rejection in it leaves nothing behind.
    #[test]
    fn an_overlay_is_the_future_of_its_book(drafts in drafts(), size in 1usize..9) {
        let mut book = Book::default();
        for group in drafts.chunks(size) {
            let head = book.state.head();
            let mut overlay = Overlay::new(&book.state, &book.assets, &book.transactions);
            let mut decided = Vec::new();
            for draft in group {
                let decision = decide(&overlay, draft);
                let new_body = match &decision {
                    Ok(Decision::New(body)) => Some(body.clone()),
                    _ => None,
                };
                decided.push(decision);
                if let Some(body) = new_body {
                    let seq = overlay.apply(&body);
                    prop_assert_eq!(seq.0, book.state.head().0 + news(&decided));
                }
            }
            drop(overlay);
            for (draft, expected) in group.iter().zip(decided) {
                prop_assert_eq!(without_places_behind(head, book.submit(draft)), expected);
            }
        }
    }

    /// No two orders of the same registrations, openings and independent transfers differ.
    #[test]
    fn the_order_of_balanced_transfers_does_not_change_balances(
        amounts in prop::collection::vec(1i128..1_000, 1..20),
    ) {
        let run = |amounts: &mut dyn Iterator<Item = (usize, &i128)>| {
            let mut book = Book::with_accounts(&[
                ("a", "USD", AccountKind::Asset),
                ("b", "USD", AccountKind::Income),
            ]);
            for (n, amount) in amounts {
                let legs = [crate::book::debit("a", *amount), crate::book::credit("b", *amount)];
                book.accept(&crate::book::post(&format!("k{n}"), &legs));
            }
            book.account("a").totals
        };
        let forward = run(&mut amounts.iter().enumerate());
        let backward = run(&mut amounts.iter().enumerate().rev());
        prop_assert_eq!(forward, backward);
        prop_assert_eq!(forward.balance(), amounts.iter().sum::<i128>());
    }
}

/// What a decision names of its own group has no place yet.
fn without_places_behind(
    head: Seq,
    mut decision: Result<Decision, Rejection>,
) -> Result<Decision, Rejection> {
    if let Ok(Decision::Replay(Original::Transaction { seq, .. }))
    | Err(Rejection::IdempotencyKeyConflict { seq, .. } | Rejection::TxIdTaken { seq, .. }) =
        &mut decision
        && *seq > head
    {
        *seq = Seq(0);
    }
    decision
}

fn news(decided: &[Result<Decision, Rejection>]) -> u64 {
    decided.iter().filter(|decision| matches!(decision, Ok(Decision::New(_)))).count() as u64
}

/// The generator is only worth something if it reaches every rule.
#[test]
fn the_histories_reach_every_verdict() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for _ in 0..300 {
        let drafts = drafts().new_tree(&mut runner).unwrap().current();
        let mut book = Book::default();
        for draft in &drafts {
            let outcome = verdict(&book.submit(draft));
            *seen.entry(format!("{outcome:?}")).or_default() += 1;
        }
    }
    let unreachable_here = ["TooManyPostings"];
    for name in crate::model::ORDER.into_iter().filter(|name| !unreachable_here.contains(name)) {
        let reached = seen.get(&format!("Rejected({name:?})")).copied().unwrap_or_default();
        assert!(reached > 0, "{name} is never reached: {seen:?}");
    }
    assert!(seen["New"] > 2_000 && seen["Replay"] > 0 && seen["Unchanged"] > 0, "{seen:?}");
}
