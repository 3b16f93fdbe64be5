//! Whole statements on a real ledger: INSERT, COPY, blocks and settings as a client sees them.

mod blocks;
mod copying;
mod forms;
mod moments;
mod point_reads;
mod recalled_texts;
mod returning;
mod same_answers;

use crate::arrow::array::RecordBatch;
use crate::arrow::util::display::array_value_to_string;
use crate::{
    Answer, BlockStatus, CopyIn, Engine, Error, Fault, NoticeKind, PgType, Result, RowsTag,
    Session, SessionIdentity, Value,
};
use futures::TryStreamExt;
use ledger::Rejection;
use store::Ledger;
use tempfile::TempDir;

struct Fixture {
    // Dropped last: the ledger's directory.
    session: Session,
    engine: Engine,
    _dir: TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let engine = Engine::new(ledger, 1 << 30, None).unwrap();
    let session = connect(&engine);
    Fixture { session, engine, _dir: dir }
}

fn connect(engine: &Engine) -> Session {
    let identity = SessionIdentity {
        user: "tester".to_owned(),
        database: "tallybook".to_owned(),
        startup_settings: Vec::new(),
    };
    engine.session(identity).unwrap()
}

/// A book with two accounts that hold CZK, and one that must not go below zero.
async fn shop() -> Fixture {
    let mut fixture = fixture();
    let seed = [
        "INSERT INTO assets (id, class, precision, name) VALUES ('CZK', 'fiat', 2, 'Koruna')",
        "INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES
            ('shop', 'cash', 'CZK', 'asset', NULL), ('shop', 'sales', 'CZK', 'income', NULL),
            ('shop', 'till', 'CZK', 'asset', 0)",
    ];
    for statement in seed {
        fixture.run(statement).await.unwrap();
    }
    fixture
}

/// What a statement answered: its tag, and its rows as text (`∅` for null).
#[derive(Debug, PartialEq)]
struct Seen {
    tag: String,
    rows: Vec<String>,
}

async fn seen(answer: Answer) -> Result<Seen> {
    match answer {
        Answer::Command { tag } => Ok(Seen { tag, rows: Vec::new() }),
        Answer::Rows { rows, tag, columns } => {
            let batches: Vec<_> = rows.try_collect().await?;
            assert!(batches.iter().all(|batch| batch.num_columns() == columns.len()));
            let lines: Vec<String> = batches.iter().flat_map(lines_of).collect();
            let tag = match tag {
                RowsTag::Counted(word) => format!("{word} {}", lines.len()),
                RowsTag::Plain(word) => word.to_owned(),
            };
            Ok(Seen { tag, rows: lines })
        }
        Answer::Written(answer) => {
            let rows = answer.rows.as_ref();
            Ok(Seen { tag: answer.tag(), rows: rows.map(lines_of).unwrap_or_default() })
        }
        other => panic!("not a command and no rows: {other:?}"),
    }
}

