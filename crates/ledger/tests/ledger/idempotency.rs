//! The same thing said twice happens once, and something else under the same key is refused.

use crate::book::{
    Book, asset, credit, debit, id_of, json, of, open, post, register, reverse, transaction,
};
use ledger::{
    AccountField, AccountKind, AssetField, Decision, Draft, Original, Rejection, Timestamp,
    TransactionContent, TransactionDraft, TransactionField,
};

fn shop() -> Book {
    Book::with_accounts(&[
        ("cash", "USD", AccountKind::Asset),
        ("sales", "USD", AccountKind::Income),
    ])
}

fn sale() -> TransactionDraft {
    let postings = vec![debit("cash", 30), credit("sales", 10), credit("sales", 20)];
    TransactionDraft {
        metadata: json(r#"{"n":1,"deep":{"a":[1,2]}}"#),
        external_refs: json(r#"["r-1"]"#),
        ..transaction("sale", TransactionContent::Postings(postings))
    }
}

#[test]
fn what_counts_as_the_same_content() {
    let postings =
        |legs| TransactionDraft { content: TransactionContent::Postings(legs), ..sale() };
    let cases = [
        ("sent again", sale()),
        ("another tx_id", TransactionDraft { tx_id: id_of("other"), ..sale() }),
        (
            "legs in another order, assets named",
            postings(vec![
                of(credit("sales", 20), "USD"),
                of(debit("cash", 30), "USD"),
                credit("sales", 10),
            ]),
        ),
        (
            "metadata in another spelling",
            TransactionDraft {
                metadata: json(r#"{ "deep":{"a":[1.0,2e0]}, "n":1.00 }"#),
                ..sale()
            },
        ),
    ];
    let mut book = shop();
    book.accept(&Draft::PostTransaction(sale()));
    let seq = book.state.head().0;
    for (name, draft) in cases {
        assert_eq!(book.replay(&Draft::PostTransaction(draft)), seq, "{name}");
    }
    assert_eq!(book.state.head().0, seq, "a replay is no event");
}

#[test]
fn what_differs_is_named() {
    use TransactionField::{ExternalRefs, Metadata, OccurredAt, Postings, Reverses};
    let postings =
        |legs| TransactionDraft { content: TransactionContent::Postings(legs), ..sale() };
    let unknown_account = vec![debit("cash", 30), credit("nobody", 30)];
    let cases = [
        (vec![Postings], postings(vec![debit("cash", 30), credit("sales", 30)])),
        (
            vec![Postings],
            postings(vec![debit("cash", 30), credit("sales", 15), credit("sales", 15)]),
        ),
        (vec![Postings], postings(unknown_account)),
        (vec![Metadata], TransactionDraft { metadata: json(r#"{"n":1}"#), ..sale() }),
        (vec![ExternalRefs], TransactionDraft { external_refs: json("{}"), ..sale() }),
        (vec![OccurredAt], TransactionDraft { occurred_at: Some(Timestamp(0)), ..sale() }),
        (
            vec![Postings, Reverses],
            TransactionDraft { content: TransactionContent::Reversal(id_of("x")), ..sale() },
        ),
        (
            vec![Metadata, OccurredAt],
            TransactionDraft { metadata: json("null"), occurred_at: Some(Timestamp(5)), ..sale() },
        ),
    ];
    let mut book = shop();
    book.accept(&Draft::PostTransaction(sale()));
    let original = book.state.head();
    for (expected, draft) in cases {
        match book.refuse(&Draft::PostTransaction(draft)) {
            Rejection::IdempotencyKeyConflict { differs, seq, .. } => {
                assert_eq!((differs, seq), (expected, original));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_time_given_and_a_time_left_out_differ_both_ways() {
    let timed = TransactionDraft { occurred_at: Some(Timestamp(7)), ..sale() };
    let mut book = shop();
    book.accept(&Draft::PostTransaction(timed.clone()));
    book.replay(&Draft::PostTransaction(timed));
    let rejection = book.refuse(&Draft::PostTransaction(sale()));
    assert!(matches!(rejection, Rejection::IdempotencyKeyConflict { .. }), "{rejection}");
}

#[test]
fn a_reversal_replays_as_a_reversal_only() {
    let mut book = shop();
    book.accept(&Draft::PostTransaction(sale()));
    book.accept(&reverse("undo", "sale"));
    assert_eq!(book.replay(&reverse("undo", "sale")), book.state.head().0);

    // The same legs, posted by hand, do not mark the sale as reversed: not the same thing.
    let by_hand = [credit("cash", 30), debit("sales", 10), debit("sales", 20)];
    match book.refuse(&post("undo", &by_hand)) {
        Rejection::IdempotencyKeyConflict { differs, .. } => {
            assert_eq!(differs, [TransactionField::Reverses]);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_rejection_does_not_burn_its_key() {
    let mut book = shop();
    book.refuse(&post("k", &[debit("cash", 1), credit("nobody", 1)]));
    book.refuse(&post("k", &[debit("cash", 1), credit("sales", 2)]));
    book.accept(&post("k", &[debit("cash", 1), credit("sales", 1)]));
}

#[test]
fn a_replay_is_answered_whatever_has_happened_since() {
    let mut book = shop();
    book.accept(&post("k", &[debit("cash", 1), credit("sales", 1)]));
    book.accept(&crate::book::close("cash"));
    book.replay(&post("k", &[debit("cash", 1), credit("sales", 1)]));
}

#[test]
fn keys_and_ids_belong_to_one_book() {
    let mut one = shop();
    let mut other = shop();
    one.accept(&post("k", &[debit("cash", 1), credit("sales", 1)]));
    other.accept(&post("k", &[debit("cash", 2), credit("sales", 2)]));
}

#[test]
fn accounts_and_assets_compare_with_how_they_began() {
    let mut book = shop();
    let opening = open("wallet", "USD", AccountKind::Liability, Some(-5));
    book.accept(&opening);
    let lifted =
        ledger::AccountChange { min_balance: Some(None), ..ledger::AccountChange::default() };
    book.accept(&crate::book::change("wallet", lifted));
    book.accept(&crate::book::close("wallet"));

    let replayed = book.submit(&opening);
    assert!(matches!(replayed, Ok(Decision::Replay(Original::Account(_)))), "{replayed:?}");
    let replayed = book.submit(&register(asset("USD")));
    assert!(matches!(replayed, Ok(Decision::Replay(Original::Asset(_)))), "{replayed:?}");

    match book.refuse(&open("wallet", "EUR", AccountKind::Asset, None)) {
        Rejection::AccountExists { differs, .. } => {
            assert_eq!(differs, [AccountField::Asset, AccountField::Kind, AccountField::MinBalance])
        }
        other => panic!("{other}"),
    }
    let renamed = ledger::Asset { name: "Dollar".to_owned(), precision: 3, ..asset("USD") };
    match book.refuse(&register(renamed)) {
        Rejection::AssetExists { differs, .. } => {
            assert_eq!(differs, [AssetField::Precision, AssetField::Name]);
        }
        other => panic!("{other}"),
    }
}
