//! EXPLAIN shows what reaches the store; the rows must be right all the same.

use super::super::fixture::Fixture;

pub(super) async fn selection(shop: &Fixture, query: &str) -> String {
    let plan = shop.explain(query).await;
    let scan = plan.lines().find(|line| line.contains("selection=[")).expect(&plan).to_owned();
    let (_, rest) = scan.split_once("selection=[").expect(&scan);
    rest.split_once(']').expect(rest).0.to_owned()
}

#[tokio::test]
async fn conditions_reach_the_store() {
    let shop = Fixture::shop();
    let tx_id = shop.value("SELECT tx_id FROM transactions WHERE idempotency_key = 'sale-3'").await;
    let upper = tx_id.to_uppercase();
    for (table, condition, pushed, rows) in [
        ("accounts", "book = 'shop'".to_owned(), "book = 'shop'".to_owned(), 3),
        (
            "accounts",
            "'shop' = book AND path = 'cash'".to_owned(),
            "book = 'shop' AND path = 'cash'".to_owned(),
            1,
        ),
        ("accounts", "path LIKE 'clients/%'".to_owned(), "path LIKE 'clients/%'".to_owned(), 1),
        ("accounts", "path LIKE 'c%s_'".to_owned(), "path LIKE 'c%'".to_owned(), 1),
        (
            "accounts",
            "path = 'cash' OR path = 'sales'".to_owned(),
            "path IN ('cash', 'sales')".to_owned(),
            2,
        ),
        ("accounts", "book IN ('shop')".to_owned(), "book = 'shop'".to_owned(), 3),
        ("accounts", "starts_with(path, 'cl')".to_owned(), "path LIKE 'cl%'".to_owned(), 1),
        ("accounts", "path ILIKE 'C%'".to_owned(), String::new(), 3),
        ("accounts", "balance > 0".to_owned(), String::new(), 5),
        (
            "postings",
            "book = 'shop' AND account = 'cash' AND seq > 40".to_owned(),
            "book = 'shop' AND account = 'cash' AND seq >= 41".to_owned(),
            7,
        ),
        (
            "postings",
            "seq BETWEEN 4 AND 5 AND book = 'shop'".to_owned(),
            "book = 'shop' AND seq in 4..=5".to_owned(),
            4,
        ),
        ("postings", format!("tx_id = '{upper}'"), format!("tx_id = '{tx_id}'"), 2),
        ("postings", format!("tx_id = '{upper}'::uuid"), format!("tx_id = '{tx_id}'"), 2),
        ("transactions", format!("tx_id IN ('{upper}')"), format!("tx_id = '{tx_id}'"), 1),
        (
            "transactions",
            "book = 'shop' AND idempotency_key = 'sale-3'".to_owned(),
            "book = 'shop' AND idempotency_key = 'sale-3'".to_owned(),
            1,
        ),
        ("transactions", "lsn < 8.0".to_owned(), "lsn in 0..=7".to_owned(), 3),
        (
            "transactions",
            "committed_at >= '2001-01-01' AND book = 'bank'".to_owned(),
            "book = 'bank' AND committed_at >= 978307200000000".to_owned(),
            1,
        ),
        (
            "transfers",
            "idempotency_key = 'refund-10'".to_owned(),
            "idempotency_key = 'refund-10'".to_owned(),
            1,
        ),
        (
            "events",
            "book = 'shop' AND seq = 4".to_owned(),
            "book = 'shop' AND seq = 4".to_owned(),
            1,
        ),
        ("books", "book = 'bank'".to_owned(), "book = 'bank'".to_owned(), 1),
    ] {
        let query = format!("SELECT * FROM {table} WHERE {condition}");
        assert_eq!(selection(&shop, &query).await, pushed, "{query}");
        assert_eq!(shop.rows(&query).await.len(), rows, "{query}");
    }
}

#[tokio::test]
async fn explain_shows_table_access_and_cut() {
    let shop = Fixture::shop();
    let cut = shop.ledger.view().cut();
    let plan =
        shop.explain("SELECT amount FROM postings WHERE book = 'shop' AND account = 'cash'").await;
    assert!(plan.contains("table=postings, access=account"), "{plan}");
    assert!(plan.contains(&format!("cut={cut}")), "{plan}");
    let plan = shop.explain("SELECT path FROM accounts LIMIT 2").await;
    assert!(plan.contains("limit=2"), "{plan}");
    assert!(plan.contains("columns=[path]"), "{plan}");
}

#[tokio::test]
async fn parameters_are_pushed_down() {
    use crate::Value;
    let shop = Fixture::shop();
    let explained = shop
        .ask_with(
            "EXPLAIN SELECT balance FROM accounts WHERE book = $1 AND path = $2",
            &[],
            &[Value::Text("shop".to_owned()), Value::Text("cash".to_owned())],
        )
        .await
        .expect("an explained query");
    let plan = explained.rows.concat().join("\n");
    assert!(plan.contains("access=account"), "{plan}");
    assert!(plan.contains("book = 'shop' AND path = 'cash'"), "{plan}");
}

#[tokio::test]
async fn a_statement_reads_one_cut() {
    let shop = Fixture::shop();
    let before = shop.value("SELECT count(*) FROM postings").await;
    assert_eq!(before, "90");
    shop.post("shop", "late", "cash", "sales", 1, 0, "{}");
    assert_eq!(shop.value("SELECT count(*) FROM postings").await, "92");
    assert_eq!(shop.value("SELECT count(*) FROM transactions").await, "46");
    assert_eq!(shop.value("SELECT count(*) FROM transfers").await, "46");
}