fn lines_of(batch: &RecordBatch) -> Vec<String> {
    let line = |row| {
        let fields = batch.columns().iter().map(|array| match array.is_null(row) {
            true => "∅".to_owned(),
            false => array_value_to_string(array, row).unwrap(),
        });
        fields.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(line).collect()
}

impl Fixture {
    async fn run(&mut self, text: &str) -> Result<Seen> {
        self.run_with(text, &[]).await
    }

    async fn run_with(&mut self, text: &str, parameters: &[Value]) -> Result<Seen> {
        let statement = self.session.parse(text)?.remove(0);
        let prepared = self.session.prepare(statement, &[]).await?;
        seen(self.session.execute_alone(&prepared, parameters).await?).await
    }

    async fn fault(&mut self, text: &str) -> Error {
        self.run(text).await.expect_err(text)
    }

    async fn start_copy(&mut self, text: &str) -> Result<Box<CopyIn>> {
        let statement = self.session.parse(text)?.remove(0);
        let prepared = self.session.prepare(statement, &[]).await?;
        match self.session.execute(&prepared, &[]).await? {
            Answer::CopyIn(copy) => Ok(copy),
            other => panic!("COPY answered {other:?}"),
        }
    }

    async fn copy(&mut self, text: &str, data: &str) -> Result<String> {
        let mut copy = self.start_copy(text).await?;
        copy.push(data.as_bytes()).await?;
        self.finish_copy(copy).await
    }

    async fn finish_copy(&mut self, copy: Box<CopyIn>) -> Result<String> {
        let answer = match self.session.finish_copy(*copy).await? {
            Answer::Held => self.session.commit_held().await?,
            answer => answer,
        };
        seen(answer).await.map(|seen| seen.tag)
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

const SALE: &str = r#"[{"account":"cash","amount":"1500","direction":"debit"},
    {"account":"sales","amount":1500,"direction":"credit"}]"#;

#[tokio::test]
async fn a_posting_is_recorded_once() {
    let mut shop = shop().await;
    let insert = "INSERT INTO transactions (book, idempotency_key, postings, metadata)
        VALUES ('shop', 'k' || $1, $2, '{\"a\":1.0}') RETURNING seq, book, idempotency_key AS key,
        metadata, reverses, deduplicated";
    let first = shop.run_with(insert, &[text("1"), text(SALE)]).await.unwrap();
    assert_eq!(first.tag, "INSERT 0 1");
    assert_eq!(first.rows, ["4|shop|k1|{\"a\": 1.0}|∅|false"]);
    let again = shop.run_with(insert, &[Value::Int(1), text(SALE)]).await.unwrap();
    assert_eq!(again.tag, "INSERT 0 1");
    assert_eq!(again.rows, ["4|shop|k1|{\"a\": 1.0}|∅|true"]);
    let other = SALE.replace("1500", "1501");
    let conflict = shop.run_with(insert, &[text("1"), text(&other)]).await.unwrap_err();
    assert!(matches!(conflict.fault(), Fault::Rejected(Rejection::IdempotencyKeyConflict { .. })));
    assert!(conflict.detail().unwrap().contains("seq 4; what differs: postings"));
}

#[tokio::test]
async fn parameters_are_typed_by_their_columns() {
    let mut shop = shop().await;
    let statement = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount, occurred_at, metadata, tx_id) VALUES ($1, 'k' || $2, $3, $4, $5, $6, $7, $8)";
    let parsed = shop.session.parse(statement).unwrap().remove(0);
    let prepared = shop.session.prepare(parsed, &[None, None, Some(PgType::Varchar)]).await;
    let prepared = prepared.unwrap();
    assert_eq!(
        prepared.parameter_types(),
        [
            PgType::Text,
            PgType::Text,
            PgType::Varchar,
            PgType::Text,
            PgType::Numeric,
            PgType::TimestampTz,
            PgType::Jsonb,
            PgType::Uuid,
        ]
    );
    assert!(prepared.columns().is_none() && prepared.is_write());
    let mut values = [
        text("shop"),
        text("1"),
        text("cash"),
        text("sales"),
        text("12.00"),
        text("2026-01-01"),
        Value::Null,
        text("01234567-89ab-7def-8123-456789abcdef"),
    ];
    let answer = shop.session.execute_alone(&prepared, &values).await.unwrap();
    assert_eq!(seen(answer).await.unwrap().tag, "INSERT 0 1");
    values[4] = Value::Float(12.0);
    let float = shop.session.execute(&prepared, &values).await.unwrap_err();
    assert_eq!(*float.fault(), Fault::DatatypeMismatch);
    values[4] = text("12.5");
    let fraction = shop.session.execute(&prepared, &values).await.unwrap_err();
    assert_eq!(*fraction.fault(), Fault::NumericValueOutOfRange);
}

#[tokio::test]
async fn many_rows_are_one_atomic_group() {
    let mut shop = shop().await;
    let rows =
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
        VALUES ('shop', 'a', 'till', 'sales', 5), ('shop', 'b', 'sales', 'till', 6)
        RETURNING seq, amount";
    let rejected = shop.run(rows).await.unwrap_err();
    assert!(matches!(rejected.fault(), Fault::Rejected(Rejection::BelowMinBalance { .. })));
    assert_eq!(rejected.context(), Some("INSERT INTO transfers, row 2"));
    let rows = rows.replace("6)", "5)");
    assert_eq!(shop.run(&rows).await.unwrap().rows, ["4|5", "5|5"]);
}

#[tokio::test]
async fn a_reversal_mirrors_and_is_possible_once() {
    let mut shop = shop().await;
    let id = "01234567-89ab-7def-8123-456789abcdef";
    let post = format!(
        "INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, amount)
         VALUES ('{id}', 'shop', 'a', 'cash', 'sales', 5)"
    );
    shop.run(&post).await.unwrap();
    let reverse = |key: &str| {
        format!(
            "INSERT INTO transactions (book, idempotency_key, reverses) VALUES \
             ('shop', '{key}', '{id}') RETURNING reverses, postings"
        )
    };
    let reversed = shop.run(&reverse("r")).await.unwrap();
    assert_eq!(reversed.rows.len(), 1);
    assert!(reversed.rows[0].starts_with(id));
    assert!(reversed.rows[0].contains(r#""account":"cash","asset":"CZK","direction":"credit""#));
    let second = shop.run(&reverse("r2")).await.unwrap_err();
    assert!(matches!(second.fault(), Fault::Rejected(Rejection::AlreadyReversed { .. })));
}

#[tokio::test]
async fn returning_shows_whole_rows_and_replays() {
    let mut fixture = fixture();
    let asset = "INSERT INTO assets VALUES ('EUR', 'fiat', NULL, NULL, 2, 'Euro')
        RETURNING id, class, network, precision, name, deduplicated";
    assert_eq!(fixture.run(asset).await.unwrap().rows, ["EUR|fiat|∅|2|Euro|false"]);
    assert_eq!(fixture.run(asset).await.unwrap().rows, ["EUR|fiat|∅|2|Euro|true"]);
    fixture.run("SET tallybook.book = 'b'").await.unwrap();
    let account = "INSERT INTO accounts AS a (path, asset, kind, min_balance)
        VALUES ('cash', 'EUR', 'asset', -100) RETURNING a.book, path, normal_side, min_balance,
        balance, debits, metadata, closed, updated_seq, opened_seq";
    let row = "b|cash|debit|-100|0|0|{}|false|1|1";
    assert_eq!(fixture.run(account).await.unwrap().rows, [row]);
    assert_eq!(fixture.run(account).await.unwrap().rows, [row]);
    let star =
        fixture.run("INSERT INTO assets VALUES ('X', 'crypto', 'n', 'i', 0, 'X') RETURNING *");
    assert!(star.await.unwrap().rows[0].starts_with("X|crypto|n|i|0|X|2"));
}

#[tokio::test]
async fn what_cannot_be_inserted_says_why() {
    let mut shop = shop().await;
    let transfer = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
                    amount) VALUES";
    let cases = [
        (format!("{transfer} ('shop', NULL, 'cash', 'sales', 1)"), Fault::NotNullViolation),
        (format!("{transfer} (DEFAULT, 'k', 'cash', 'sales', 1)"), Fault::NotNullViolation),
        (format!("{transfer} ('_x', 'k', 'cash', 'sales', 1)"), Fault::InvalidName),
        (format!("{transfer} ('shop', '', 'cash', 'sales', 1)"), Fault::InvalidName),
        (
            format!("{transfer} ('shop', '{}', 'cash', 'sales', 1)", "k".repeat(256)),
            Fault::ProgramLimitExceeded,
        ),
        (format!("{transfer} ('shop', 'k', 'cash', 'sales', true)"), Fault::DatatypeMismatch),
        (
            format!("{transfer} ('shop', 'k', 'cash', 'sales', 'x')"),
            Fault::InvalidTextRepresentation,
        ),
        (format!("{transfer} ('shop', 'k', 'cash')"), Fault::SyntaxError),
        (format!("{transfer} ('shop', 'k', 'cash', 'sales', 1, 2)"), Fault::SyntaxError),
        (
            format!(
                "{transfer} ('shop', 'k', 'cash', 'sales', 1) ON CONFLICT (book, idempotency_key) DO UPDATE SET amount = 2"
            ),
            Fault::FeatureNotSupported,
        ),
        (
            format!("{transfer} ('shop', 'k', 'cash', 'sales', 1) RETURNING nothing"),
            Fault::UndefinedColumn,
        ),
        ("INSERT INTO transfers (seq) VALUES (1)".to_owned(), Fault::InvalidParameterValue),
        ("INSERT INTO transfers (nothing) VALUES (1)".to_owned(), Fault::UndefinedColumn),
        ("INSERT INTO nothing VALUES (1)".to_owned(), Fault::UndefinedTable),
        ("INSERT INTO postings (amount) VALUES (1)".to_owned(), Fault::NotNullViolation),
        (
            "INSERT INTO accounts (book, path, asset, kind) VALUES ('b', 'p', 'CZK', 'debit')"
                .to_owned(),
            Fault::InvalidTextRepresentation,
        ),
        (
            format!(
                "INSERT INTO transactions (book, idempotency_key, postings, reverses) VALUES \
                 ('shop', 'k', '{SALE}', '01234567-89ab-7def-8123-456789abcdef')"
            ),
            Fault::InvalidParameterValue,
        ),
        (
            format!(
                "INSERT INTO transactions (book, idempotency_key, postings, metadata) VALUES \
                 ('shop', 'k', '{SALE}', '{{')"
            ),
            Fault::InvalidTextRepresentation,
        ),
    ];
    for (statement, fault) in cases {
        assert_eq!(*shop.fault(&statement).await.fault(), fault, "{statement}");
    }
}

#[tokio::test]
async fn expressions_beyond_the_simple_ones_are_computed() {
    let mut shop = shop().await;
    let insert = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount, occurred_at) VALUES (lower('SHOP'), $1, 'cash', 'sales', 2 + 3, now()), \
        ('shop', upper('b'), 'cash', 'sales', $2, DEFAULT) \
        RETURNING idempotency_key, amount";
    let rows = shop.run_with(insert, &[text("a"), text("7")]).await.unwrap().rows;
    assert_eq!(rows, ["a|5", "B|7"]);
    let select = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount) SELECT book, idempotency_key || $1, credit_account, debit_account, amount \
        FROM transfers ORDER BY seq RETURNING idempotency_key, debit_account, amount";
    let rows = shop.run_with(select, &[text("!")]).await.unwrap().rows;
    assert_eq!(rows, ["a!|sales|5", "B!|sales|7"]);
}

