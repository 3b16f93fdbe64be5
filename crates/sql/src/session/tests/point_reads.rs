//! Point reads against the same statements planned by DataFusion: the same rows, columns and
//! errors, whatever the statement, the block around it and the place of the history.

use super::{Fixture, connect, lines_of, seen, text};
use crate::{Engine, Error, Served, Session, Value};
use store::{Ledger, Options};

/// Replays itself: the same seed gives the same statements.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// A statement with its parameters.
struct Statement {
    text: String,
    parameters: Vec<Value>,
}

impl Statement {
    fn parameter(&mut self, value: Value) -> String {
        self.parameters.push(value);
        format!("${}", self.parameters.len())
    }

    fn text_value(&mut self, dice: &mut Dice, value: &str) -> String {
        match dice.roll(8) {
            0 => format!("'{value}'"),
            1 => {
                let (head, tail) = value.split_at(value.len() / 2);
                let tail = self.parameter(text(tail));
                format!("'{head}' || {tail}")
            }
            2 => {
                let (head, tail) = value.split_at(value.len() / 2);
                let head = self.parameter(text(head));
                format!("{head} || '{tail}'")
            }
            3 if dice.roll(6) == 0 => self.parameter(Value::Null),
            _ => self.parameter(text(value)),
        }
    }

    fn number(&mut self, dice: &mut Dice, value: i64) -> String {
        match dice.roll(8) {
            0 => format!("{value}"),
            1 => format!("{} + {}", self.parameter(Value::Int(value - 1)), 1),
            2 => format!("{}::int % 100000", self.parameter(Value::Int(value))),
            3 if dice.roll(6) == 0 => self.parameter(Value::Null),
            4 if dice.roll(6) == 0 => {
                format!("{} / 0", self.parameter(Value::Int(value)))
            }
            5 if dice.roll(6) == 0 => {
                format!("{} + 9223372036854775807", self.parameter(Value::Int(value.max(1))))
            }
            _ => self.parameter(Value::Int(value)),
        }
    }
}

const ACCOUNTS: [&str; 5] = ["cash", "sales", "acct:1", "acct:2", "none"];
const BOOKS: [&str; 4] = ["shop", "shop", "shop", "bank"];

fn columns_of(table: &str) -> &'static [&'static str] {
    match table {
        "accounts" => &["path", "balance", "debits", "credits", "updated_seq", "closed", "kind"],
        "postings" => &["seq", "idx", "account", "amount", "direction", "balance_after", "tx_id"],
        "transactions" => &["tx_id", "seq", "idempotency_key", "metadata", "postings", "reverses"],
        "transfers" => &["tx_id", "seq", "debit_account", "amount", "occurred_at"],
        _ => &["lsn", "seq", "kind", "payload", "at"],
    }
}

fn random(dice: &mut Dice, tx_ids: &[String], head: i64) -> Statement {
    let mut statement = Statement { text: String::new(), parameters: Vec::new() };
    let table =
        dice.pick(&["accounts", "postings", "postings", "transactions", "transfers", "events"]);
    let conditions = conditions(&mut statement, dice, table, tx_ids, head).join(" AND ");
    let columns = match dice.roll(4) {
        0 => "*".to_owned(),
        1 => format!("{} AS renamed", dice.pick(columns_of(table))),
        _ => format!("{}, {}", dice.pick(columns_of(table)), dice.pick(columns_of(table))),
    };
    let order = order(dice, table);
    let count = dice.pick(&[0, 1, 2, 5, 50]);
    let limit = match dice.roll(4) {
        0 => String::new(),
        1 => format!(" LIMIT {count}"),
        2 => format!(" LIMIT {} OFFSET 1", statement.parameter(Value::Int(count))),
        _ => format!(" LIMIT {}", statement.parameter(Value::Int(count))),
    };
    statement.text = format!("SELECT {columns} FROM {table} WHERE {conditions}{order}{limit}");
    statement
}

