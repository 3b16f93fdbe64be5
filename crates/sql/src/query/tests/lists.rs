//! Lists of values and ORs reach the indexes; what comes back is what the condition alone says.

use super::super::fixture::Fixture;
use super::pushdown::selection;
use crate::Value;
use store::{Lsn, View};

/// Table, condition, what the store is asked for, rows. `-` if it is asked for nothing at all.
type Case<'a> = (&'a str, &'a str, &'a str, usize);

async fn check(cases: &[Case<'_>], shop: &Fixture) {
    for (table, condition, pushed, rows) in cases {
        let query = format!("SELECT * FROM {table} WHERE {condition}");
        if *pushed == "-" {
            let plan = shop.explain(&query).await;
            assert!(!plan.contains("LedgerScan"), "{query}\n{plan}");
        } else {
            assert_eq!(selection(shop, &query).await, *pushed, "{query}");
        }
        assert_eq!(shop.rows(&query).await.len(), *rows, "{query}");
    }
}

#[tokio::test]
async fn lists_of_paths_reach_the_store() {
    let cases = [
        ("accounts", "path IN ('sales', 'cash', 'cash')", "path IN ('cash', 'sales')", 2),
        ("accounts", "path = ANY (ARRAY['sales', 'cash'])", "path IN ('cash', 'sales')", 2),
        ("accounts", "path = ANY ('{sales,cash,NULL}')", "path IN ('cash', 'sales')", 2),
        ("accounts", "path IN ('a', 'b', 'c', 'cash', NULL)", "path IN ('a', 'b', 'c', 'cash')", 1),
        ("accounts", "path = 'cash' OR path = 'sales'", "path IN ('cash', 'sales')", 2),
        ("accounts", "path = 'cash' OR path LIKE 'cl%'", "path LIKE 'c%'", 2),
        ("accounts", "path = 'cash' OR path LIKE 's%'", "", 2),
        ("accounts", "path = 'cash' OR balance = 0", "", 1),
        ("accounts", "path IN ('cash', 'sales') AND path LIKE 'c%'", "path = 'cash'", 1),
        ("accounts", "path = ANY (ARRAY[]::text[])", "-", 0),
        ("accounts", "path = ANY (NULL::text[])", "-", 0),
        ("accounts", "path NOT IN ('cash', 'sales')", "", 3),
        ("accounts", "NOT (path = 'cash' OR path = 'sales')", "", 3),
        ("accounts", "book IN ('shop', 'bank')", "", 5),
        (
            "accounts",
            "book = 'shop' AND path IN ('vault', 'nowhere')",
            "book = 'shop' AND path IN ('nowhere', 'vault')",
            0,
        ),
    ];
    check(&cases, &Fixture::shop()).await;
}

#[tokio::test]
async fn lists_of_accounts_keys_and_places_reach_the_store() {
    let cases = [
        (
            "postings",
            "book = 'shop' AND account IN ('cash', 'clients/anna')",
            "book = 'shop' AND account IN ('cash', 'clients/anna')",
            44,
        ),
        (
            "postings",
            "book = 'shop' AND account IN ('cash', 'sales') AND seq > 40",
            "book = 'shop' AND account IN ('cash', 'sales') AND seq >= 41",
            14,
        ),
        (
            "transactions",
            "book = 'shop' AND seq IN (4, 3, 6)",
            "book = 'shop' AND seq IN (3, 4, 6)",
            2,
        ),
        (
            "transactions",
            "book = 'shop' AND seq IN (4, 6.0, 7.5, -1, 99999999999999999999, NULL)",
            "book = 'shop' AND seq IN (4, 6)",
            2,
        ),
        (
            "transactions",
            "book = 'shop' AND seq IN (4, 6) AND seq < 5",
            "book = 'shop' AND seq = 4",
            1,
        ),
        ("transactions", "seq = 4 OR seq BETWEEN 40 AND 41", "seq in 4..=41", 3),
        ("transactions", "seq = 4 OR lsn = 9", "", 2),
        ("transactions", "lsn IN (8, 12, 10, 20, 30)", "lsn in 8..=30", 5),
        (
            "transfers",
            "book = 'shop' AND idempotency_key = ANY ('{sale-1,sale-2,sale-3,sale-4,x}')",
            "book = 'shop' AND idempotency_key IN ('sale-1', 'sale-2', 'sale-3', 'sale-4', 'x')",
            4,
        ),
        (
            "events",
            "book = 'shop' AND seq IN (1, 2, 40, 41, 99)",
            "book = 'shop' AND seq IN (1, 2, 40, 41, 99)",
            4,
        ),
    ];
    check(&cases, &Fixture::shop()).await;
}

#[tokio::test]
async fn lists_of_ids_reach_the_store() {
    let shop = Fixture::shop();
    let ids = shop.rows("SELECT tx_id FROM transactions WHERE seq IN (4, 6) ORDER BY 1").await;
    let ids = ids.concat();
    let (first, second) = (&ids[0], &ids[1]);
    let upper = first.to_uppercase();
    let cases: [Case<'_>; 2] = [
        (
            "transactions",
            &format!("tx_id IN ('{upper}', '{second}')"),
            &format!("tx_id IN ('{first}', '{second}')"),
            2,
        ),
        (
            "postings",
            &format!("tx_id = ANY (ARRAY['{upper}', '{second}']::uuid[])"),
            &format!("tx_id IN ('{first}', '{second}')"),
            4,
        ),
    ];
    check(&cases, &shop).await;
}

/// As the pages of a history are asked for.
#[tokio::test]
async fn compared_rows_reach_the_store() {
    let cases = [
        (
            "postings",
            "book = 'shop' AND account = 'cash' AND (seq, idx) > (40, 0)",
            "book = 'shop' AND account = 'cash' AND seq >= 40",
            7,
        ),
        (
            "postings",
            "book = 'shop' AND (lsn, idx) <= (12, 0)",
            "book = 'shop' AND lsn in 0..=12",
            15,
        ),
        (
            "transactions",
            "book = 'shop' AND (committed_at, seq, tx_id) >= ('2001-01-01', 0, '00000000-0000-0000-0000-000000000000')",
            "book = 'shop' AND committed_at >= 978307200000000",
            44,
        ),
    ];
    check(&cases, &Fixture::shop()).await;
}

#[tokio::test]
async fn long_lists_are_shown_in_short_and_read_by_index() {
    let shop = Fixture::shop();
    let keys: Vec<String> = (0..30).map(|number| format!("'sale-{number}'")).collect();
    let query = format!(
        "SELECT seq FROM transactions WHERE book = 'shop' AND idempotency_key IN ({})",
        keys.join(", ")
    );
    let plan = shop.explain(&query).await;
    assert!(plan.contains("access=idempotency_key index"), "{plan}");
    assert!(plan.contains(", and 22 more)"), "{plan}");
    let analyzed = shop.rows(&format!("EXPLAIN ANALYZE {query}")).await.concat().join("\n");
    let scan = analyzed.lines().find(|line| line.contains("LedgerScan")).expect(&analyzed);
    assert!(scan.contains("output_rows=30") || scan.contains("rows=30"), "{analyzed}");
}

#[tokio::test]
async fn arrays_of_parameters_reach_the_store() {
    let shop = Fixture::shop();
    let text = |text: &str| Value::Text(text.to_owned());
    for (condition, array, pushed, rows) in [
        (
            "idempotency_key = ANY ($1)",
            vec![text("sale-3"), Value::Null, text("sale-1"), text("sale-3"), text("x")],
            "idempotency_key IN ('sale-1', 'sale-3', 'x')",
            "2",
        ),
        ("idempotency_key = ANY ($1)", vec![text("sale-3")], "idempotency_key = 'sale-3'", "1"),
        (
            "seq = ANY ($1)",
            vec![Value::Int(4), Value::Int(-4), Value::Int(6)],
            "seq IN (0, 4, 6)",
            "2",
        ),
        ("seq = ANY ($1::int8[])", vec![Value::Int(4), Value::Int(6)], "seq IN (4, 6)", "2"),
    ] {
        let from = format!("FROM transactions WHERE book = 'shop' AND {condition}");
        let values = [Value::Array(array)];
        let query = format!("EXPLAIN SELECT tx_id {from}");
        let plan = shop.ask_with(&query, &[], &values).await.expect(&query);
        let plan = plan.rows.concat().join("\n");
        assert!(plan.contains(&format!("selection=[book = 'shop' AND {pushed}]")), "{plan}");
        let query = format!("SELECT count(*) {from}");
        let count = shop.ask_with(&query, &[], &values).await.expect(&query);
        assert_eq!(count.rows, [[rows]], "{query}");
    }
    let id = shop.value("SELECT tx_id FROM transactions WHERE idempotency_key = 'sale-3'").await;
    for value in [Value::Uuid(id.parse().expect("an id")), text(&id.to_uppercase())] {
        let query = "EXPLAIN SELECT seq FROM transactions WHERE tx_id = ANY ($1)";
        let values = [Value::Array(vec![value, Value::Null])];
        let plan = shop.ask_with(query, &[], &values).await.expect(query).rows.concat().join(" ");
        assert!(plan.contains(&format!("selection=[tx_id = '{id}']")), "{plan}");
    }
    for (values, rows) in [
        ([text("sale-3"), text("sale-1")], "2"),
        ([text("sale-3"), Value::Null], "1"),
        ([Value::Null, Value::Null], "0"),
    ] {
        let query = "SELECT count(*) FROM transactions \
            WHERE book = 'shop' AND idempotency_key IN ($1, $2)";
        let count = shop.ask_with(query, &[], &values).await.expect(query);
        assert_eq!(count.rows, [[rows]], "{values:?}");
    }
    let query = "SELECT count(*) FROM transactions WHERE idempotency_key = ANY ($1)";
    let count = shop.ask_with(query, &[], &[Value::Array(Vec::new())]).await.expect(query);
    assert_eq!(count.rows, [["0"]]);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    fn pick<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[self.roll(values.len())]
    }

    fn list(&mut self, values: &[&str]) -> String {
        let count = 1 + self.roll(5);
        (0..count).map(|_| self.pick(values)).collect::<Vec<_>>().join(", ")
    }

    /// Of a table whose columns are known with values that they have, or nearly.
    fn condition(&mut self, columns: &[(&str, &[&str])], depth: usize) -> String {
        if depth > 0 && self.roll(3) > 0 {
            let left = self.condition(columns, depth - 1);
            let right = self.condition(columns, depth - 1);
            return match self.roll(7) {
                0..3 => format!("({left} AND {right})"),
                3..6 => format!("({left} OR {right})"),
                _ => format!("NOT ({left} OR {right})"),
            };
        }
        let (column, values) = columns[self.roll(columns.len())];
        let column = marked(column);
        match self.roll(8) {
            0 => format!("{column} = {}", self.pick(values)),
            1 => format!("{column} >= {}", self.pick(values)),
            2 => format!("{column} BETWEEN {} AND {}", self.pick(values), self.pick(values)),
            3 => format!("{column} = ANY (ARRAY[{}])", self.list(values)),
            4 => format!("{column} NOT IN ({})", self.list(values)),
            5 => {
                let (other, others) = columns[self.roll(columns.len())];
                let op = self.pick(&["<", "<=", ">", ">=", "="]);
                let (value, second) = (self.pick(values), self.pick(others));
                let other = marked(other);
                format!("({column}, {other}) {op} ({value}, {second})")
            }
            _ => format!("{column} IN ({})", self.list(values)),
        }
    }
}