#[tokio::test]
async fn blocks_of_reads_are_honest() {
    let mut shop = shop().await;
    let mut other = connect(&shop.engine);
    let count = "SELECT count(*) FROM accounts";
    for (begin, sees) in [
        ("BEGIN", "4"),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", "4"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY", "5"),
    ] {
        shop.run(begin).await.unwrap();
        let before = shop.run(count).await.unwrap().rows[0].clone();
        let path = begin.len();
        let open = format!("INSERT INTO accounts VALUES ('shop', 'p{path}', 'CZK', 'asset')");
        let statement = other.parse(&open).unwrap().remove(0);
        let prepared = other.prepare(statement, &[]).await.unwrap();
        other.execute_alone(&prepared, &[]).await.unwrap();
        let after = shop.run(count).await.unwrap().rows[0].clone();
        assert_eq!(after, sees, "{begin}");
        assert_eq!(before == after, begin != "BEGIN", "{begin}");
        assert_eq!(shop.run("COMMIT").await.unwrap().tag, "COMMIT");
    }
    assert_eq!(shop.session.status(), BlockStatus::Idle);
}

#[tokio::test]
async fn a_failed_block_takes_nothing_but_its_end() {
    let mut shop = shop().await;
    for (end, tag) in [("COMMIT", "ROLLBACK"), ("ROLLBACK", "ROLLBACK")] {
        shop.run("BEGIN").await.unwrap();
        shop.run("SET application_name = 'inside'").await.unwrap();
        let write = shop.fault("INSERT INTO accounts VALUES ('shop', 'x', 'X', 'asset')").await;
        assert!(matches!(write.fault(), Fault::Rejected(Rejection::UnknownAsset { .. })));
        assert_eq!(shop.session.status(), BlockStatus::Failed);
        for statement in ["SELECT 1", "SHOW ALL", "BEGIN", "SET a.b = 1", "UPDATE x SET y = 1"] {
            assert_eq!(*shop.fault(statement).await.fault(), Fault::InFailedBlock, "{statement}");
        }
        assert_eq!(shop.run(end).await.unwrap().tag, tag);
        assert_eq!(shop.session.status(), BlockStatus::Idle);
        assert_eq!(shop.run("SHOW application_name").await.unwrap().rows, [""]);
    }
}

