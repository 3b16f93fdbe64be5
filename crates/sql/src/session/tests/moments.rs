//! Moments of the past: `tallybook.as_of`, `tallybook.as_of_lsn`, and the functions that read them.

use super::*;

const BALANCE: &str = "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'";

/// lsn 1 is the asset, 2 to 4 the accounts in one frame, then one sale each.
async fn three_sales() -> Fixture {
    let mut shop = shop().await;
    for (key, amount) in [("k1", 100), ("k2", 20), ("k3", 3)] {
        sell(&mut shop, key, amount).await;
    }
    shop
}

async fn sell(shop: &mut Fixture, key: &str, amount: u32) {
    let sale = format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
         VALUES ('shop', '{key}', 'cash', 'sales', {amount})"
    );
    shop.run(&sale).await.unwrap();
}

impl Fixture {
    async fn one(&mut self, text: &str) -> String {
        let seen = self.run(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(seen.rows.len(), 1, "{text}: {:?}", seen.rows);
        seen.rows[0].clone()
    }

    /// When the event at an lsn was recorded, as text.
    async fn recorded(&mut self, lsn: u64) -> String {
        self.one(&format!(
            "SELECT to_char(at, 'YYYY-MM-DD HH24:MI:SS.US') || '+00' FROM events WHERE lsn = {lsn}"
        ))
        .await
    }
}

#[tokio::test]
async fn a_session_reads_a_moment_and_goes_back() {
    let mut shop = three_sales().await;
    let at = shop.recorded(6).await;
    for setting in ["tallybook.as_of_lsn = 6".to_owned(), format!("tallybook.as_of = '{at}'")] {
        assert_eq!(shop.run(&format!("SET {setting}")).await.unwrap().tag, "SET");
        assert_eq!(shop.one(BALANCE).await, "120", "{setting}");
        let counts = [
            ("assets", "1"),
            ("books", "1"),
            ("accounts", "3"),
            ("transactions", "2"),
            ("transfers", "2"),
            ("postings", "4"),
            ("events", "6"),
            ("trial_balance", "1"),
            ("account_rollup", "3"),
            ("account_statement", "4"),
            ("talea.postings", "4"),
        ];
        for (table, count) in counts {
            let counted = shop.one(&format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(counted, count, "{table} with {setting}");
        }
        assert_eq!(shop.one("SELECT debits FROM trial_balance").await, "120");
        assert_eq!(shop.one("SHOW transaction_read_only").await, "on");
        let plan = shop.run("EXPLAIN SELECT * FROM postings").await.unwrap().rows.join("\n");
        assert!(plan.contains("cut=6"), "{plan}");
        let name = setting.split(' ').next().unwrap();
        shop.run(&format!("RESET {name}")).await.unwrap();
        assert_eq!(shop.one(BALANCE).await, "123");
    }
    // Before anything was recorded there was nothing.
    shop.run("SET tallybook.as_of = '2000-01-01'").await.unwrap();
    assert_eq!(shop.one("SELECT count(*) FROM assets").await, "0");
    assert_eq!(shop.one("SHOW tallybook.as_of").await, "2000-01-01 00:00:00+00");
}

#[tokio::test]
async fn what_is_no_moment_is_refused() {
    let mut shop = three_sales().await;
    let cases = [
        "SET tallybook.as_of_lsn = 3",
        "SET tallybook.as_of_lsn = 8",
        "SET tallybook.as_of_lsn = -1",
        "SET tallybook.as_of_lsn = 'six'",
        "SET tallybook.as_of = '2999-01-01'",
        "SET tallybook.as_of = 'yesterday or so'",
        "SELECT set_config('tallybook.as_of_lsn', '3', false)",
    ];
    for statement in cases {
        assert_eq!(
            shop.fault(statement).await.fault(),
            &Fault::InvalidParameterValue,
            "{statement}"
        );
        assert_eq!(shop.one(BALANCE).await, "123", "{statement}");
    }
    shop.run("SET tallybook.as_of_lsn = 6").await.unwrap();
    let both = shop.fault("SET tallybook.as_of = '2000-01-01'").await;
    assert_eq!(both.fault(), &Fault::InvalidParameterValue);
    assert_eq!(shop.one(BALANCE).await, "120", "what held before still holds");
}

#[tokio::test]
async fn nothing_is_written_at_a_moment() {
    let mut shop = three_sales().await;
    shop.run("SET tallybook.as_of_lsn = 6").await.unwrap();
    let writes = [
        "INSERT INTO assets (id, class, precision, name) VALUES ('EUR', 'fiat', 2, 'Euro')",
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
         SELECT 'shop', 'k9', 'cash', 'sales', 1",
        "UPDATE accounts SET closed = true WHERE book = 'shop' AND path = 'cash'",
        "COPY transfers FROM STDIN",
    ];
    for write in writes {
        let refused = shop.fault(write).await;
        assert_eq!(refused.fault(), &Fault::ReadOnly, "{write}");
        assert!(refused.hint().is_some_and(|hint| hint.contains("RESET")), "{refused:?}");
    }
    shop.run("RESET ALL").await.unwrap();
    sell(&mut shop, "k4", 1).await;
    assert_eq!(shop.one(BALANCE).await, "124");
}

#[tokio::test]
async fn a_moment_may_hold_for_a_block_only() {
    let mut shop = three_sales().await;
    let steps = [
        ("BEGIN", None),
        (
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
          VALUES ('shop', 'k4', 'cash', 'sales', 1000)",
            None,
        ),
        (BALANCE, Some("1123")),
        ("SAVEPOINT s", None),
        // What the block has written does not belong to the past.
        ("SET LOCAL tallybook.as_of_lsn = 5", None),
        (BALANCE, Some("100")),
        ("SELECT count(*) FROM events", Some("5")),
        ("ROLLBACK TO s", None),
        (BALANCE, Some("1123")),
        ("SET LOCAL tallybook.as_of_lsn = 6", None),
        (BALANCE, Some("120")),
        ("COMMIT", None),
        (BALANCE, Some("1123")),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", None),
        (BALANCE, Some("1123")),
        ("SET LOCAL tallybook.as_of_lsn = 6", None),
        (BALANCE, Some("120")),
        ("RESET tallybook.as_of_lsn", None),
        (BALANCE, Some("1123")),
        ("SET tallybook.as_of_lsn = 6", None),
        ("ROLLBACK", None),
        (BALANCE, Some("1123")),
    ];
    for (statement, expected) in steps {
        let seen =
            shop.run(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        if let Some(expected) = expected {
            assert_eq!(seen.rows, [expected], "{statement}");
        }
    }
}

#[tokio::test]
async fn a_session_may_start_at_a_moment() {
    let shop = three_sales().await;
    let start = |settings: &[(&str, &str)]| {
        let startup_settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        shop.engine.session(SessionIdentity {
            user: "tester".to_owned(),
            database: "tallybook".to_owned(),
            startup_settings: startup_settings.collect(),
        })
    };
    let session = start(&[("options", "-c tallybook.as_of_lsn=6")]).unwrap();
    assert_eq!(session.settings().get("transaction_read_only").unwrap(), "on");
    // The zone counts, even if it comes behind the time.
    let options = "-c tallybook.as_of=2001-01-01 -c TimeZone=Europe/Prague";
    let session = start(&[("options", options)]).unwrap();
    assert_eq!(session.settings().get("tallybook.as_of").unwrap(), "2001-01-01 00:00:00+01");
    for refused in ["-c tallybook.as_of_lsn=3", "-c tallybook.as_of=2999-01-01"] {
        let error = start(&[("options", refused)]).unwrap_err();
        assert_eq!(error.fault(), &Fault::InvalidParameterValue, "{refused}");
    }
}

#[tokio::test]
async fn one_statement_reads_a_moment_beside_the_present() {
    let mut shop = three_sales().await;
    let at = shop.recorded(5).await;
    let cases = [
        (format!("SELECT sum(debits) FROM accounts_at('shop', '{at}')"), "100"),
        (format!("SELECT debits FROM trial_balance_at('shop', '{at}')"), "100"),
        ("SELECT debits FROM trial_balance_at_lsn('shop', 6)".to_owned(), "120"),
        (
            "SELECT debits FROM public.trial_balance_at_lsn('shop', 6) AS t(b, a, debits, c)"
                .to_owned(),
            "120",
        ),
        ("SELECT count(*) FROM accounts_at('shop', '2000-01-01')".to_owned(), "0"),
        ("SELECT count(*) FROM accounts_at('nowhere', now())".to_owned(), "0"),
        ("SELECT count(*) FROM accounts_at('shop', NULL)".to_owned(), "0"),
        (
            format!(
                "SELECT string_agg(a.path || ' ' || (a.balance - t.balance), ', ' ORDER BY a.path)
                   FROM accounts a JOIN accounts_at('shop', '{at}') AS t USING (book, path)
                  WHERE a.balance <> t.balance"
            ),
            "cash 23, sales 23",
        ),
        (
            "SELECT sum(t.debits) FROM books b, LATERAL accounts_at_lsn(b.book, 6) t".to_owned(),
            "120",
        ),
        (
            "SELECT sum(accounts_at_lsn.debits) FROM books b, accounts_at_lsn(b.book, 6)"
                .to_owned(),
            "120",
        ),
        (
            "SELECT balance FROM accounts_at_lsn('shop', 2 * 3) WHERE path = 'cash'".to_owned(),
            "120",
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(shop.one(&query).await, expected, "{query}");
    }
    let query = "SELECT balance FROM accounts_at_lsn($1, $2) WHERE path = $3";
    let parameters =
        [Value::Text("shop".to_owned()), Value::Int(5), Value::Text("cash".to_owned())];
    assert_eq!(shop.run_with(query, &parameters).await.unwrap().rows, ["100"]);
    let statement = shop.session.parse("SELECT * FROM accounts_at($1, $2)").unwrap().remove(0);
    let prepared = shop.session.prepare(statement, &[]).await.unwrap();
    assert_eq!(prepared.parameter_types(), [PgType::Text, PgType::TimestampTz]);
}

#[tokio::test]
async fn functions_refuse_what_has_no_answer() {
    let mut shop = three_sales().await;
    let invalid = Fault::InvalidParameterValue;
    let unsupported = Fault::FeatureNotSupported;
    let cases = [
        ("SELECT * FROM accounts_at('shop', '2999-01-01')", &invalid),
        ("SELECT * FROM accounts_at_lsn('shop', 3)", &invalid),
        ("SELECT * FROM accounts_at_lsn('shop', 8)", &invalid),
        ("SELECT * FROM accounts_at_lsn('shop', -1)", &invalid),
        ("SELECT * FROM accounts_at('shop', 'long ago')", &Fault::InvalidDatetimeFormat),
        ("SELECT * FROM accounts_at_lsn('shop', 1 / 0)", &Fault::DivisionByZero),
        ("SELECT * FROM accounts_at('shop')", &Fault::UndefinedFunction),
        ("SELECT * FROM accounts_at()", &Fault::UndefinedFunction),
        // A moment for each row would be a scan for each row.
        ("SELECT * FROM books b, accounts_at(b.book, b.opened_at)", &unsupported),
        // Which book would this be, the function's or the table's?
        ("SELECT * FROM books, accounts_at(book, now())", &unsupported),
        ("SELECT * FROM accounts_at((SELECT book FROM books), now())", &unsupported),
    ];
    for (query, fault) in cases {
        let error = shop.fault(query).await;
        assert_eq!(error.fault(), fault, "{query}: {error:?}");
    }
}

#[tokio::test]
async fn the_past_does_not_show_more_than_a_kept_view() {
    let mut shop = three_sales().await;
    let mut other = connect(&shop.engine);
    shop.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    assert_eq!(shop.one(BALANCE).await, "123");
    let sale =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
                VALUES ('shop', 'k4', 'cash', 'sales', 1000)";
    let statement = other.parse(sale).unwrap().remove(0);
    let prepared = other.prepare(statement, &[]).await.unwrap();
    other.execute_alone(&prepared, &[]).await.unwrap();
    let known = "SELECT debits FROM trial_balance_at_lsn('shop', 7)";
    assert_eq!(shop.one(known).await, "123");
    let beyond = "SELECT debits FROM trial_balance_at_lsn('shop', 8)";
    assert_eq!(shop.fault(beyond).await.fault(), &Fault::InvalidParameterValue);
    shop.run("ROLLBACK").await.unwrap();
    assert_eq!(shop.one(beyond).await, "1123");
    shop.run("SET tallybook.as_of_lsn = 6").await.unwrap();
    assert_eq!(shop.fault(known).await.fault(), &Fault::InvalidParameterValue);
    assert_eq!(shop.one("SELECT debits FROM trial_balance_at_lsn('shop', 5)").await, "100");
}

#[tokio::test]
async fn now_is_the_start_of_the_block() {
    let mut shop = three_sales().await;
    let mut other = connect(&shop.engine);
    shop.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let start = shop.one("SELECT now()").await;
    let sale =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
                VALUES ('shop', 'k4', 'cash', 'sales', 1000)";
    let statement = other.parse(sale).unwrap().remove(0);
    let prepared = other.prepare(statement, &[]).await.unwrap();
    other.execute_alone(&prepared, &[]).await.unwrap();
    let debits = "SELECT debits FROM trial_balance_at('shop', now())";
    assert_eq!(shop.one(debits).await, "123");
    assert_eq!(shop.one("SELECT transaction_timestamp()").await, start);
    assert_eq!(shop.one("SELECT statement_timestamp() > now()").await, "true");
    assert_eq!(shop.one("SELECT clock_timestamp() > now()").await, "true");
    shop.run("COMMIT").await.unwrap();
    assert_eq!(shop.one(debits).await, "1123");
    assert_ne!(shop.one("SELECT now()").await, start);
    // RETURNING is of the block as well.
    shop.run("BEGIN").await.unwrap();
    let start = shop.one("SELECT now()").await;
    let sale =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
                VALUES ('shop', 'k5', 'cash', 'sales', 1) RETURNING now()";
    assert_eq!(shop.one(sale).await, start);
    shop.run("ROLLBACK").await.unwrap();
}
