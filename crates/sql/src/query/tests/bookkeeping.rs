//! What a bookkeeper asks.

use super::super::fixture::Fixture;
use store::AccountKind;

#[tokio::test]
async fn busiest_accounts() {
    let shop = Fixture::shop();
    let rows = shop
        .rows(
            "SELECT account, count(*) AS postings FROM postings WHERE book = 'shop'
             GROUP BY account ORDER BY count(*) DESC, account LIMIT 10",
        )
        .await;
    assert_eq!(rows, [["sales", "44"], ["cash", "40"], ["clients/anna", "4"]]);
}

#[tokio::test]
async fn monthly_turnover_per_counter_account() {
    let shop = Fixture::shop();
    let query = "
        SELECT to_char(date_trunc('month', p.occurred_at), 'YYYY-MM') AS month,
               other.account AS counter_account,
               sum(p.amount) AS turnover
          FROM postings p
          JOIN postings other ON other.tx_id = p.tx_id AND other.idx <> p.idx
         WHERE p.book = 'shop' AND p.account = 'sales'
         GROUP BY 1, 2 ORDER BY 1, 2";
    let rows = shop.rows(query).await;
    assert_eq!(
        rows,
        [
            ["1993-01", "cash", "3565"],
            ["1993-01", "clients/anna", "40"],
            ["1993-02", "cash", "1215"],
        ]
    );
}

#[tokio::test]
async fn a_statement_with_running_balance() {
    let shop = Fixture::shop();
    let query = "
        SELECT t.occurred_at::date AS day, t.idempotency_key, p.direction, p.amount,
               sum(CASE p.direction WHEN 'debit' THEN p.amount ELSE -p.amount END)
                 OVER (ORDER BY p.seq) AS running,
               p.balance_after
          FROM postings p JOIN transactions t USING (tx_id)
         WHERE p.book = 'shop' AND p.account = 'cash'
         ORDER BY p.seq LIMIT 3";
    let rows = shop.rows(query).await;
    assert_eq!(
        rows,
        [
            ["1993-01-01", "sale-0", "debit", "100", "100", "100"],
            ["1993-01-02", "sale-1", "debit", "101", "201", "201"],
            ["1993-01-03", "sale-2", "debit", "102", "303", "303"],
        ]
    );
}

#[tokio::test]
async fn trial_balance_and_totals() {
    let shop = Fixture::shop();
    let rows = shop.rows("SELECT * FROM trial_balance ORDER BY book").await;
    let max = "99999999999999999999999999999999999999";
    assert_eq!(rows, [["bank", "EUR", max, max], ["shop", "EUR", "4820", "4820"]]);
    let rows = shop
        .rows("SELECT path, debits - credits, balance FROM accounts WHERE book = 'shop' ORDER BY path")
        .await;
    assert_eq!(
        rows,
        [["cash", "4780", "4780"], ["clients/anna", "-40", "40"], ["sales", "-4740", "4740"]]
    );
}

#[tokio::test]
async fn metadata_and_amounts() {
    let shop = Fixture::shop();
    let query = "SELECT metadata->>'operation', metadata->'nr', (metadata->>'nr')::int + 1
                   FROM transactions WHERE idempotency_key = 'sale-7'";
    assert_eq!(shop.rows(query).await, [["sale", "7", "8"]]);
    assert_eq!(shop.value("SELECT format_amount(1234, 'EUR')").await, "12.34");
    let query = "SELECT format_amount(balance, asset) FROM accounts WHERE path = 'cash'";
    assert_eq!(shop.value(query).await, "47.80");
    let rows = shop
        .rows(
            "SELECT metadata->>'operation' AS operation, count(*) FROM transfers
              WHERE book = 'shop' GROUP BY operation ORDER BY 2 DESC",
        )
        .await;
    assert_eq!(rows, [["sale", "40"], ["", "4"]]);
}

