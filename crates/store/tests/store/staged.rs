//! What a block has staged: decided on, read back by the block alone, undone down to a savepoint.

use crate::fixture::*;
use futures::executor::block_on;
use std::sync::Arc;
use store::*;

pub(crate) fn name(book: &str) -> BookName {
    BookName::user(book).unwrap()
}

pub(crate) fn leg(path: &str, direction: Direction, amount: i128) -> PostingDraft {
    PostingDraft { account: AccountPath::new(path).unwrap(), asset: None, direction, amount }
}

fn decide(
    ledger: &Ledger,
    staged: &StagedWrites,
    draft: &Draft,
) -> Result<StagedDecision, Rejection> {
    block_on(ledger.decide_staged(staged, draft)).map_err(|error| match error {
        CommitError::Rejected { index: 0, rejection } => rejection,
        other => panic!("{other:?}"),
    })
}

/// Decides and stages what is new.
fn stage(ledger: &Ledger, staged: &mut StagedWrites, draft: &Draft) {
    match decide(ledger, staged, draft) {
        Ok(StagedDecision::New(body)) => staged.add(&draft.book(), body),
        other => panic!("{draft:?}: {other:?}"),
    }
}

/// Stages a transaction without legs, as an ORM begins one; gives its id.
pub(crate) fn begin(staged: &mut StagedWrites, book: &str, key: &str) -> Uuid {
    let tx_id = Uuid::now_v7();
    let transaction = Transaction {
        tx_id,
        idempotency_key: IdempotencyKey::new(key).unwrap(),
        occurred_at: None,
        metadata: JsonDocument::default(),
        external_refs: JsonDocument::default(),
        reverses: None,
        postings: Vec::new(),
    };
    staged.add(&name(book), EventBody::TransactionPosted(Arc::new(transaction)));
    tx_id
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    (dir, ledger)
}

#[test]
fn drafts_of_a_block_see_what_it_staged_and_nobody_else_does() {
    let (_dir, ledger) = ledger();
    sell(&ledger, "a", "before", 10);
    let mut staged = StagedWrites::default();
    stage(&ledger, &mut staged, &account("a", "till", AccountKind::Asset, Some(0)));
    let refused = decide(&ledger, &staged, &transfer("a", "k1", "sales", "till", 1));
    assert!(matches!(refused, Err(Rejection::BelowMinBalance { .. })), "{refused:?}");
    stage(&ledger, &mut staged, &transfer("a", "k1", "till", "cash", 7));
    stage(&ledger, &mut staged, &transfer("a", "k2", "sales", "till", 7));

    let view = ledger.view().with_staged(Arc::new(staged.clone()));
    let till = view.account("a", "till").unwrap().unwrap();
    assert_eq!((till.totals, till.opened_seq), (Totals { debits: 7, credits: 7 }, None));
    assert_eq!(balance(&view, "a", "cash"), 3);
    assert_eq!(balance(&ledger.view(), "a", "cash"), 10);
    assert!(ledger.view().account("a", "till").unwrap().is_none());
    assert!(view.transaction_by_key("a", "k2").unwrap().is_some());
    assert!(ledger.view().transaction_by_key("a", "k2").unwrap().is_none());
    for refused in [view.books().err(), view.events_from("a", Seq(1), 1).err()] {
        assert!(matches!(refused, Some(ReadError::StagedNotShown { .. })), "{refused:?}");
    }
}