#[tokio::test]
async fn odd_ends_and_beginnings_warn() {
    let mut shop = shop().await;
    let steps = [
        ("COMMIT", "COMMIT", Some(NoticeKind::NoActiveBlock)),
        ("ROLLBACK", "ROLLBACK", Some(NoticeKind::NoActiveBlock)),
        ("SET LOCAL statement_timeout = 5", "SET", Some(NoticeKind::NoActiveBlock)),
        ("BEGIN", "BEGIN", None),
        ("BEGIN", "BEGIN", Some(NoticeKind::ActiveBlock)),
        ("COMMIT AND CHAIN", "COMMIT", None),
        ("SHOW transaction_isolation", "SHOW", None),
        ("ABORT", "ROLLBACK", None),
        ("DISCARD ALL", "DISCARD ALL", None),
        ("DEALLOCATE ALL", "DEALLOCATE ALL", None),
    ];
    for (statement, tag, notice) in steps {
        assert_eq!(shop.run(statement).await.unwrap().tag, tag, "{statement}");
        let notices = shop.session.drain_notices();
        assert_eq!(notices.first().map(|notice| notice.kind), notice, "{statement}");
    }
    let chain = shop.fault("COMMIT AND CHAIN").await;
    assert_eq!(*chain.fault(), Fault::NoActiveBlock);
}