fn conditions(
    statement: &mut Statement,
    dice: &mut Dice,
    table: &str,
    tx_ids: &[String],
    head: i64,
) -> Vec<String> {
    let mut conditions = Vec::new();
    if dice.roll(10) > 0 {
        let book = dice.pick(&BOOKS);
        conditions.push(format!("book = {}", statement.text_value(dice, book)));
    }
    let seq = dice.roll(head as usize + 3) as i64;
    let op = dice.pick(&["=", ">", ">=", "<", "<=", "<>"]);
    match (table, dice.roll(4)) {
        ("accounts", _) => {
            let path = dice.pick(&ACCOUNTS);
            conditions.push(format!("path = {}", statement.text_value(dice, path)));
        }
        ("postings", 0 | 1) => {
            let path = dice.pick(&ACCOUNTS);
            conditions.push(format!("account = {}", statement.text_value(dice, path)));
            if dice.roll(2) == 0 {
                conditions.push(format!("seq {op} {}", statement.number(dice, seq)));
            }
        }
        ("postings" | "transactions" | "transfers", 2) => {
            let id = tx_ids[dice.roll(tx_ids.len())].clone();
            let value = match dice.roll(4) {
                0 => format!("'{}'", id.to_uppercase()),
                1 => statement.parameter(Value::Uuid(id.parse().unwrap())),
                2 => format!("('{}' || {})::uuid", &id[..9], statement.parameter(text(&id[9..]))),
                _ => statement.parameter(text(&id)),
            };
            conditions.push(format!("tx_id = {value}"));
        }
        ("transactions" | "transfers", 0 | 1) => {
            let key = format!("key-{}", dice.roll(head as usize));
            let key = statement.text_value(dice, &key);
            conditions.push(format!("idempotency_key = {key}"));
        }
        ("events", 0 | 1) => {
            conditions.push(format!("seq {op} {}", statement.number(dice, seq)));
            conditions.push(format!("seq <= {}", statement.number(dice, seq)));
        }
        _ => conditions.push(format!("seq = {}", statement.number(dice, seq))),
    }
    if dice.roll(5) == 0 && table != "accounts" {
        conditions.push(format!("seq > {}", dice.roll(head as usize)));
    }
    if dice.roll(8) == 0 && table == "postings" {
        conditions.push(dice.pick(&["direction = 'debit'", "amount > 150", "idx = 0"]).to_owned());
    }
    conditions
}

/// An order in which no two rows are equal.
fn order(dice: &mut Dice, table: &str) -> &'static str {
    match table {
        "accounts" => dice.pick(&["", " ORDER BY path, book", " ORDER BY balance DESC, book"]),
        "postings" => dice.pick(&[
            " ORDER BY book, seq, idx",
            " ORDER BY seq, idx, book",
            " ORDER BY seq DESC, idx DESC, book",
            " ORDER BY lsn, idx",
            " ORDER BY lsn DESC, idx DESC",
        ]),
        "transfers" => dice.pick(&[" ORDER BY seq, book", " ORDER BY book, seq DESC"]),
        _ => dice.pick(&[" ORDER BY seq, book", " ORDER BY book, seq DESC", " ORDER BY lsn"]),
    }
}

/// Rows as texts, or the error.
type Shown = Result<(Vec<crate::Column>, Vec<String>), String>;

fn shown_error(error: &Error) -> String {
    format!("{:?}: {error}", error.fault())
}

/// What the statement answers, at once if it can; and whether it could.
async fn ask(session: &mut Session, statement: &Statement, at_once: bool) -> (Shown, bool) {
    let parsed = session.parse(&statement.text).unwrap().remove(0);
    let prepared = match session.prepare(parsed, &[]).await {
        Ok(prepared) => prepared,
        Err(error) => return (Err(shown_error(&error)), false),
    };
    let columns = prepared.columns().unwrap_or_default().to_vec();
    if at_once && prepared.is_point_read() {
        match session.serve(&prepared, &statement.parameters).await {
            Ok(Served::Rows(batches)) => {
                return (Ok((columns, batches.iter().flat_map(lines_of).collect())), true);
            }
            Ok(Served::Unplanned | Served::Elsewhere) => {}
            Err(error) => return (Err(shown_error(&error)), true),
        }
    }
    let answered = match session.execute(&prepared, &statement.parameters).await {
        Ok(answer) => seen(answer).await,
        Err(error) => Err(error),
    };
    (answered.map(|seen| (columns, seen.rows)).map_err(|error| shown_error(&error)), false)
}

