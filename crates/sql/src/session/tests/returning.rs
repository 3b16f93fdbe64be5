//! RETURNING with expressions, and the forms of INSERT that carry a query.

use super::*;

const INSERT: &str = "INSERT INTO transfers (book, idempotency_key, debit_account, \
    credit_account, amount, metadata) VALUES ('shop', 'k1', 'cash', 'sales', 1500, '{\"a\": 7}')";

#[tokio::test]
async fn returning_takes_any_expression_over_the_row() {
    let mut shop = shop().await;
    let cases = [
        ("upper(idempotency_key) AS key, amount * 2", "K1|3000"),
        ("seq + 1, transfers.amount::numeric(12,2), book", "5|1500.00|shop"),
        ("metadata->>'a', coalesce(occurred_at::text, 'never')", "7|never"),
        ("CASE WHEN amount > 1000 THEN 'large' ELSE 'small' END", "large"),
        ("length(tx_id::text), committed_at <= now() + interval '1 hour'", "36|true"),
        ("debit_account || ':' || lower('X'), NOT deduplicated IS NULL", "cash:x|true"),
        ("1 + 1, 'plain', amount", "2|plain|1500"),
    ];
    for (items, expected) in cases {
        let answer = shop.run(&format!("{INSERT} RETURNING {items}")).await.unwrap();
        assert_eq!(
            (answer.tag.as_str(), &answer.rows[..]),
            ("INSERT 0 1", &[expected.to_owned()][..])
        );
    }
    let rows = "('shop', 'm1', 'cash', 'sales', 1, '{}'), ('shop', 'm2', 'cash', 'sales', 2, '{}')";
    let insert = INSERT.split_once("VALUES").unwrap().0;
    let insert = insert.replace("transfers", "transfers AS t");
    let aliased = format!("{insert} VALUES {rows} RETURNING t.amount + 1, upper(t.book)");
    assert_eq!(shop.run(&aliased).await.unwrap().rows, ["2|SHOP", "3|SHOP"]);
    let update = "UPDATE accounts SET min_balance = -5 WHERE book = 'shop' AND path = 'till' \
                  RETURNING upper(path), min_balance * 2";
    assert_eq!(shop.run(update).await.unwrap().rows, ["TILL|-10"]);
}

#[tokio::test]
async fn returning_names_and_types_its_columns_as_postgres_does() {
    let mut shop = shop().await;
    let text = format!(
        "{INSERT} RETURNING upper(book), amount + 1, seq * 2 AS twice, $1::uuid, $2 || book"
    );
    let statement = shop.session.parse(&text).unwrap().remove(0);
    let prepared = shop.session.prepare(statement, &[]).await.unwrap();
    assert_eq!(prepared.parameter_types(), [PgType::Uuid, PgType::Text]);
    let columns: Vec<_> = prepared
        .columns()
        .unwrap()
        .iter()
        .map(|column| (column.name.as_str(), column.pg_type))
        .collect();
    let expected = [
        ("upper", PgType::Text),
        ("?column?", PgType::Numeric),
        ("twice", PgType::Int8),
        ("uuid", PgType::Uuid),
        ("?column?", PgType::Text),
    ];
    assert_eq!(columns, expected);
    let id = Value::Uuid(ledger::Uuid::nil());
    let answer = shop.session.execute_alone(&prepared, &[id, super::text("in ")]).await.unwrap();
    let expected = format!("SHOP|1501|8|{}|in shop", ledger::Uuid::nil());
    assert_eq!(seen(answer).await.unwrap().rows, [expected]);
}

#[tokio::test]
async fn returning_refuses_what_is_not_of_the_row() {
    let mut shop = shop().await;
    let cases = [
        ("count(*)", Fault::GroupingError),
        ("sum(amount) + 1", Fault::GroupingError),
        ("row_number() OVER ()", Fault::FeatureNotSupported),
        ("(SELECT count(*) FROM transfers)", Fault::FeatureNotSupported),
        ("current_user", Fault::FeatureNotSupported),
        ("nothing + 1", Fault::UndefinedColumn),
        ("nothing", Fault::UndefinedColumn),
        ("no_such_function(amount)", Fault::UndefinedFunction),
    ];
    for (item, fault) in cases {
        let error = shop.fault(&format!("{INSERT} RETURNING {item}")).await;
        assert_eq!(*error.fault(), fault, "{item}: {error}");
    }
    assert_eq!(shop.run("SELECT count(*) FROM transfers").await.unwrap().rows, ["0"]);
}