#[tokio::test]
async fn read_only_is_kept() {
    let mut shop = shop().await;
    let write = "INSERT INTO accounts VALUES ('shop', 'x', 'CZK', 'asset')";
    shop.run("BEGIN READ ONLY").await.unwrap();
    assert_eq!(shop.run("SHOW transaction_read_only").await.unwrap().rows, ["on"]);
    assert_eq!(*shop.fault(write).await.fault(), Fault::ReadOnly);
    shop.run("ROLLBACK").await.unwrap();
    shop.run("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").await.unwrap();
    assert_eq!(*shop.fault(write).await.fault(), Fault::ReadOnly);
    let copy = shop.start_copy("COPY accounts FROM STDIN").await.unwrap_err();
    assert_eq!(copy.message(), "cannot execute COPY FROM in a read-only transaction");
    shop.run("RESET ALL").await.unwrap();
    shop.run(write).await.unwrap();
    shop.run("BEGIN").await.unwrap();
    shop.run("SELECT 1").await.unwrap();
    let late = shop.fault("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await;
    assert_eq!(*late.fault(), Fault::ActiveBlock);
}

#[tokio::test]
async fn set_config_sets_like_set() {
    let mut shop = shop().await;
    let select = "SELECT current_setting('jit') AS cur, \
                  pg_catalog.set_config('jit', $1, false) AS new";
    let seen = shop.run_with(select, &[text("on")]).await.unwrap();
    assert_eq!((seen.tag.as_str(), seen.rows), ("SELECT 1", vec!["off|on".to_owned()]));
    shop.run("SELECT set_config('search_path', '', false)").await.unwrap();
    let hidden = shop.fault("INSERT INTO accounts VALUES ('shop', 'x', 'CZK', 'asset')").await;
    assert_eq!(*hidden.fault(), Fault::UndefinedTable);
    shop.run("INSERT INTO public.accounts VALUES ('shop', 'x', 'CZK', 'asset')").await.unwrap();
}

#[tokio::test]
async fn there_is_one_database() {
    let shop = fixture();
    let identity = SessionIdentity {
        user: "tester".to_owned(),
        database: "elsewhere".to_owned(),
        startup_settings: Vec::new(),
    };
    let error = shop.engine.session(identity).unwrap_err();
    assert_eq!(*error.fault(), Fault::UndefinedDatabase);
}
