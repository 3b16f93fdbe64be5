//! Values survive the wire: every type of ours, in text and in binary, at its edges.

use crate::books::{ACCOUNTS, rows, shop, sqlstate, told, transfer, value};
use crate::schema::{TABLES, driver_name};
use chrono::{DateTime, Utc};
use tests::{Money, Server};
use uuid::Uuid;

const MAX: i128 = 10i128.pow(38) - 1;

#[tokio::test]
async fn every_table_has_its_columns_and_reads_in_both_formats() {
    let (_server, client) = shop().await;
    transfer(&client, "k", "cash", "sales", 1500).await.unwrap();
    for (table, columns) in TABLES {
        let statement = client.prepare(&format!("SELECT * FROM {table}")).await;
        let statement = statement.unwrap_or_else(|error| panic!("{table}: {}", told(&error)));
        let described: Vec<(&str, &str)> = statement
            .columns()
            .iter()
            .map(|column| (column.name(), column.type_().name()))
            .collect();
        let expected: Vec<(&str, &str)> =
            columns.iter().map(|(name, kind)| (*name, driver_name(kind))).collect();
        assert_eq!(described, expected, "{table}");

        let binary = client.query(&statement, &[]).await;
        let binary = binary.unwrap_or_else(|error| panic!("{table}: {}", told(&error)));
        let text = rows(&client, &format!("SELECT * FROM {table}")).await;
        assert!(!text.is_empty(), "{table} is not empty");
        assert_eq!(binary.len(), text.len(), "{table}");
    }
}

#[tokio::test]
async fn a_transaction_comes_back_as_it_was_sent() {
    let (_server, client) = shop().await;
    let tx_id = Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_00aa);
    let occurred_at: DateTime<Utc> = "1993-01-02T03:04:05.678901Z".parse().unwrap();
    let metadata = serde_json::json!({"b": [1, 2.50, null], "a": "é \"quoted\"\n"});
    let refs = serde_json::json!(["invoice-7"]);
    let postings = serde_json::json!([
        {"account": "cash", "amount": "12345678901234567890", "direction": "debit"},
        {"account": "sales", "amount": "12345678901234567890", "direction": "credit"},
    ]);
    let insert = "INSERT INTO transactions (tx_id, book, idempotency_key, occurred_at, metadata, \
        external_refs, postings) VALUES ($1, $2, $3, $4, $5, $6, $7) \
        RETURNING tx_id, seq, committed_at, deduplicated";
    let returned = client
        .query_one(insert, &[&tx_id, &"shop", &"k", &occurred_at, &metadata, &refs, &postings])
        .await
        .unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(returned.get::<_, Uuid>("tx_id"), tx_id);
    let committed_at: DateTime<Utc> = returned.get("committed_at");

    let read = "SELECT tx_id, book, seq, lsn, idempotency_key, occurred_at, committed_at, metadata, \
        external_refs, reverses, postings FROM transactions WHERE tx_id = $1";
    let row = client.query_one(read, &[&tx_id]).await.unwrap();
    assert_eq!(row.get::<_, Uuid>("tx_id"), tx_id);
    assert_eq!(row.get::<_, &str>("book"), "shop");
    assert_eq!(row.get::<_, i64>("seq"), returned.get::<_, i64>("seq"));
    assert_eq!(row.get::<_, &str>("idempotency_key"), "k");
    assert_eq!(row.get::<_, DateTime<Utc>>("occurred_at"), occurred_at);
    assert_eq!(row.get::<_, DateTime<Utc>>("committed_at"), committed_at);
    assert_eq!(row.get::<_, serde_json::Value>("metadata"), metadata);
    assert_eq!(row.get::<_, serde_json::Value>("external_refs"), refs);
    assert_eq!(row.get::<_, Option<Uuid>>("reverses"), None);
    let back: serde_json::Value = row.get("postings");
    assert_eq!(back[0]["amount"], "12345678901234567890", "amounts in JSON are strings");

    let as_text = rows(
        &client,
        "SELECT tx_id, occurred_at, metadata FROM transactions WHERE idempotency_key = 'k'",
    )
    .await;
    assert_eq!(
        as_text,
        [[
            "01890000-0000-7000-8000-0000000000aa",
            "1993-01-02 03:04:05.678901+00",
            r#"{"a": "é \"quoted\"\n", "b": [1, 2.5, null]}"#,
        ]]
        .map(|row| row.map(str::to_owned))
    );
}

#[tokio::test]
async fn numbers_in_metadata_keep_their_digits() {
    let (_server, client) = shop().await;
    let metadata = r#"{"big": 123456789012345678901234567890, "money": 2.50}"#;
    let insert = format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
         metadata) VALUES ('shop', 'k', 'cash', 'sales', 5, '{metadata}')"
    );
    client.simple_query(&insert).await.unwrap();
    assert_eq!(value(&client, "SELECT metadata FROM transfers").await, metadata);
}

#[tokio::test]
async fn money_is_exact_at_38_digits_in_text_and_in_binary() {
    let (_server, client) = shop().await;
    transfer(&client, "max", "cash", "sales", MAX).await.unwrap();
    for (path, debits, credits, balance) in
        [("cash", MAX, 0, MAX), ("sales", 0, MAX, MAX), ("wallet", 0, 0, 0)]
    {
        let query =
            "SELECT debits, credits, balance, debits - credits FROM accounts WHERE path = $1";
        let row = client.query_one(query, &[&path]).await;
        let row = row.unwrap_or_else(|error| panic!("{path}: {}", told(&error)));
        let binary = [0, 1, 2, 3].map(|index| row.get::<_, Money>(index));
        let expected = [debits, credits, balance, debits - credits].map(Money);
        assert_eq!(binary, expected, "{path}");
        let text = rows(&client, &query.replace("$1", &format!("'{path}'"))).await;
        assert_eq!(text, [expected.map(|money| money.to_string())], "{path}");
    }
    assert_eq!(
        value(&client, "SELECT sum(amount) FROM postings WHERE account = 'cash'").await,
        MAX.to_string()
    );
}