/// Two engines on one ledger: one recognises point reads, the other plans everything.
pub(super) struct Both {
    pub(super) recognising: Fixture,
    pub(super) planning: Session,
    pub(super) ledger: Ledger,
}

pub(super) async fn both(options: Options, transfers: usize) -> Both {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), options).unwrap();
    let engine = Engine::new(ledger.clone(), 1 << 30, None).unwrap();
    let planning = connect(&Engine::planning_everything(ledger.clone(), 1 << 30).unwrap());
    let session = connect(&engine);
    let mut recognising = Fixture { session, engine, _dir: dir };
    let seed = [
        "INSERT INTO assets (id, class, precision, name) VALUES ('CZK', 'fiat', 2, 'Koruna')",
        "INSERT INTO accounts (book, path, asset, kind) VALUES
            ('shop', 'cash', 'CZK', 'asset'), ('shop', 'sales', 'CZK', 'income'),
            ('shop', 'acct:1', 'CZK', 'liability'), ('shop', 'acct:2', 'CZK', 'clearing'),
            ('bank', 'cash', 'CZK', 'asset'), ('bank', 'acct:1', 'CZK', 'equity')",
    ];
    for statement in seed {
        recognising.run(statement).await.unwrap();
    }
    let legs = ["cash", "sales", "acct:1", "acct:2"];
    let lines: String = (0..transfers)
        .map(|number| {
            let (book, debit, credit) = match number % 5 {
                0 => ("bank", "cash", "acct:1"),
                place => ("shop", legs[place % 4], legs[(place + 1 + number / 7 % 3) % 4]),
            };
            format!("{book}\tkey-{number}\t{debit}\t{credit}\t{}\n", 100 + number % 100)
        })
        .collect();
    let into =
        "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN";
    recognising.copy(into, &lines).await.unwrap();
    Both { recognising, planning, ledger }
}

impl Both {
    async fn compare(&mut self, seed: u64, statements: usize) -> usize {
        let mut dice = Dice(seed);
        let ids = "SELECT tx_id FROM transactions ORDER BY lsn LIMIT 40";
        let tx_ids = self.recognising.run(ids).await.unwrap().rows;
        let mut at_once = 0;
        for number in 0..statements {
            let statement = random(&mut dice, &tx_ids, 60);
            let (planned, _) = ask(&mut self.planning, &statement, false).await;
            let session = &mut self.recognising.session;
            let (served, was_served) = ask(session, &statement, true).await;
            let (streamed, _) = ask(session, &statement, false).await;
            let Statement { text, parameters } = statement;
            let what = format!("statement {number} of seed {seed}: {text} {parameters:?}");
            assert_eq!(served, planned, "{what}");
            assert_eq!(streamed, planned, "{what}");
            at_once += usize::from(was_served);
        }
        at_once
    }
}

#[tokio::test]
async fn point_reads_answer_what_planned_queries_answer() {
    let mut both = both(Options::default(), 300).await;
    let at_once = both.compare(1, 800).await;
    assert!(at_once > 250, "{at_once}");
}

#[tokio::test]
async fn point_reads_of_evicted_history_answer_the_same() {
    let options =
        Options { memory_budget_bytes: 1 << 20, idempotency_hot_cap: 100, ..Options::default() };
    let mut both = both(options, 12_000).await;
    both.ledger.checkpoint().unwrap();
    let key = "SELECT seq FROM transactions WHERE book = 'shop' AND idempotency_key = 'key-1'";
    let statement = Statement { text: key.to_owned(), parameters: Vec::new() };
    let (_, was_served) = ask(&mut both.recognising.session, &statement, true).await;
    assert!(!was_served, "the oldest transaction is not in memory any more");
    both.compare(2, 60).await;
}

