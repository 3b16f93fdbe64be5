//! The rows that the statements ask about: posted to tallybook, and copied from there into plain
//! tables of the same names and types in PostgreSQL.

use super::answer::{Answer, Column};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::{Postgres, RawClient, Server};

/// What is posted. No statement may show a time or position that the server gives.
const LEDGER: &str = include_str!("../../corpus/ledger.sql");

const TABLES: [&str; 7] =
    ["assets", "books", "accounts", "transactions", "postings", "transfers", "trial_balance"];

/// Both servers with the same ledger.
pub(crate) struct Both {
    server: Server,
    postgres: &'static Postgres,
    database: String,
}

impl Both {
    pub(crate) fn start() -> Both {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        // Tests of one process share a PostgreSQL.
        let database = format!("corpus_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let both = Both { server: Server::start(), postgres: Postgres::shared(), database };
        both.postgres.create_database(&both.database);
        let mut ours = RawClient::start(both.server.address());
        run(&mut ours, LEDGER);
        let mut theirs = both.postgres.raw_in(&both.database);
        for table in TABLES {
            copy(table, &mut ours, &mut theirs);
        }
        both
    }

    /// A session on each: tallybook's first.
    pub(crate) fn sessions(&self) -> (RawClient, RawClient) {
        let ours = RawClient::start(self.server.address());
        let mut theirs = self.postgres.raw_in(&self.database);
        run(&mut theirs, "SET TimeZone = 'UTC'; SET jit = off");
        (ours, theirs)
    }
}

fn run(client: &mut RawClient, statements: &str) {
    match Answer::to(client, statements) {
        Answer::Error { sqlstate, message } => panic!("{sqlstate} {message}: {statements}"),
        Answer::Done | Answer::Rows { .. } => {}
    }
}

fn copy(table: &str, from: &mut RawClient, to: &mut RawClient) {
    let Answer::Rows { columns, rows } = Answer::to(from, &format!("SELECT * FROM {table}")) else {
        panic!("{table} can be read");
    };
    let declared: Vec<String> = columns.iter().map(|column| declaration(column, to)).collect();
    run(to, &format!("CREATE TABLE {table} ({})", declared.join(", ")));
    for row in rows {
        let values: Vec<String> = row.split('\t').map(literal).collect();
        run(to, &format!("INSERT INTO {table} VALUES ({})", values.join(", ")));
    }
}

fn declaration(column: &Column, postgres: &mut RawClient) -> String {
    let Column { name, type_oid, typmod } = column;
    let named = Answer::to(postgres, &format!("SELECT format_type({type_oid}, {typmod})"));
    match named {
        Answer::Rows { rows, .. } => format!("\"{name}\" {}", rows[0]),
        other => panic!("the type of {name}: {other:?}"),
    }
}

fn literal(value: &str) -> String {
    match value {
        "NULL" => "NULL".to_owned(),
        "(empty)" => "''".to_owned(),
        other => format!("'{}'", other.replace("\\\\", "\\").replace('\'', "''")),
    }
}