#[tokio::test]
async fn sql_of_all_kinds() {
    let shop = Fixture::shop();
    for (query, expected) in [
        ("SELECT count(*) FROM accounts WHERE path ~ '^c'", "3"),
        ("SELECT count(*) FROM accounts WHERE path !~ '^c'", "2"),
        ("SELECT count(*) FROM accounts WHERE path ILIKE 'CA%'", "2"),
        ("WITH big AS (SELECT * FROM postings WHERE amount > 130) SELECT count(*) FROM big", "20"),
        ("SELECT count(*) FROM (SELECT book FROM books UNION ALL SELECT id FROM assets) x", "3"),
        ("SELECT sum(amount) FROM transfers WHERE occurred_at >= '1993-02-01'", "1215"),
        ("SELECT extract(year FROM min(occurred_at)) FROM postings", "1993"),
        ("SELECT count(DISTINCT account) FROM postings WHERE book = 'shop'", "3"),
        (
            "SELECT occurred_at::text FROM transfers WHERE idempotency_key = 'sale-0'",
            "1993-01-01 00:00:00+00",
        ),
        (
            "SELECT string_agg(path, ',' ORDER BY path) FROM accounts WHERE book = 'bank'",
            "capital,vault",
        ),
        ("SELECT coalesce(min_balance, 0) FROM accounts WHERE path = 'cash'", "0"),
        (
            "SELECT count(*) FROM accounts a WHERE EXISTS (SELECT 1 FROM postings p WHERE p.account = a.path AND p.book = a.book)",
            "5",
        ),
        ("SELECT count(*) FROM accounts WHERE path = ANY(ARRAY['cash','vault'])", "2"),
        ("SELECT max(n) FROM generate_series(1, 5) AS g(n)", "5"),
        ("SELECT path FROM accounts ORDER BY balance DESC, path LIMIT 1", "capital"),
        ("SELECT count(*) FROM accounts WHERE book = 'shop' AND balance > '40.5'", "2"),
        ("SELECT count(*) FROM accounts WHERE updated_seq = '47'", "2"),
        ("SELECT 2.5::int + (-2.5)::int", "0"),
        ("SELECT 3.5::float8::int", "4"),
        ("SELECT '1993-03-01'::date - '1993-02-01'::date", "28"),
        ("SELECT mod(7, 4)", "3"),
        ("SELECT trunc(12345678901234567890.99)", "12345678901234567890"),
        (
            "SELECT path FROM accounts WHERE book = 'shop' ORDER BY path FETCH FIRST ROW ONLY",
            "cash",
        ),
        ("SELECT now() > '2020-01-01'::timestamptz", "true"),
        ("SELECT count(*) FROM postings WHERE committed_at > now() - interval '1 day'", "90"),
    ] {
        assert_eq!(shop.value(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_rollup_keeps_siblings_apart() {
    let bank = Fixture::empty();
    bank.asset("EUR", 2);
    let paths = [
        "treasury",
        "treasury:btc",
        "treasury:btc:hot",
        "treasury:eth",
        "treasury2",
        "treasury2:btc",
    ];
    for path in paths {
        bank.account("bank", path, AccountKind::Asset);
    }
    bank.account("bank", "equity:owner", AccountKind::Equity);
    bank.account("bank", "mixed:a", AccountKind::Asset);
    bank.account("bank", "mixed:b", AccountKind::Equity);
    for (place, path) in paths.iter().enumerate() {
        let amount = 10_i128.pow(u32::try_from(place).expect("few"));
        bank.post("bank", path, path, "equity:owner", amount, 0, "{}");
    }
    let rows = bank
        .rows("SELECT path, accounts, debits, credits, balance FROM account_rollup WHERE book = 'bank' ORDER BY path")
        .await;
    let lines: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
    let expected = [
        "equity 1 0 111111 111111",
        "equity:owner 1 0 111111 111111",
        "mixed 2 0 0 ",
        "mixed:a 1 0 0 0",
        "mixed:b 1 0 0 0",
        "treasury 4 1111 0 1111",
        "treasury2 2 110000 0 110000",
        "treasury2:btc 1 100000 0 100000",
        "treasury:btc 2 110 0 110",
        "treasury:btc:hot 1 100 0 100",
        "treasury:eth 1 1000 0 1000",
    ];
    assert_eq!(lines, expected);
    let plan = bank.explain("SELECT * FROM account_rollup WHERE book = 'bank'").await;
    assert!(plan.contains("selection=[book = 'bank']"), "{plan}");
}

#[tokio::test]
async fn a_statement_runs_from_line_to_line() {
    let shop = Fixture::shop();
    let query = "SELECT seq, balance_before, debit, credit, balance_after
                   FROM account_statement WHERE book = 'shop' AND account = 'cash' ORDER BY seq";
    let rows = shop.rows(query).await;
    assert!(rows.len() > 10);
    let number = |text: &String| text.parse::<i128>().unwrap_or(0);
    let mut held = 0;
    for row in &rows {
        assert_eq!(number(&row[1]), held, "{row:?}");
        held += number(&row[2]) - number(&row[3]);
        assert_eq!(number(&row[4]), held, "{row:?}");
    }
    let plan = shop.explain(query).await;
    assert!(plan.contains("table=postings, access=account index"), "{plan}");
    assert!(plan.contains("table=accounts, access=account,"), "{plan}");
}

#[tokio::test]
async fn amounts_of_every_precision_are_formatted() {
    let bank = Fixture::empty();
    for (id, precision) in [("JPY", 0), ("ETH", 18), ("EUR", 2)] {
        bank.asset(id, precision);
    }
    let most = "99999999999999999999999999999999999999";
    let cases = [
        ("1234, 'EUR'", "12.34"),
        ("-5, 'EUR'", "-0.05"),
        ("0, 'EUR'", "0.00"),
        ("-7, 'JPY'", "-7"),
        ("1, 'ETH'", "0.000000000000000001"),
        (
            "-99999999999999999999999999999999999999, 'ETH'",
            "-99999999999999999999.999999999999999999",
        ),
        ("NULL, 'EUR'", ""),
        ("1, NULL", ""),
    ];
    for (arguments, shown) in cases {
        assert_eq!(
            bank.value(&format!("SELECT format_amount({arguments})")).await,
            shown,
            "{arguments}"
        );
    }
    assert_eq!(bank.value(&format!("SELECT format_amount({most}, 'JPY')")).await, most);
    let unknown = bank.error("SELECT format_amount(1, 'XXX')").await;
    assert_eq!(unknown.fault(), &crate::Fault::InvalidParameterValue);
    for wrong in ["'1', 'EUR'", "1.5, 'EUR'", "1", "true, 'EUR'"] {
        let error = bank.error(&format!("SELECT format_amount({wrong})")).await;
        assert_eq!(error.fault(), &crate::Fault::UndefinedFunction, "{wrong}");
    }
}
