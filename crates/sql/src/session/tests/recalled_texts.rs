//! Texts that were seen before with other literals, against the same texts planned for the first
//! time by an engine that recalls nothing: the same columns, rows and errors.

use super::point_reads::{Both, Dice, both};
use super::{lines_of, seen};
use crate::{Answer, Column, Error, Prepared, Served, Session, Value};
use store::Options;

/// Everything that a client would see of an answer.
#[derive(Debug, PartialEq)]
enum Shown {
    Rows(Vec<Column>, Vec<String>),
    Error(String),
}

fn shown_error(error: &Error) -> Shown {
    Shown::Error(format!("{error:?}"))
}

/// What a Query message with this text answers, and whether it was recalled.
async fn asked_again(session: &mut Session, text: &str) -> (Shown, bool) {
    if let Some((prepared, literals)) = session.recall(text).await {
        match session.serve(&prepared, &literals).await {
            Ok(Served::Rows(batches)) => {
                let columns = prepared.columns().unwrap_or_default().to_vec();
                let rows = batches.iter().flat_map(lines_of).collect();
                return (Shown::Rows(columns, rows), true);
            }
            Ok(Served::Unplanned) => {
                return (executed(session, &prepared, &literals, text).await, true);
            }
            Ok(Served::Elsewhere) => {}
            Err(error) => return (shown_error(&error), true),
        }
    }
    (asked_first(session, text).await, false)
}

/// The last answer to a text, or the first error.
async fn asked_first(session: &mut Session, text: &str) -> Shown {
    let statements = match session.parse(text) {
        Ok(statements) => statements,
        Err(error) => return shown_error(&error),
    };
    let mut last = Shown::Rows(Vec::new(), Vec::new());
    for statement in statements {
        let prepared = match session.prepare(statement, &[]).await {
            Ok(prepared) => prepared,
            Err(error) => return shown_error(&error),
        };
        last = executed(session, &prepared, &[], text).await;
        if matches!(last, Shown::Error(_)) {
            break;
        }
    }
    last
}

async fn executed(
    session: &mut Session,
    prepared: &Prepared,
    parameters: &[Value],
    text: &str,
) -> Shown {
    let columns = prepared.columns().unwrap_or_default().to_vec();
    let answered = match session.execute(prepared, parameters).await {
        Ok(answer @ Answer::Rows { .. }) => seen(answer).await,
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => Err(error),
    };
    match answered {
        Ok(seen) => Shown::Rows(columns, seen.rows),
        Err(error) => shown_error(&error),
    }
}

const TEXTS: [&str; 25] = [
    "'cash'",
    "'sales'",
    "'acct:1'",
    "'none'",
    "''",
    "'CASH'",
    "' cash'",
    "'cash '",
    "'17'",
    "'ca''sh'",
    "'kása'",
    "NULL",
    "17",
    "-17",
    "1.5",
    "true",
    "'cash'::text",
    "'cash'::varchar(2)",
    "CAST('cash' AS text)",
    "'ca' || 'sh'",
    "'acct:' || 1",
    "1 || 'x'",
    "E'cash'",
    "lower('CASH')",
    "U&'cash'",
];

const NUMBERS: [&str; 26] = [
    "0",
    "1",
    "5",
    "7",
    "12",
    "007",
    "-5",
    "+5",
    "- 5",
    "'5'",
    "' 5 '",
    "'x'",
    "5.0",
    "5.5",
    "1e1",
    "NULL",
    "5::int2",
    "'5'::bigint",
    "2 + 3",
    "10 / 2",
    "7 % 4",
    "7 / 0",
    "9223372036854775807",
    "9223372036854775807 + 1",
    "99999999999999999999",
    "(6)",
];

const COUNTS: [&str; 16] = [
    "",
    "LIMIT 0",
    "LIMIT 1",
    "LIMIT 3",
    "LIMIT 50",
    "LIMIT -1",
    "LIMIT NULL",
    "LIMIT ALL",
    "LIMIT '2'",
    "LIMIT 'x'",
    "LIMIT 2.5",
    "LIMIT 1 + 1",
    "LIMIT 2 OFFSET 1",
    "LIMIT 2 OFFSET -1",
    "LIMIT 99999999999999999999",
    "OFFSET 1",
];

const ENDS: [&str; 9] = ["", "", "", ";", " ; ", " -- 'x' 7", " /* 'x' 7 */", ";;", "; SELECT 1"];

const ID: &str = "018f2b6e-0000-7000-8000-000000000003";