#[tokio::test]
async fn point_reads_in_a_block_show_what_it_has_written() {
    let mut both = both(Options::default(), 100).await;
    let writes = [
        "BEGIN",
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, tx_id)
            VALUES ('shop', 'key-1000', 'cash', 'sales', 77, '018f2b6e-0000-7000-8000-000000000003')",
        "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'none', 'CZK', 'asset')",
    ];
    for write in writes {
        for session in [&mut both.recognising.session, &mut both.planning] {
            let parsed = session.parse(write).unwrap().remove(0);
            let prepared = session.prepare(parsed, &[]).await.unwrap();
            session.execute(&prepared, &[]).await.unwrap();
        }
    }
    let mut at_once = 0;
    for text in [
        "SELECT * FROM accounts WHERE book = 'shop' AND path = 'cash'",
        "SELECT * FROM accounts WHERE book = 'shop' AND path = 'none'",
        "SELECT * FROM transfers WHERE book = 'shop' AND idempotency_key = 'key-1000'",
        "SELECT * FROM transactions WHERE tx_id = '018f2b6e-0000-7000-8000-000000000003'",
        "SELECT * FROM postings WHERE tx_id = '018f2b6e-0000-7000-8000-000000000003' ORDER BY idx",
        "SELECT * FROM postings WHERE book = 'shop' AND account = 'cash' ORDER BY seq LIMIT 500",
        "SELECT * FROM postings WHERE book = 'shop' AND account = 'cash' ORDER BY seq DESC LIMIT 2",
    ] {
        let statement = Statement { text: text.to_owned(), parameters: Vec::new() };
        let (planned, _) = ask(&mut both.planning, &statement, false).await;
        let (served, was_served) = ask(&mut both.recognising.session, &statement, true).await;
        assert!(planned.as_ref().is_ok_and(|(_, rows)| !rows.is_empty()), "{text}: {planned:?}");
        assert_eq!(served, planned, "{text}");
        at_once += usize::from(was_served);
    }
    assert!(at_once >= 4, "{at_once}");
    // An error in a point read fails the block, as any other does.
    let events = "SELECT * FROM events WHERE book = 'shop' AND seq = 3";
    let statement = Statement { text: events.to_owned(), parameters: Vec::new() };
    let (planned, _) = ask(&mut both.planning, &statement, false).await;
    let (served, _) = ask(&mut both.recognising.session, &statement, true).await;
    assert!(planned.is_err(), "{planned:?}");
    assert_eq!(served, planned);
    assert_eq!(both.recognising.session.status(), both.planning.status());
}

#[tokio::test]
async fn a_serializable_block_rests_on_its_point_reads() {
    for (book, holds) in [("shop", false), ("bank", true)] {
        let mut both = both(Options::default(), 10).await;
        let mut reader = connect(&both.recognising.engine);
        for text in [
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
            "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'",
        ] {
            let statement = Statement { text: text.to_owned(), parameters: Vec::new() };
            let (answer, was_served) = ask(&mut reader, &statement, true).await;
            assert!(answer.is_ok(), "{answer:?}");
            assert_eq!(was_served, text.starts_with("SELECT"));
        }
        let insert = format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
                VALUES ('{book}', 'late', 'cash', 'acct:1', 1)"
        );
        both.recognising.run(&insert).await.unwrap();
        let write = "INSERT INTO transfers
            (book, idempotency_key, debit_account, credit_account, amount)
            VALUES ('bank', 'own', 'cash', 'acct:1', 1)";
        let mut last = Ok(());
        for text in [write, "COMMIT"] {
            let parsed = reader.parse(text).unwrap().remove(0);
            let prepared = reader.prepare(parsed, &[]).await.unwrap();
            last = reader.execute(&prepared, &[]).await.map(drop);
        }
        assert_eq!(last.is_ok(), holds, "{book}: {last:?}");
    }
}
