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

#[test]
fn other_lists_answer_or_name_what_is_missing() {
    let server = Server::start();
    for command in
        ["\\du", "\\df", "\\di", "\\ds", "\\dm", "\\dn+", "\\dx", "\\d pg_catalog.pg_class"]
    {
        let session = psql(&server, &[], &format!("{command}\n"));
        let answered = session.stderr.is_empty() || session.stderr.contains("Did not find");
        assert!(answered, "{command}: {session:#?}");
    }
    for command in
        ["\\d+ accounts", "\\dT", "\\dp", "\\l+", "\\do", "\\db", "\\dD", "\\dF", "\\dconfig"]
    {
        let session = psql(&server, &["-v", "VERBOSITY=verbose"], &format!("{command}\n"));
        let named = ["0A000", "42883", "42P01", "42703"];
        let refused = named.iter().any(|code| session.stderr.contains(&format!("ERROR:  {code}:")));
        assert!(session.stderr.is_empty() || refused, "{command}: {session:#?}");
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
