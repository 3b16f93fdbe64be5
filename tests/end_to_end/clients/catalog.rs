//! psql's backslash commands on the real catalog.

use crate::schema::TABLES;
use tests::{Server, psql};

fn say(server: &Server, command: &str) -> String {
    psql(server, &[], command).ok()
}

#[test]
fn lists_of_tables_and_views() {
    let server = Server::start();
    let everything = say(&server, "\\d\n");
    for (table, _) in TABLES {
        assert!(everything.contains(&format!(" {table} ")), "{table} in {everything}");
    }
    let tables = say(&server, "\\dt\n");
    let views = say(&server, "\\dv\n");
    assert!(tables.contains(" transactions ") && !tables.contains("trial_balance"), "{tables}");
    assert!(views.contains(" trial_balance ") && !views.contains(" postings "), "{views}");
    assert!(say(&server, "\\dt acc*\n").contains(" accounts "));
    assert!(!say(&server, "\\dt acc*\n").contains(" assets "));
    assert!(say(&server, "\\dt public.*\n").contains(" events "));
}

#[test]
fn each_table_describes_itself() {
    let server = Server::start();
    for (table, columns) in TABLES {
        let described = say(&server, &format!("\\d {table}\n"));
        let mut lines = described.lines().filter(|line| line.contains('|')).skip(1);
        for (column, kind) in columns {
            let line = lines.next().unwrap_or_else(|| panic!("{table} ends before {column}"));
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(&cells[..2], [*column, *kind], "{table}:\n{described}");
        }
        assert_eq!(lines.next(), None, "{table}:\n{described}");
    }
}

#[test]
fn what_must_be_given_is_shown_as_not_null() {
    let server = Server::start();
    let described = say(&server, "\\d transfers\n");
    let line = |column: &str| {
        let found = described.lines().find(|line| line.trim_start().starts_with(column));
        found.unwrap_or_else(|| panic!("{column} in {described}")).to_owned()
    };
    assert!(line("idempotency_key").contains("not null"), "{described}");
    assert!(!line("occurred_at").contains("not null"), "{described}");
}

#[test]
fn functions_and_their_definitions() {
    let server = Server::start();
    let listed = say(&server, "\\df\n");
    let lines: Vec<&str> = listed.lines().filter(|line| line.contains("| func")).collect();
    assert_eq!(lines.len(), 7, "{listed}");
    for (name, arguments) in [
        ("accounts_at", "book text, t timestamp with time zone"),
        ("trial_balance_on", "book text, day date"),
        ("format_amount", "amount numeric, asset text"),
    ] {
        let line = lines.iter().find(|line| line.contains(&format!(" {name} ")));
        assert!(line.is_some_and(|line| line.contains(arguments)), "{name} in {listed}");
    }
    let described = say(&server, "\\df+ path_prefixes\n");
    assert!(described.contains("The accounts above a path, and itself"), "{described}");
    let source = say(&server, "\\sf trial_balance_on\n");
    assert!(source.starts_with("CREATE OR REPLACE FUNCTION public.trial_balance_on("), "{source}");
    assert!(source.contains("coalesce(occurred_at, committed_at)"), "{source}");
}

#[test]
fn the_connection_and_the_databases() {
    let server = Server::start();
    let connection = say(&server, "\\conninfo\n");
    let expected = format!(
        "You are connected to database \"tallybook\" as user \"tester\" on host \"127.0.0.1\" at port \"{}\".\n",
        server.port()
    );
    assert_eq!(connection, expected);
    let databases = say(&server, "\\l\n");
    assert!(databases.contains(" tallybook "), "{databases}");
    let schemas = say(&server, "\\dn\n");
    assert!(schemas.contains("public"), "{schemas}");
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    let server = Server::start();
    let session = psql(&server, &[], "\\d nothing\n");
    let said = format!("{}{}", session.stdout, session.stderr);
    assert!(said.contains("Did not find any relation named \"nothing\"."), "{said}");
}

