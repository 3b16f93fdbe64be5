//! The forms of writing statements beside the plain INSERT.

use super::*;

const TRANSFERS: &str = "INSERT INTO transfers \
    (book, idempotency_key, debit_account, credit_account, amount) VALUES";

#[tokio::test]
async fn on_conflict_do_nothing_skips_what_is_there() {
    let mut shop = shop().await;
    let posted = format!("{TRANSFERS} ('shop', 'k1', 'cash', 'sales', 5)");
    shop.run(&posted).await.unwrap();
    let cases = [
        // A replay, a conflict, and a new one.
        ("('shop', 'k1', 'cash', 'sales', 5)", "INSERT 0 0", ""),
        ("('shop', 'k1', 'cash', 'sales', 6)", "INSERT 0 0", "(book, idempotency_key)"),
        (
            "('shop', 'k1', 'cash', 'sales', 6), ('shop', 'k2', 'cash', 'sales', 7)",
            "INSERT 0 1",
            "(idempotency_key, book)",
        ),
        (
            "('shop', 'k3', 'cash', 'sales', 1), ('shop', 'k3', 'cash', 'sales', 2)",
            "INSERT 0 1",
            "ON CONSTRAINT transactions_idempotency_key",
        ),
    ];
    for (rows, tag, target) in cases {
        for (begin, end) in [(None, None), (Some("BEGIN"), Some("ROLLBACK"))] {
            if let Some(begin) = begin {
                shop.run(begin).await.unwrap();
            }
            let insert =
                format!("{TRANSFERS} {rows} ON CONFLICT {target} DO NOTHING RETURNING amount");
            let answer = shop.run(&insert).await.unwrap();
            if begin.is_none() && rows.contains("k2") {
                assert_eq!(answer.rows, ["7"]);
            }
            match end {
                Some(end) => drop(shop.run(end).await.unwrap()),
                None => assert_eq!(answer.tag, tag, "{insert}"),
            }
        }
    }
    let accounts = "INSERT INTO accounts (book, path, asset, kind) VALUES \
                    ('shop', 'cash', 'CZK', 'income'), ('shop', 'new', 'CZK', 'asset')";
    let answer = shop.run(&format!("{accounts} ON CONFLICT (book, path) DO NOTHING")).await;
    assert_eq!(answer.unwrap().tag, "INSERT 0 1");
}

#[tokio::test]
async fn on_conflict_in_a_block_counts_as_outside() {
    let mut shop = shop().await;
    shop.run("BEGIN").await.unwrap();
    for (amount, tag) in [(5, "INSERT 0 1"), (5, "INSERT 0 0"), (6, "INSERT 0 0")] {
        let insert =
            format!("{TRANSFERS} ('shop', 'k', 'cash', 'sales', {amount}) ON CONFLICT DO NOTHING");
        assert_eq!(shop.run(&insert).await.unwrap().tag, tag);
    }
    shop.run("COMMIT").await.unwrap();
    assert_eq!(shop.run("SELECT sum(amount) FROM transfers").await.unwrap().rows, ["5"]);
}

#[tokio::test]
async fn on_conflict_names_a_uniqueness_that_there_is() {
    let mut shop = shop().await;
    let row = "('shop', 'k1', 'cash', 'sales', 5)";
    let cases = [
        ("(amount) DO NOTHING", Fault::InvalidColumnReference),
        ("(nothing) DO NOTHING", Fault::UndefinedColumn),
        ("ON CONSTRAINT nothing DO NOTHING", Fault::UndefinedObject),
        ("(book, idempotency_key) DO UPDATE SET metadata = '{}'", Fault::FeatureNotSupported),
    ];
    for (clause, fault) in cases {
        let refused = shop.fault(&format!("{TRANSFERS} {row} ON CONFLICT {clause}")).await;
        assert_eq!(*refused.fault(), fault, "{clause}");
    }
    // Another uniqueness than the one that is met does not help.
    shop.run(&format!("{TRANSFERS} {row}")).await.unwrap();
    let other = row.replace("5)", "6)");
    let met = shop.fault(&format!("{TRANSFERS} {other} ON CONFLICT (tx_id) DO NOTHING")).await;
    assert!(matches!(met.fault(), Fault::Rejected(Rejection::IdempotencyKeyConflict { .. })));
}