/// Statements with `{t}` for a text, `{n}` for a number, `{u}` for a uuid, `{c}` for a count of rows.
const SHAPES: [&str; 22] = [
    "SELECT balance FROM accounts WHERE book = {t} AND path = {t}",
    "SELECT balance FROM accounts WHERE book = 'shop' AND path = {t} {c}",
    "select * from accounts where path={t} and book='shop'",
    "SELECT path, 1 FROM accounts WHERE book = 'shop' AND path = {t}",
    "SELECT 'x', path FROM accounts WHERE book = 'shop' AND path = {t}",
    "SELECT balance + {n} FROM accounts WHERE book = 'shop' AND path = {t}",
    "SELECT balance AS b1 FROM accounts AS a2 WHERE a2.book = 'shop' AND a2.path = {t}",
    "SELECT path FROM accounts WHERE book = 'shop' AND path = {t} AND balance > {n}",
    "SELECT seq, amount FROM postings WHERE book = 'shop' AND account = {t} ORDER BY seq {c}",
    "SELECT seq, idx FROM postings WHERE book = 'shop' AND account = {t} ORDER BY 1, 2 {c}",
    "SELECT seq, idx FROM postings WHERE book = 'shop' AND account = {t} AND seq > {n} \
     ORDER BY seq, idx {c}",
    "SELECT seq FROM postings WHERE book = 'shop' AND account = {t} AND seq <= {n} \
     ORDER BY seq DESC, idx DESC {c}",
    "SELECT seq, tx_id IS NULL FROM transactions WHERE book = 'shop' AND seq = {n}",
    "SELECT * FROM transactions WHERE book = 'shop' AND seq = {n} {c}",
    "SELECT seq FROM transactions WHERE book = 'shop' AND idempotency_key = 'key-{n}'",
    "SELECT seq FROM transactions WHERE book = 'shop' AND idempotency_key = 'key-' || {n}",
    "SELECT seq, book FROM transactions WHERE tx_id = {u}",
    "SELECT idx, amount FROM postings WHERE tx_id = {u} ORDER BY idx {c}",
    "SELECT kind FROM events WHERE book = 'shop' AND seq = {n}",
    "SELECT kind, seq FROM events WHERE book = {t} AND seq >= {n} ORDER BY seq {c}",
    "SELECT count(*) FROM postings WHERE book = 'shop' AND account = {t} AND seq < {n}",
    "SELECT seq FROM postings WHERE book = 'shop' AND account = {t} AND occurred_at = {t}",
];

fn random(dice: &mut Dice) -> String {
    let uuids = [
        format!("'{ID}'"),
        format!("'{}'", ID.to_uppercase()),
        format!("'{{{ID}}}'"),
        format!("'{}'", ID.replace('-', "")),
        format!("'{ID}'::uuid"),
        format!("'{}'", &ID[1..]),
        "'x'".to_owned(),
        "NULL".to_owned(),
        "7".to_owned(),
    ];
    let mut text = dice.pick(&SHAPES).to_owned();
    for (slot, values) in [("{t}", &TEXTS[..]), ("{n}", &NUMBERS), ("{c}", &COUNTS)] {
        while text.contains(slot) {
            // Half of them plain, so that shapes come again.
            let plain = if slot == "{t}" { 3 } else { 4 };
            let value = match dice.roll(2) {
                0 => values[dice.roll(plain)],
                _ => dice.pick(values),
            };
            text = text.replacen(slot, value, 1);
        }
    }
    while text.contains("{u}") {
        text = text.replacen("{u}", &uuids[dice.roll(uuids.len())], 1);
    }
    text + dice.pick(&ENDS)
}

/// How many of some random texts were recalled; all are answered as if they were new.
async fn compare(both: Both, texts: usize) -> usize {
    let Both { mut recognising, mut planning, .. } = both;
    recognising
        .run(&format!(
            "INSERT INTO transfers \
             (book, idempotency_key, debit_account, credit_account, amount, tx_id) \
             VALUES ('shop', 'given', 'cash', 'sales', 77, '{ID}')"
        ))
        .await
        .unwrap();
    let mut recalled = 0;
    for seed in 1..=2 {
        let mut dice = Dice(seed);
        for number in 0..texts {
            let text = random(&mut dice);
            let new = asked_first(&mut planning, &text).await;
            let (again, was_recalled) = asked_again(&mut recognising.session, &text).await;
            assert_eq!(again, new, "text {number} of seed {seed}: {text}");
            recalled += usize::from(was_recalled);
        }
    }
    recalled
}

#[tokio::test]
async fn texts_with_other_literals_answer_as_if_they_were_new() {
    let recalled = compare(both(Options::default(), 60).await, 600).await;
    assert!(recalled > 150, "{recalled}");
}

#[tokio::test]
async fn texts_with_other_literals_answer_the_same_of_evicted_history() {
    let options =
        Options { memory_budget_bytes: 1 << 20, idempotency_hot_cap: 100, ..Options::default() };
    let both = both(options, 12_000).await;
    both.ledger.checkpoint().unwrap();
    let recalled = compare(both, 150).await;
    assert!(recalled > 30, "{recalled}");
}
