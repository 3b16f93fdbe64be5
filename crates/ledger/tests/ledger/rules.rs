//! What the rules refuse, which of two faults they name, and how reversals behave.

use crate::book::{
    Book, asset, change, close, credit, debit, id_of, of, open, path, post, register, reverse,
    transaction,
};
use ledger::{
    AMOUNT_MAX, AccountChange, AccountKind, Decision, Draft, EventBody, POSTINGS_MAX, PostingDraft,
    Rejection, TransactionContent,
};

/// Two dollar accounts, a euro account, a closed one, and one that must not fall below zero.
fn shop() -> Book {
    let mut book = Book::with_accounts(&[
        ("cash", "USD", AccountKind::Asset),
        ("sales", "USD", AccountKind::Income),
        ("cash:eur", "EUR", AccountKind::Asset),
        ("old", "USD", AccountKind::Liability),
    ]);
    book.accept(&open("wallet", "USD", AccountKind::Liability, Some(0)));
    book.accept(&post("first", &[debit("cash", 10), credit("sales", 10)]));
    book.accept(&close("old"));
    book
}

#[test]
fn each_fault_has_its_rejection() {
    let unbalanced = [debit("cash", 2), credit("sales", 1)];
    let below = [debit("wallet", 1), credit("sales", 1)];
    let many: Vec<PostingDraft> = (0..=POSTINGS_MAX)
        .map(|n| if n % 2 == 0 { debit("cash", 1) } else { credit("sales", 1) })
        .collect();
    let cases: [(&str, &[PostingDraft]); 10] = [
        ("UnknownAccount", &[debit("cash", 1), credit("nobody", 1)]),
        ("AccountClosed", &[debit("cash", 1), credit("old", 1)]),
        ("AssetMismatch", &[debit("cash", 1), of(credit("sales", 1), "EUR")]),
        ("TooManyPostings", &many),
        ("TooFewPostings", &[debit("cash", 1)]),
        ("TooFewPostings", &[]),
        ("AmountNotPositive", &[debit("cash", 0), credit("sales", 0)]),
        ("AmountOutOfRange", &[debit("cash", AMOUNT_MAX + 1), credit("sales", AMOUNT_MAX + 1)]),
        ("Unbalanced", &unbalanced),
        ("BelowMinBalance", &below),
    ];
    for (expected, postings) in cases {
        let rejection = shop().refuse(&post("next", postings));
        assert_eq!(variant(&rejection), expected, "{rejection}");
    }
}

#[test]
fn of_two_faults_the_earlier_variant_is_named() {
    let unbalanced = [debit("cash", 2), credit("sales", 1)];
    let cases: [(&str, Draft); 12] = [
        ("IdempotencyKeyConflict", post("first", &[debit("nobody", 1)])),
        ("TxIdTaken", with_id("next", "first", &[debit("nobody", 1)])),
        ("UnknownAccount", post("next", &[debit("old", 1), credit("nobody", 1)])),
        ("UnknownAccount", post("next", &[of(debit("cash", 1), "EUR"), credit("nobody", 1)])),
        ("AccountClosed", post("next", &[of(debit("cash", 1), "EUR"), credit("old", 1)])),
        ("AccountClosed", post("next", &[of(debit("old", 1), "EUR")])),
        ("AssetMismatch", post("next", &[of(debit("cash", 1), "EUR")])),
        ("TooFewPostings", post("next", &[debit("cash", -1)])),
        ("AmountNotPositive", post("next", &[debit("cash", AMOUNT_MAX + 1), credit("sales", 0)])),
        ("AmountOutOfRange", post("next", &[debit("cash", AMOUNT_MAX + 1), credit("sales", 1)])),
        ("Unbalanced", post("next", &[debit("wallet", 2), credit("sales", 1)])),
        ("Unbalanced", post("next", &unbalanced)),
    ];
    for (expected, draft) in cases {
        let rejection = shop().refuse(&draft);
        assert_eq!(variant(&rejection), expected, "{draft:?}: {rejection}");
    }
}