#[tokio::test]
async fn accounts_change_by_update() {
    let mut shop = shop().await;
    let shown = "SELECT min_balance, metadata, closed FROM accounts WHERE path = 'cash'";
    let steps = [
        (
            "SET min_balance = -100 WHERE book = 'shop' AND path = 'cash'",
            "UPDATE 1",
            "-100|{}|false",
        ),
        (
            "SET min_balance = -100 WHERE 'cash' = path AND (book = 'shop')",
            "UPDATE 1",
            "-100|{}|false",
        ),
        (
            "SET metadata = '{\"a\": 1}', closed = true WHERE (book, path) = ('shop', 'cash')",
            "UPDATE 1",
            "-100|{\"a\": 1}|true",
        ),
        (
            "SET closed = 1 = 2 WHERE book = 'shop' AND path IN ('cash', 'x', 'cash')",
            "UPDATE 1",
            "-100|{\"a\": 1}|false",
        ),
        (
            "SET min_balance = NULL, metadata = DEFAULT WHERE book = 'shop' AND path = 'cash'",
            "UPDATE 1",
            "∅|{}|false",
        ),
        ("SET closed = true WHERE book = 'shop' AND path = 'nobody'", "UPDATE 0", "∅|{}|false"),
        ("SET closed = true WHERE book = NULL AND path = 'cash'", "UPDATE 0", "∅|{}|false"),
    ];
    for (change, tag, after) in steps {
        assert_eq!(
            shop.run(&format!("UPDATE accounts {change}")).await.unwrap().tag,
            tag,
            "{change}"
        );
        assert_eq!(shop.run(shown).await.unwrap().rows, [after], "{change}");
    }
    let events = shop.run("SELECT count(*) FROM events WHERE kind = 'account_changed'").await;
    assert_eq!(events.unwrap().rows, ["4"], "what changes nothing is no event");
    let update = "UPDATE accounts AS a SET closed = $1 WHERE a.book = 'shop' AND a.path = $2 \
                  RETURNING a.path, closed, balance";
    let changed = shop.run_with(update, &[Value::Bool(true), text("till")]).await.unwrap();
    assert_eq!((changed.tag.as_str(), changed.rows), ("UPDATE 1", vec!["till|true|0".to_owned()]));
    let closed = shop.fault(&format!("{TRANSFERS} ('shop', 'k', 'till', 'sales', 5)")).await;
    assert!(matches!(closed.fault(), Fault::Rejected(Rejection::AccountClosed { .. })));
}

#[tokio::test]
async fn an_account_changes_in_its_block() {
    let mut shop = shop().await;
    shop.run("BEGIN").await.unwrap();
    shop.run(
        "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'new', 'CZK', 'asset')",
    )
    .await
    .unwrap();
    let close =
        "UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'new' RETURNING closed";
    assert_eq!(shop.run(close).await.unwrap().rows, ["true"]);
    shop.run("SAVEPOINT s").await.unwrap();
    let refused = shop.fault(&format!("{TRANSFERS} ('shop', 'k', 'new', 'sales', 5)")).await;
    assert!(matches!(refused.fault(), Fault::Rejected(Rejection::AccountClosed { .. })));
    shop.run("ROLLBACK TO s").await.unwrap();
    shop.run("COMMIT").await.unwrap();
    let closed = shop.run("SELECT path FROM accounts WHERE closed").await.unwrap();
    assert_eq!(closed.rows, ["new"]);
}

#[tokio::test]
async fn what_cannot_be_changed_says_why() {
    let mut shop = shop().await;
    let by_name = "WHERE book = 'shop' AND path = 'cash'";
    let cases = [
        (format!("SET balance = 5 {by_name}"), Fault::FeatureNotSupported),
        (format!("SET nothing = 5 {by_name}"), Fault::UndefinedColumn),
        (format!("SET min_balance = min_balance - 5 {by_name}"), Fault::FeatureNotSupported),
        (format!("SET metadata = NULL {by_name}"), Fault::NotNullViolation),
        (format!("SET closed = NULL {by_name}"), Fault::NotNullViolation),
        (format!("SET closed = true, closed = false {by_name}"), Fault::SyntaxError),
        (format!("SET min_balance = 1.5 {by_name}"), Fault::NumericValueOutOfRange),
        (format!("SET metadata = 'x' {by_name}"), Fault::InvalidTextRepresentation),
        ("SET closed = true".to_owned(), Fault::FeatureNotSupported),
        ("SET closed = true WHERE path = 'cash'".to_owned(), Fault::FeatureNotSupported),
        ("SET closed = true WHERE book = 'shop'".to_owned(), Fault::FeatureNotSupported),
        (format!("SET closed = true {by_name} AND balance = 0"), Fault::FeatureNotSupported),
        (format!("SET closed = true {by_name} OR path = 'x'"), Fault::FeatureNotSupported),
    ];
    for (change, fault) in cases {
        let refused = shop.fault(&format!("UPDATE accounts {change}")).await;
        assert_eq!(*refused.fault(), fault, "{change}: {refused:?}");
    }
    let below = shop.fault(&format!("UPDATE accounts SET min_balance = 1 {by_name}")).await;
    assert!(matches!(below.fault(), Fault::Rejected(Rejection::BelowMinBalance { .. })));
}