#[tokio::test]
async fn in_a_block_what_only_a_commit_gives_is_null() {
    let mut shop = shop().await;
    shop.run("BEGIN").await.unwrap();
    let answer = shop.run(&format!("{INSERT} RETURNING seq + 1, amount + 1")).await.unwrap();
    assert_eq!(answer.rows, ["∅|1501"]);
}

#[tokio::test]
async fn queries_feed_inserts() {
    let mut shop = shop().await;
    let target =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)";
    let cases = [
        format!("WITH x AS (SELECT 5 AS n) {target} SELECT 'shop', 'a', 'cash', 'sales', n FROM x"),
        format!("{target} WITH x AS (SELECT 6 AS n) SELECT 'shop', 'b', 'cash', 'sales', n FROM x"),
        format!(
            "WITH x AS (SELECT 7 AS n), y AS (SELECT n FROM x) {target} \
             SELECT 'shop', 'c', 'cash', 'sales', n FROM y RETURNING amount + 0"
        ),
        format!(
            "{target} VALUES ('shop', 'd', 'cash', 'sales', (SELECT max(amount) + 1 FROM transfers))"
        ),
        format!(
            "{target} SELECT book, 'e' || idempotency_key, debit_account, credit_account, amount FROM transfers WHERE amount = 8"
        ),
        format!("{target} OVERRIDING SYSTEM VALUE VALUES ('shop', 'f', 'cash', 'sales', 9)"),
    ];
    for statement in cases {
        assert_eq!(shop.run(&statement).await.unwrap().tag, "INSERT 0 1", "{statement}");
    }
    let seen =
        shop.run("SELECT idempotency_key, amount FROM transfers ORDER BY seq").await.unwrap();
    assert_eq!(seen.rows, ["a|5", "b|6", "c|7", "d|8", "ed|8", "f|9"]);
    let missing = shop.fault("INSERT INTO transfers DEFAULT VALUES").await;
    assert_eq!(*missing.fault(), Fault::NotNullViolation);
    let defaults = "INSERT INTO accounts (book, path, asset, kind, min_balance, metadata) VALUES \
                    ('shop', 'p', 'CZK', 'asset', DEFAULT, DEFAULT), \
                    ('shop', 'q', 'CZK', 'asset', -5, '[1]') RETURNING min_balance, metadata";
    assert_eq!(shop.run(defaults).await.unwrap().rows, ["∅|{}", "-5|[1]"]);
}

#[tokio::test]
async fn explain_says_who_writes_and_what_is_checked() {
    let mut shop = shop().await;
    let explained = shop.run(&format!("EXPLAIN {INSERT}")).await.unwrap();
    let expected = [
        "Insert on transfers",
        "  Writer: book \"shop\", 1 row",
        "  Checked: idempotency key, tx_id, accounts, assets, balance, minimum",
        "  Rows from: the statement",
    ];
    assert_eq!(explained.rows, expected);
    let update = "EXPLAIN UPDATE accounts SET closed = true WHERE book = 'shop' AND path IN ('cash', 'till', 'x')";
    assert_eq!(shop.run(update).await.unwrap().rows[1], "  Writer: book \"shop\", 2 rows");
    let query = "EXPLAIN INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 SELECT book, idempotency_key || '!', debit_account, credit_account, amount FROM transfers \
                 ON CONFLICT DO NOTHING";
    let rows = shop.run(query).await.unwrap().rows;
    assert_eq!(rows[1], "  Writer: the book of each row");
    assert!(rows.iter().any(|line| line.contains("LedgerScan")), "{rows:?}");
    assert!(rows.contains(&"  On conflict: the row is left out".to_owned()), "{rows:?}");
    let analyze = shop.fault(&format!("EXPLAIN ANALYZE {INSERT}")).await;
    assert_eq!(*analyze.fault(), Fault::FeatureNotSupported);
    assert_eq!(shop.run("SELECT count(*) FROM transfers").await.unwrap().rows, ["0"]);
}