#[test]
fn the_faults_of_assets_and_accounts() {
    let precise = ledger::Asset { precision: 39, ..asset("XAU") };
    let other = ledger::Asset { precision: 3, ..asset("USD") };
    let raised = AccountChange { min_balance: Some(Some(1)), ..AccountChange::default() };
    let cases = [
        ("PrecisionOutOfRange", register(precise)),
        ("AssetExists", register(other)),
        ("AccountExists", open("cash", "USD", AccountKind::Expense, None)),
        ("AccountExists", open("cash", "nothing", AccountKind::Asset, None)),
        ("UnknownAsset", open("gold", "XAU", AccountKind::Asset, Some(1))),
        ("BelowMinBalance", open("gold", "USD", AccountKind::Asset, Some(1))),
        ("UnknownAccount", change("nobody", AccountChange::default())),
        ("BelowMinBalance", change("wallet", raised)),
    ];
    for (expected, draft) in cases {
        let rejection = shop().refuse(&draft);
        assert_eq!(variant(&rejection), expected, "{draft:?}: {rejection}");
    }
}

#[test]
fn a_transaction_balances_in_each_of_its_assets() {
    let mut book = shop();
    book.accept(&open("sales:eur", "EUR", AccountKind::Income, None));
    let exchange = [
        debit("cash", 110),
        credit("sales", 110),
        debit("cash:eur", 100),
        credit("sales:eur", 100),
    ];
    book.accept(&post("exchange", &exchange));

    // Equal as bare numbers, but a dollar is not a euro.
    match book.refuse(&post("mixed", &[debit("cash", 5), credit("sales:eur", 5)])) {
        Rejection::Unbalanced { asset, debits, credits } => {
            assert_eq!((asset.as_str(), debits, credits), ("EUR", 0, 5));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn the_minimum_counts_the_sum_of_a_transactions_legs_on_the_normal_side() {
    let mut book = shop();
    // In the middle the wallet would stand at -5; only the end counts.
    book.accept(&post("wash", &[debit("wallet", 5), credit("wallet", 5)]));
    book.accept(&post("fill", &[debit("cash", 7), credit("wallet", 7)]));
    assert_eq!(book.account("wallet").effective_balance(), 7);
    match book.refuse(&post("draw", &[debit("wallet", 8), credit("cash", 8)])) {
        Rejection::BelowMinBalance { path: at, balance, min_balance } => {
            assert_eq!((at, balance, min_balance), (path("wallet"), -1, 0));
        }
        other => panic!("{other}"),
    }
    book.accept(&post("draw all", &[debit("wallet", 7), credit("cash", 7)]));

    // A minimum may be lifted, and then the same draw is fine.
    let lifted = AccountChange { min_balance: Some(None), ..AccountChange::default() };
    book.accept(&change("wallet", lifted));
    book.accept(&post("draw", &[debit("wallet", 8), credit("cash", 8)]));
    assert_eq!(book.account("wallet").effective_balance(), -8);
}

#[test]
fn every_kind_turns_its_balance_to_its_own_side() {
    for kind in AccountKind::ALL {
        let mut book =
            Book::with_accounts(&[("it", "USD", kind), ("other", "USD", AccountKind::Clearing)]);
        book.accept(&post("k", &[debit("it", 9), credit("other", 9)]));
        let expected = match kind {
            AccountKind::Asset | AccountKind::Expense | AccountKind::Clearing => 9,
            AccountKind::Liability | AccountKind::Income | AccountKind::Equity => -9,
        };
        assert_eq!(book.account("it").effective_balance(), expected, "{kind}");
    }
}

#[test]
fn a_reversal_is_the_mirror_image_and_happens_once() {
    let mut book = shop();
    let body = book.accept(&reverse("undo", "first"));
    let EventBody::TransactionPosted(reversal) = body else { panic!("{body:?}") };
    assert_eq!(reversal.reverses, Some(id_of("first")));
    assert_eq!(book.account("cash").totals.balance(), 0);
    assert_eq!(book.account("cash").totals.debits, 10, "lifetime sums never shrink");

    match book.refuse(&reverse("undo again", "first")) {
        Rejection::AlreadyReversed { tx_id, by } => {
            assert_eq!((tx_id, by), (id_of("first"), id_of("undo")));
        }
        other => panic!("{other}"),
    }
    assert_eq!(variant(&book.refuse(&reverse("u", "never posted"))), "UnknownReversed");
    // A transaction cannot undo itself, and an undoing can be undone.
    assert_eq!(variant(&book.refuse(&reverse("self", "self"))), "UnknownReversed");
    book.accept(&reverse("redo", "undo"));
    assert_eq!(book.account("cash").totals.balance(), 10);
}

#[test]
fn a_reversal_obeys_the_same_rules_as_any_transaction() {
    let mut book = shop();
    book.accept(&post("fill", &[debit("cash", 7), credit("wallet", 7)]));
    book.accept(&post("spend", &[debit("wallet", 3), credit("sales", 3)]));
    assert_eq!(variant(&book.refuse(&reverse("undo", "fill"))), "BelowMinBalance");

    book.accept(&close("sales"));
    assert_eq!(variant(&book.refuse(&reverse("undo", "spend"))), "AccountClosed");
}

#[test]
fn a_change_that_changes_nothing_makes_no_event() {
    let mut book = shop();
    let same = [
        AccountChange::default(),
        AccountChange { closed: Some(false), ..AccountChange::default() },
        AccountChange { min_balance: Some(None), ..AccountChange::default() },
        AccountChange { metadata: Some(ledger::JsonDocument::default()), ..Default::default() },
    ];
    for unchanged in same {
        assert_eq!(book.submit(&change("cash", unchanged)), Ok(Decision::Unchanged));
    }
    book.accept(&close("cash"));
    assert_eq!(book.submit(&close("cash")), Ok(Decision::Unchanged));
    let opened = AccountChange { closed: Some(false), ..AccountChange::default() };
    book.accept(&change("cash", opened));
    book.accept(&post("again", &[debit("cash", 1), credit("sales", 1)]));
}

#[test]
fn names_are_checked_at_the_door() {
    use ledger::{BookName, NameProblem};
    let problem = |text: &str| BookName::user(text).map_err(|error| error.problem);
    let long = "x".repeat(256);
    assert_eq!(problem(""), Err(NameProblem::Empty));
    assert_eq!(problem(&long), Err(NameProblem::TooLong(256)));
    assert_eq!(problem("a\u{0}b"), Err(NameProblem::ControlCharacter));
    assert_eq!(problem("tab\there"), Err(NameProblem::ControlCharacter));
    assert_eq!(problem("c1 \u{85}"), Err(NameProblem::ControlCharacter));
    assert_eq!(problem("_system"), Err(NameProblem::Reserved));
    for fine in ["a", "účet/1", "with space", "日本", &long[..255]] {
        assert_eq!(BookName::user(fine).unwrap().as_str(), fine);
    }
}

fn with_id(key: &str, id: &str, postings: &[PostingDraft]) -> Draft {
    let content = TransactionContent::Postings(postings.to_vec());
    Draft::PostTransaction(ledger::TransactionDraft {
        tx_id: id_of(id),
        ..transaction(key, content)
    })
}

/// The name of a rejection's variant.
fn variant(rejection: &Rejection) -> String {
    let debug = format!("{rejection:?}");
    debug.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// The legs of an account are summed wherever they stand, however many accounts there are.
#[test]
fn a_minimum_holds_for_the_sum_of_an_accounts_legs_among_many() {
    for others in [1, 15, 16, 17, 40] {
        let mut book = shop();
        let paths: Vec<String> = (0..others).map(|n| format!("other:{n}")).collect();
        for other in &paths {
            book.accept(&open(other, "USD", AccountKind::Asset, None));
        }
        // In and out of the wallet, with all the others in between, twice over.
        let around = |out: i128| {
            let mut legs = vec![debit("wallet", out), credit("cash", out)];
            for round in 1..=2 {
                legs.extend(paths.iter().map(|other| debit(other, round)));
                legs.extend(paths.iter().map(|other| credit(other, round)));
            }
            legs.extend([credit("wallet", 5), debit("cash", 5)]);
            legs
        };
        let rejection = book.refuse(&post("too much", &around(6)));
        assert_eq!(variant(&rejection), "BelowMinBalance", "{others}: {rejection}");
        book.accept(&post("all of it", &around(5)));
        for other in &paths {
            assert_eq!(book.account(other).totals.debits, 3, "{other} of {others}");
        }
    }
}
