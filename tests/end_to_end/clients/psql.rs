//! psql itself, doing what a person does on the first day.

use crate::books::{ACCOUNTS, ASSETS};
use tests::{Server, psql};

fn shop() -> Server {
    let server = Server::start();
    let opened = psql(&server, &["-v", "ON_ERROR_STOP=1"], &format!("{ASSETS};\n{ACCOUNTS};\n"));
    assert_eq!(opened.ok(), "INSERT 0 3\nINSERT 0 4\n");
    server
}

#[test]
fn a_first_posting() {
    let server = shop();
    let session = psql(
        &server,
        &[],
        r#"
INSERT INTO transactions (book, idempotency_key, postings, metadata) VALUES ('shop', 'order-1',
  '[{"account":"cash","amount":"1500","direction":"debit"},
    {"account":"sales","amount":"1500","direction":"credit"}]', '{"order":1}')
  RETURNING seq, deduplicated;
INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
  VALUES ('shop', 'order-2', 'cash', 'sales', 250);
SELECT path, balance FROM accounts WHERE book = 'shop' AND asset = 'USD' ORDER BY path;
SELECT * FROM trial_balance ORDER BY asset;
"#,
    );
    assert_eq!(
        session.ok(),
        " seq | deduplicated 
-----+--------------
   5 | f
(1 row)

INSERT 0 1
INSERT 0 1
  path  | balance 
--------+---------
 cash   |    1750
 sales  |    1750
 wallet |       0
(3 rows)

 book | asset | debits | credits 
------+-------+--------+---------
 shop | EUR   |      0 |       0
 shop | USD   |   1750 |    1750
(2 rows)

"
    );
}

#[test]
fn errors_read_well() {
    let server = shop();
    let session = psql(
        &server,
        &["-v", "VERBOSITY=verbose"],
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
  VALUES ('shop', 'k', 'wallet', 'sales', 5);
DELETE FROM transactions;
SELECT nothing FROM accounts;
SELECT 1 AS still_here;
",
    );
    let said = &session.stderr;
    for words in [
        "ERROR:  23514:",
        "CONSTRAINT NAME:  accounts_min_balance",
        "ERROR:  0A000:",
        "HINT:",
        "ERROR:  42703:",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(session.stdout.contains("still_here"), "{session:#?}");
}

#[test]
fn nothing_is_changed_or_removed() {
    let server = shop();
    let statements = [
        "UPDATE transactions SET book = 'x';",
        "DELETE FROM postings;",
        "TRUNCATE events;",
        "DROP TABLE accounts;",
        "CREATE TABLE mine (a int);",
        "ALTER TABLE accounts ADD x int;",
    ];
    for statement in statements {
        let session = psql(&server, &["-v", "VERBOSITY=verbose"], statement);
        assert!(session.stderr.contains("0A000"), "{statement}: {session:#?}");
        assert!(session.stderr.contains("HINT:"), "{statement}: {session:#?}");
        assert_eq!(session.stdout, "", "{statement}");
    }
}

#[test]
fn blocks_as_psql_shows_them() {
    let server = shop();
    let session = psql(
        &server,
        &[],
        "BEGIN;
SELECT count(*) FROM accounts;
COMMIT;
BEGIN;
SELECT 1/0;
SELECT 1;
COMMIT;
",
    );
    assert_eq!(
        session.stdout,
        "BEGIN\n count \n-------\n     4\n(1 row)\n\nCOMMIT\nBEGIN\nROLLBACK\n"
    );
    assert!(session.stderr.contains("division by zero"), "{session:#?}");
    assert!(session.stderr.contains("current transaction is aborted"), "{session:#?}");
}

#[test]
fn copy_in_text_and_csv() {
    let server = shop();
    let file = server.scratch().join("transfers.csv");
    let csv = "amount,book,idempotency_key,debit_account,credit_account,metadata\n\
        10,shop,a,cash,sales,\"{\"\"n\"\": 1}\"\n20,shop,b,cash,sales,\n";
    std::fs::write(&file, csv).unwrap();
    let script = format!(
        "\\copy transfers(amount,book,idempotency_key,debit_account,credit_account,metadata) \
         from '{}' with (format csv, header)\n\
         COPY transfers (book, idempotency_key, debit_account, credit_account, asset, amount) \
         FROM STDIN;\nshop\tc\tcash\tsales\t\\N\t30\nshop\td\tcash\tsales\tUSD\t40\n\\.\n\
         SELECT idempotency_key, amount, metadata FROM transfers ORDER BY seq;\n",
        file.display()
    );
    let session = psql(&server, &["-A", "-t"], &script);
    assert_eq!(session.ok(), "COPY 2\nCOPY 2\na|10|{\"n\": 1}\nb|20|{}\nc|30|{}\nd|40|{}\n");
    // The same files again: everything was there.
    let session = psql(&server, &["-A", "-t"], &script);
    assert!(session.ok().ends_with("d|40|{}\n"));
    let session = psql(&server, &["-A", "-t"], "SELECT count(*) FROM transactions;");
    assert_eq!(session.ok(), "4\n");
}

#[test]
fn a_copy_with_one_bad_line_changes_nothing_and_names_the_line() {
    let server = shop();
    let columns = "(book, idempotency_key, debit_account, credit_account, amount)";
    for (bad, code) in [
        ("shop\tb\tcash\tnobody\t20", "23503"),
        ("shop\tb\tcash\tsales\tmuch", "22P02"),
        ("shop\tb\tcash", "22P04"),
        ("shop\tb\tcash\tsales\t20\tmore", "22P04"),
        ("shop\t\\N\tcash\tsales\t20", "23502"),
    ] {
        let script =
            format!("COPY transfers {columns} FROM STDIN;\nshop\ta\tcash\tsales\t10\n{bad}\n\\.\n");
        let session = psql(&server, &["-v", "VERBOSITY=verbose"], &script);
        assert!(session.stderr.contains(code), "{bad}: {session:#?}");
        assert!(session.stderr.contains("line 2"), "{bad}: {session:#?}");
    }
    let session = psql(&server, &["-A", "-t"], "SELECT count(*) FROM transactions;");
    assert_eq!(session.ok(), "0\n");
}

#[test]
fn variables_formats_and_expanded_output() {
    let server = shop();
    let session = psql(
        &server,
        &["-v", "account=cash"],
        "\\x on\nSELECT path, balance FROM accounts WHERE path = :'account';\n\\x off\n\
         SELECT 1 AS one \\gset\n\\echo :one\n\\pset format csv\nSELECT path FROM accounts LIMIT 0;\n",
    );
    let said = session.ok();
    for words in ["-[ RECORD 1 ]", "path    | cash", "\n1\n", "path\n"] {
        assert!(said.contains(words), "{words:?} in {said}");
    }
}

#[test]
fn statements_are_prepared_in_sql() {
    let server = shop();
    let session = psql(
        &server,
        &["-t", "-A"],
        "PREPARE p AS SELECT $1 || '!';\nEXECUTE p('hello');\nDEALLOCATE p;\n",
    );
    assert_eq!(session.ok(), "PREPARE\nhello!\nDEALLOCATE\n");
}
