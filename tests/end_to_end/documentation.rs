//! The examples of `docs/sql.md` that name an output print that output, on the real data.
//!
//! An example is a block of SQL with a block of text behind it. `TALLYBOOK_UPDATE_DOCS=1` writes
//! what psql printed into the document instead of comparing; what changed is then for git to show.

use crate::berka::load;
use std::fmt::Write as _;
use tests::{Server, data_dir, jdbc_script, psql, psycopg_script, repository};

const BEGIN: &str = "<!-- examples on berka -->";
const END: &str = "<!-- end of examples -->";

/// The document with the output of every example as `run` prints it.
fn with_outputs(document: &str, run: impl Fn(&str) -> String) -> String {
    let (before, rest) = document.split_once(BEGIN).expect("the examples begin");
    let (examples, after) = rest.split_once(END).expect("the examples end");
    let mut written = String::new();
    let mut rest = examples;
    while let Some((prose, block)) = rest.split_once("```sql\n") {
        let (sql, behind) = block.split_once("```\n").expect("a block of SQL ends");
        let _ = write!(written, "{prose}```sql\n{sql}```\n\n```text\n{}```\n", run(sql));
        // The output of last time is printed anew.
        rest = match behind.trim_start().strip_prefix("```text\n") {
            Some(output) => output.split_once("```\n").expect("a block of text ends").1,
            None => behind,
        };
    }
    written.push_str(rest);
    format!("{before}{BEGIN}{written}{END}{after}")
}

#[test]
fn the_bookkeepers_questions_are_answered_as_documented() {
    let Some(dir) = data_dir("berka") else {
        println!("skipped: no data set; set TALLYBOOK_BERKA_DIR to its directory");
        return;
    };
    let server = Server::start();
    load(&server, &dir);
    let path = repository().join("docs/sql.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let answered = with_outputs(&document, |sql| {
        let printed = psql(&server, &[], sql).ok();
        // psql ends a table with an empty line, and pads its last column.
        printed.trim_end().lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
    });
    if std::env::var_os("TALLYBOOK_UPDATE_DOCS").is_some() {
        std::fs::write(&path, answered).unwrap();
    } else {
        assert_eq!(document, answered, "TALLYBOOK_UPDATE_DOCS=1 writes the new outputs");
    }
}

/// The SQL of the examples that ask for rows, as one script.
fn questions(document: &str) -> String {
    let (_, rest) = document.split_once(BEGIN).expect("the examples begin");
    let (examples, _) = rest.split_once(END).expect("the examples end");
    let blocks = examples.split("```sql\n").skip(1).filter_map(|block| block.split_once("```\n"));
    // How a plan is shown is psql's own affair.
    blocks.map(|(sql, _)| sql).filter(|sql| !sql.starts_with("EXPLAIN")).collect()
}

#[test]
fn psql_psycopg_and_jdbc_give_the_bookkeeper_the_same_answers() {
    let Some(dir) = data_dir("berka") else {
        println!("skipped: no data set; set TALLYBOOK_BERKA_DIR to its directory");
        return;
    };
    let server = Server::start();
    load(&server, &dir);
    let document = std::fs::read_to_string(repository().join("docs/sql.md")).unwrap();
    let questions = questions(&document);
    let by_psql = psql(&server, &["-A", "-t"], &questions).ok();
    assert!(by_psql.lines().count() > 60, "{by_psql}");
    let file = server.scratch().join("questions.sql");
    std::fs::write(&file, &questions).unwrap();
    let file = file.to_str().expect("a path in UTF-8");
    assert_eq!(psycopg_script(&server, "answers.py", &[file]).ok(), by_psql, "psycopg");
    assert_eq!(jdbc_script(&server, "Answers.java", &[file]).ok(), by_psql, "JDBC");
}