#[test]
fn names_that_the_block_took_are_taken() {
    let (_dir, ledger) = ledger();
    let original = sell(&ledger, "a", "committed", 10);
    let mut staged = StagedWrites::default();
    let first = transfer("a", "k", "cash", "sales", 1);
    stage(&ledger, &mut staged, &first);
    let EventBody::TransactionPosted(posted) = &original.body else { unreachable!() };
    stage(&ledger, &mut staged, &reversal("a", "undo", posted.tx_id));
    let Draft::PostTransaction(same_id) = &first else { unreachable!() };
    let same_id = TransactionDraft {
        idempotency_key: IdempotencyKey::new("other").unwrap(),
        ..same_id.clone()
    };

    let repeated = decide(&ledger, &staged, &transfer("a", "k", "cash", "sales", 1));
    assert!(matches!(repeated, Ok(StagedDecision::ReplayedStaged(_))), "{repeated:?}");
    let committed = decide(&ledger, &staged, &transfer("a", "committed", "cash", "sales", 10));
    assert_eq!(committed, Ok(StagedDecision::Replayed(original.clone())));
    let other = decide(&ledger, &staged, &transfer("a", "k", "cash", "sales", 2));
    assert!(
        matches!(other, Err(Rejection::IdempotencyKeyConflict { seq: Seq(0), .. })),
        "{other:?}"
    );
    let taken = decide(&ledger, &staged, &Draft::PostTransaction(same_id));
    assert!(matches!(taken, Err(Rejection::TxIdTaken { seq: Seq(0), .. })), "{taken:?}");
    let twice = decide(&ledger, &staged, &reversal("a", "again", posted.tx_id));
    assert!(matches!(twice, Err(Rejection::AlreadyReversed { .. })), "{twice:?}");
    let elsewhere = decide(&ledger, &staged, &transfer("b", "k", "cash", "sales", 2));
    assert!(matches!(elsewhere, Ok(StagedDecision::New(_))), "{elsewhere:?}");
}

#[test]
fn a_transaction_is_assembled_leg_by_leg() {
    let (_dir, ledger) = ledger();
    let mut staged = StagedWrites::default();
    let tx_id = begin(&mut staged, "a", "k");
    stage(&ledger, &mut staged, &transfer("a", "later", "cash", "sales", 5));
    let resolve = |staged: &StagedWrites, legs: &[PostingDraft]| {
        block_on(ledger.resolve_postings(staged, &name("a"), legs))
    };
    let mark = staged.mark();
    let legs = resolve(&staged, &[leg("cash", Direction::Debit, 3)]).unwrap();
    staged.add_postings(tx_id, legs);
    let other = resolve(&staged, &[leg("sales", Direction::Credit, 3)]).unwrap();
    staged.add_postings(tx_id, other);

    let view = ledger.view().with_staged(Arc::new(staged.clone()));
    // In the order in which they will be committed: the transaction was begun first.
    let history = view.account_history("a", "cash", Seq(1), 10).unwrap();
    let seen: Vec<(i128, i128)> =
        history.iter().map(|row| (row.posting.amount, row.totals_after.debits)).collect();
    assert_eq!(seen, [(3, 3), (5, 8)]);
    assert_eq!(staged.transaction(tx_id).unwrap().1.postings.len(), 2);

    staged.roll_back_to(mark);
    assert_eq!(staged.transaction(tx_id).unwrap().1.postings, []);
    let view = ledger.view().with_staged(Arc::new(staged.clone()));
    assert_eq!(balance(&view, "a", "cash"), 5);

    for (legs, index, expected) in [
        (vec![leg("cash", Direction::Debit, 1), leg("nowhere", Direction::Debit, 1)], 1, "exist"),
        (vec![leg("cash", Direction::Debit, 0)], 0, "not positive"),
        (vec![leg("cash", Direction::Debit, AMOUNT_MAX); 2], 0, "38 digits"),
    ] {
        let Err(CommitError::Rejected { index: at, rejection }) = resolve(&staged, &legs) else {
            panic!("{legs:?}")
        };
        assert_eq!(at, index, "{rejection}");
        assert!(rejection.to_string().contains(expected), "{rejection}");
    }
}

pub(crate) fn reversal(book: &str, key: &str, reversed: Uuid) -> Draft {
    let Draft::PostTransaction(draft) = transfer(book, key, "cash", "sales", 1) else {
        unreachable!()
    };
    let content = TransactionContent::Reversal(reversed);
    Draft::PostTransaction(TransactionDraft { content, ..draft })
}