/// Every list that psql 15 makes from the catalogs, as the letters behind `\d`.
const LISTS: &[&str] = &[
    "",
    "+",
    "S",
    "S+",
    "a",
    "aS",
    "A",
    "A+",
    "b",
    "b+",
    "c",
    "cS",
    "c+",
    "C",
    "C+",
    "d",
    "D",
    "DS",
    "dp",
    "E",
    "et",
    "et+",
    "es",
    "es+",
    "ew",
    "ew+",
    "eu",
    "eu+",
    "f",
    "f+",
    "fS",
    "fa",
    "fn",
    "ft",
    "fw",
    "F",
    "F+",
    "Fd",
    "Fp",
    "Ft",
    "g",
    "i",
    "i+",
    "l",
    "L",
    "LS+",
    "m",
    "m+",
    "n",
    "n+",
    "o",
    "O",
    "OS",
    "oS",
    "p",
    "P",
    "P+",
    "rds",
    "Rp",
    "Rp+",
    "Rs",
    "Rs+",
    "s",
    "s+",
    "t",
    "t+",
    "tS",
    "T",
    "T+",
    "TS",
    "u",
    "u+",
    "v",
    "v+",
    "x",
    "x+",
    "y",
    "y+",
    "config *",
    "config+ *",
    " accounts",
    "+ accounts",
    " accounts_pkey",
    "+ accounts_pkey",
    " trial_balance",
    "+ trial_balance",
    " pg_class",
    "+ pg_catalog.pg_attribute",
    " information_schema.columns",
    " public.*",
    "+ public.*",
    "t *.*",
    "tvi public.*",
];

#[test]
fn every_list_answers() {
    let server = Server::start();
    let mut wrong = Vec::new();
    let mut commands: Vec<String> = LISTS.iter().map(|list| format!("\\d{list}")).collect();
    commands
        .extend(["\\l", "\\l+", "\\z", "\\z accounts", "\\sv trial_balance"].map(str::to_owned));
    for command in commands {
        let session = psql(&server, &["-v", "VERBOSITY=verbose"], &format!("{command}\n"));
        // psql says so of an empty list.
        if !session.stderr.is_empty() && !session.stderr.starts_with("Did not find any") {
            wrong.push(format!("{command}: {}", session.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tables_and_columns_say_what_they_are() {
    let server = Server::start();
    for (table, columns) in TABLES.iter().filter(|(table, _)| *table != "trial_balance") {
        let described = say(&server, &format!("\\d+ {table}\n"));
        let lines: Vec<&str> = described.lines().filter(|line| line.contains('|')).collect();
        for ((column, _), line) in columns.iter().zip(&lines[1..]) {
            let comment = line.rsplit('|').next().unwrap_or_default().trim();
            assert!(comment.ends_with('.'), "{table}.{column}:\n{described}");
        }
        let listed = say(&server, &format!("\\dt+ {table}\n"));
        assert!(listed.contains(". \n") || listed.trim_end().contains('.'), "{listed}");
    }
    let keys = say(&server, "\\d transactions\n");
    for line in [
        "\"transactions_pkey\" PRIMARY KEY, btree (book, tx_id)",
        "\"transactions_idempotency_key\" UNIQUE CONSTRAINT, btree (book, idempotency_key)",
    ] {
        assert!(keys.contains(line), "{line} in {keys}");
    }
}

#[test]
fn functions_that_tools_call_when_they_connect() {
    let server = Server::start();
    let session = psql(
        &server,
        &["-A", "-t"],
        "SELECT current_database(), current_user, current_schema();
SELECT version() LIKE 'PostgreSQL 15%';
SHOW server_version_num;
SHOW transaction_isolation;
SELECT 'accounts'::regclass;
SELECT count(*) FROM information_schema.columns WHERE table_name = 'assets';
SELECT relname FROM pg_class WHERE oid = 'accounts'::regclass;
",
    );
    let said = session.ok();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "tallybook|tester|public");
    assert_eq!(lines[1], "t");
    assert!(lines[2].starts_with("15"), "{said}");
    assert_eq!(&lines[3..], ["read committed", "accounts", "7", "accounts"]);
}