/// A column that can be found again in a condition.
fn marked(column: &str) -> String {
    format!("\u{1}{column}\u{1}")
}

const BOOKS: &[&str] = &["'shop'", "'shop'", "'bank'", "'nowhere'"];
const KEYS: &[&str] = &["'sale-1'", "'sale-2'", "'sale-30'", "'refund-10'", "'all'", "'x'", "NULL"];
const PATHS: &[&str] = &["'cash'", "'sales'", "'clients/anna'", "'vault'", "''", "'d'", "NULL"];
const SEQS: &[&str] = &["1", "3", "4", "5", "20", "21", "22", "47", "0", "-1", "5.5", "NULL"];
const LSNS: &[&str] = &["1", "5", "6", "7", "30", "49", "53", "1e30", "NULL"];

/// The same condition where nothing of it can be understood is the answer.
#[tokio::test]
async fn lists_and_ors_find_what_the_condition_says() {
    let mut shop = Fixture::shop();
    let mut dice = Dice(20_260_101);
    let mut narrowed = 0;
    for is_sealed in [false, true] {
        if is_sealed {
            shop = shop.reopened();
        }
        let last = shop.ledger.view().cut().0;
        for round in 0..100 {
            let (table, key, columns): (_, _, &[(&str, &[&str])]) = match round % 4 {
                0 => ("accounts", "book, path, balance", &[("book", BOOKS), ("path", PATHS)]),
                1 => (
                    "transactions",
                    "tx_id",
                    &[("book", BOOKS), ("idempotency_key", KEYS), ("seq", SEQS), ("lsn", LSNS)],
                ),
                2 => (
                    "postings",
                    "tx_id, idx, balance_after",
                    &[("book", BOOKS), ("account", PATHS), ("seq", SEQS), ("lsn", LSNS)],
                ),
                _ => ("events", "lsn", &[("book", BOOKS), ("seq", SEQS), ("lsn", LSNS)]),
            };
            let condition = dice.condition(columns, 3);
            let book = marked("book");
            let condition = match dice.roll(3) {
                0 => condition,
                _ => format!("{book} = 'shop' AND {condition}"),
            };
            let query = format!("SELECT {key} FROM {table} WHERE {condition}");
            let defeated = columns.iter().fold(query.clone(), |query, (column, _)| {
                let computed = match *column {
                    "seq" | "lsn" => format!("abs({column})"),
                    text => format!("reverse(reverse({text}))"),
                };
                query.replace(&marked(column), &computed)
            });
            let query = query.replace(['\u{1}'], "");
            let plan = shop.explain(&defeated).await;
            assert_eq!(plan.contains("LedgerScan"), plan.contains("selection=[]"), "{plan}");
            narrowed += usize::from(!shop.explain(&query).await.contains("selection=[]"));
            for lsn in [last, last / 2, 6] {
                let view = shop.ledger.view_at(Lsn(lsn)).expect("a view").expect("a cut");
                let found = sorted(&shop, &query, view.clone()).await;
                assert_eq!(found, sorted(&shop, &defeated, view).await, "{query} at {lsn}");
            }
        }
    }
    assert!(narrowed > 80, "{narrowed}");
}

async fn sorted(shop: &Fixture, query: &str, view: View) -> Vec<Vec<String>> {
    let mut rows = shop.ask_at(query, view).await.expect(query).rows;
    rows.sort();
    rows
}