#[tokio::test]
async fn sums_beyond_38_digits_are_errors_and_never_wrap() {
    let (_server, client) = shop().await;
    client
        .simple_query(
            "INSERT INTO accounts (book, path, asset, kind) VALUES \
             ('other', 'cash', 'USD', 'asset'), ('other', 'sales', 'USD', 'income')",
        )
        .await
        .unwrap();
    transfer(&client, "max", "cash", "sales", MAX).await.unwrap();
    let again = transfer(&client, "more", "cash", "sales", 1).await.unwrap_err();
    assert_eq!(sqlstate(&again), "22003", "{}", told(&again));
    client
        .simple_query(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('other', 'k', 'cash', 'sales', 99999999999999999999999999999999999999)",
        )
        .await
        .unwrap();
    for query in [
        "SELECT sum(amount) FROM postings",
        "SELECT sum(amount) FROM postings GROUP BY direction",
        "SELECT debits + 1 FROM accounts WHERE path = 'cash'",
        "SELECT debits * 2 FROM accounts WHERE path = 'cash'",
        "SELECT 9223372036854775807 + 1",
        "SELECT sum(n) FROM (VALUES (9223372036854775807), (1)) AS t (n)",
    ] {
        match client.simple_query(query).await {
            Err(error) => assert_eq!(sqlstate(&error), "22003", "{query}: {}", told(&error)),
            // Postgres widens: its numeric has 131,072 digits. An exact wider answer is as good.
            Ok(_) => {
                let answers = rows(&client, query).await;
                let exact = [
                    "199999999999999999999999999999999999998",
                    "100000000000000000000000000000000000000",
                    "399999999999999999999999999999999999996",
                    "9223372036854775808",
                ];
                assert!(
                    answers.iter().all(|row| exact.contains(&row[0].as_str())),
                    "{query}: {answers:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn parameters_of_every_type() {
    let (_server, client) = shop().await;
    let now: DateTime<Utc> = "2026-03-04T05:06:07Z".parse().unwrap();
    let id = Uuid::from_u128(7);
    let json = serde_json::json!({"a": [1]});
    let query = "SELECT $1::text, $2::int8, $3::int4, $4::int2, $5::bool, $6::float8, \
        $7::timestamptz, $8::uuid, $9::jsonb, $10::numeric";
    let row = client
        .query_one(
            query,
            &[&"é", &i64::MIN, &i32::MAX, &-1i16, &true, &0.5f64, &now, &id, &json, &Money(-MAX)],
        )
        .await
        .unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(row.get::<_, &str>(0), "é");
    assert_eq!(row.get::<_, i64>(1), i64::MIN);
    assert_eq!(row.get::<_, i32>(2), i32::MAX);
    assert_eq!(row.get::<_, i16>(3), -1);
    assert!(row.get::<_, bool>(4));
    assert!((row.get::<_, f64>(5) - 0.5).abs() < f64::EPSILON);
    assert_eq!(row.get::<_, DateTime<Utc>>(6), now);
    assert_eq!(row.get::<_, Uuid>(7), id);
    assert_eq!(row.get::<_, serde_json::Value>(8), json);
    assert_eq!(row.get::<_, Money>(9), Money(-MAX));
}

#[tokio::test]
async fn null_parameters_and_null_results() {
    let (_server, client) = shop().await;
    let row =
        client.query_one("SELECT $1::text, $2::numeric", &[&None::<&str>, &None::<Money>]).await;
    let row = row.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(row.get::<_, Option<&str>>(0), None);
    assert_eq!(row.get::<_, Option<Money>>(1), None);
    let minimums = "SELECT min_balance FROM accounts WHERE book = 'shop' ORDER BY path";
    let read: Vec<Option<Money>> =
        client.query(minimums, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(read, [None, None, None, Some(Money(0))]);
}

#[tokio::test]
async fn a_float_is_no_amount() {
    let (_server, client) = shop().await;
    let insert = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount) VALUES ('shop', 'k', 'cash', 'sales', $1::float8)";
    let error = client.execute(insert, &[&5.0f64]).await.unwrap_err();
    assert_eq!(sqlstate(&error), "42804", "{}", told(&error));
}

#[tokio::test]
async fn names_of_any_script_survive() {
    let server = Server::start();
    let client = server.connect().await;
    client.simple_query(crate::books::ASSETS).await.unwrap();
    client.simple_query(ACCOUNTS).await.unwrap();
    let names = ["účet 'quoted'", "現金/日本", "a:b:c", "%_\\", "🦀"];
    for name in names {
        let open = "INSERT INTO accounts (book, path, asset, kind) VALUES ($1, $2, 'USD', 'asset')";
        client
            .execute(open, &[&name, &name])
            .await
            .unwrap_or_else(|error| panic!("{}", told(&error)));
    }
    let read = "SELECT path FROM accounts WHERE book = $1";
    for name in names {
        let row = client.query_one(read, &[&name]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), name);
    }
}
