//! Everything that can be added up stays within 38 digits, checked at the exact edge.

use crate::book::{Book, credit, debit, open, post};
use ledger::{AMOUNT_MAX, AccountKind, Rejection, Totals};

fn ledger_of(names: &[&str]) -> Book {
    let accounts: Vec<_> = names.iter().map(|name| (*name, "USD", AccountKind::Clearing)).collect();
    Book::with_accounts(&accounts)
}

#[test]
fn the_largest_amount_is_accepted_and_one_more_is_not() {
    let mut book = ledger_of(&["a", "b"]);
    for amount in [AMOUNT_MAX + 1, i128::MAX] {
        let rejection = book.refuse(&post("k", &[debit("a", amount), credit("b", amount)]));
        assert!(matches!(rejection, Rejection::AmountOutOfRange { .. }), "{rejection}");
    }
    for amount in [0, -1, i128::MIN] {
        let rejection = book.refuse(&post("k", &[debit("a", amount), credit("b", amount)]));
        assert!(matches!(rejection, Rejection::AmountNotPositive { .. }), "{rejection}");
    }
    book.accept(&post("k", &[debit("a", AMOUNT_MAX), credit("b", AMOUNT_MAX)]));
    assert_eq!(book.account("a").totals, Totals { debits: AMOUNT_MAX, credits: 0 });
    assert_eq!(book.account("b").effective_balance(), -AMOUNT_MAX);
}

#[test]
fn legs_that_only_together_pass_the_bound() {
    let mut book = ledger_of(&["a", "b"]);
    let half = AMOUNT_MAX / 2 + 1;
    let legs = [debit("a", half), debit("a", half), credit("b", half), credit("b", half)];
    let rejection = book.refuse(&post("k", &legs));
    assert!(matches!(rejection, Rejection::AmountOutOfRange { .. }), "{rejection}");
}

#[test]
fn an_accounts_lifetime_sums_are_bounded_even_when_its_balance_is_small() {
    let mut book = ledger_of(&["a", "b", "c"]);
    book.accept(&post("1", &[debit("a", AMOUNT_MAX - 5), credit("b", AMOUNT_MAX - 5)]));
    for (path, legs) in
        [("a", [debit("a", 6), credit("c", 6)]), ("b", [debit("c", 6), credit("b", 6)])]
    {
        match book.refuse(&post("2", &legs)) {
            Rejection::BalanceOutOfRange { path: at } => assert_eq!(at.as_str(), path),
            other => panic!("{other}"),
        }
    }
    book.accept(&post("2", &[debit("a", 5), credit("b", 5)]));
    // Both sums of each account are full now, and one unit is too much.
    let rejection = book.refuse(&post("3", &[debit("a", 1), credit("b", 1)]));
    assert!(matches!(rejection, Rejection::BalanceOutOfRange { .. }), "{rejection}");
}

#[test]
fn a_books_total_is_bounded_per_asset() {
    let mut book = ledger_of(&["a", "b", "c", "d"]);
    book.accept(&open("e", "EUR", AccountKind::Clearing, None));
    book.accept(&open("f", "EUR", AccountKind::Clearing, None));
    book.accept(&post("1", &[debit("a", AMOUNT_MAX - 5), credit("b", AMOUNT_MAX - 5)]));
    match book.refuse(&post("2", &[debit("c", 6), credit("d", 6)])) {
        Rejection::BookTotalOutOfRange { asset } => assert_eq!(asset.as_str(), "USD"),
        other => panic!("{other}"),
    }
    book.accept(&post("2", &[debit("c", 5), credit("d", 5)]));
    book.accept(&post("3", &[debit("e", AMOUNT_MAX), credit("f", AMOUNT_MAX)]));
}
