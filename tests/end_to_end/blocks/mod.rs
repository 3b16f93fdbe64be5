//! Blocks and pipelines, compared: the same messages go to tallybook and to PostgreSQL 15 with a
//! ledger of the same names, and the answers must be the same. What differs on purpose is listed
//! in `differences`, each with its reason; everything else that differs is a bug.
//!
//! `TALLYBOOK_CASE=words` runs only the cases whose name holds the words, and `TALLYBOOK_SHOW=1`
//! prints what PostgreSQL answers instead of comparing.

mod assembled;
mod copies;
mod copy_out;
mod cursors;
mod differences;
mod explicit;
mod forms;
mod pipelines;
mod prepared;
mod queries;
mod random;
mod savepoints;
mod visibility;

use crate::books::ASSETS;
use differences::Difference;
use std::fmt::Write as _;
use tests::{Postgres, RawClient, Server, converse};

/// A conversation with a name, and how its answers may differ.
pub(crate) struct Case {
    name: &'static str,
    script: &'static str,
    differs: &'static [Difference],
}

/// A case whose answers are the same.
const fn same(name: &'static str, script: &'static str) -> Case {
    Case { name, script, differs: &[] }
}

const fn differing(
    name: &'static str,
    script: &'static str,
    differs: &'static [Difference],
) -> Case {
    Case { name, script, differs }
}

/// The accounts of every conversation, in a book of its own.
const ACCOUNTS: &str = "other query INSERT INTO accounts (book, path, asset, kind, min_balance) VALUES \
    ('{book}', 'cash', 'USD', 'asset', NULL), ('{book}', 'sales', 'USD', 'income', NULL), \
    ('{book}', 'till:eur', 'EUR', 'asset', NULL), ('{book}', 'wallet', 'USD', 'liability', 0)";

/// What a conversation leaves behind, whoever asks.
const AFTERMATH: &str = "
    other query SELECT idempotency_key, seq, metadata, reverses FROM transactions WHERE book = '{book}' ORDER BY seq
    other query SELECT account, idx, asset, amount, direction, balance_after FROM postings \
        WHERE book = '{book}' ORDER BY seq, idx
    other query SELECT path, balance, debits, credits, min_balance, closed, metadata FROM accounts \
        WHERE book = '{book}' ORDER BY path";

fn hold(client: RawClient, witness: RawClient, case: &Case) -> Vec<String> {
    hold_in(&case.name.replace(' ', "-"), client, witness, case.script)
}

/// The answers to a script in a book of its own, and what it leaves behind.
fn hold_in(book: &str, mut client: RawClient, mut witness: RawClient, script: &str) -> Vec<String> {
    let opened = converse(&mut client, &mut witness, ACCOUNTS, book);
    assert_eq!(opened.lines, ["CommandComplete INSERT 0 4", "ReadyForQuery I"], "{book}");
    let mut lines = converse(&mut client, &mut witness, script, book).lines;
    // A block that is still open must be gone before anybody looks.
    lines.extend(converse(&mut client, &mut witness, "hang-up\nother query ROLLBACK", book).lines);
    lines.push("--- afterwards".to_owned());
    lines.extend(converse(&mut client, &mut witness, AFTERMATH, book).lines);
    lines
}

/// Holds every conversation with both servers and tells of all that went differently.
fn compare(cases: &[Case]) {
    let wanted = std::env::var("TALLYBOOK_CASE").unwrap_or_default();
    let server = Server::start();
    let assets = RawClient::start(server.address()).query(ASSETS);
    assert!(assets.iter().all(|message| message.kind != 'E'), "{assets:?}");
    let postgres = Postgres::shared();
    let mut told = String::new();
    let mut failed = Vec::new();
    for case in cases.iter().filter(|case| case.name.contains(&wanted)) {
        let start = || RawClient::start(server.address());
        let mut theirs = hold(postgres.raw(), postgres.raw(), case);
        if std::env::var_os("TALLYBOOK_SHOW").is_some() {
            println!("\n=== {}\n    {}", case.name, theirs.join("\n    "));
            continue;
        }
        let mut ours = hold(start(), start(), case);
        for difference in case.differs {
            difference.level(&mut theirs, &mut ours);
        }
        if ours != theirs {
            failed.push(case.name);
            let _ = writeln!(told, "\n=== {}\n{}", case.name, side_by_side(&theirs, &ours));
        }
    }
    assert!(failed.is_empty(), "{told}\n{} of {} differ: {failed:#?}", failed.len(), cases.len());
}

/// The lines of both, as a diff: `-` only PostgreSQL said, `+` only tallybook said.
fn side_by_side(theirs: &[String], ours: &[String]) -> String {
    let (rows, columns) = (theirs.len(), ours.len());
    // common[r][c]: how many lines the tails from r and c have in common.
    let mut common = vec![vec![0; columns + 1]; rows + 1];
    for r in (0..rows).rev() {
        for c in (0..columns).rev() {
            common[r][c] = if theirs[r] == ours[c] {
                common[r + 1][c + 1] + 1
            } else {
                usize::max(common[r + 1][c], common[r][c + 1])
            };
        }
    }
    let (mut r, mut c, mut text) = (0, 0, String::new());
    while r < rows || c < columns {
        if r < rows && c < columns && theirs[r] == ours[c] {
            let _ = writeln!(text, "    {}", ours[c]);
            (r, c) = (r + 1, c + 1);
        } else if c == columns || (r < rows && common[r + 1][c] >= common[r][c + 1]) {
            let _ = writeln!(text, "  - {}", theirs[r]);
            r += 1;
        } else {
            let _ = writeln!(text, "  + {}", ours[c]);
            c += 1;
        }
    }
    text
}

/// A comparison that cannot fail shows nothing: this case says other things to each.
#[test]
fn a_difference_is_found_out() {
    let server = Server::start();
    RawClient::start(server.address()).query(ASSETS);
    let start = || RawClient::start(server.address());
    let (one, other) = (same("one", "query {post k 1}"), same("one", "query {post k 2}"));
    let postgres = Postgres::shared();
    let theirs = hold(postgres.raw(), postgres.raw(), &one);
    let ours = hold(start(), start(), &other);
    let told = side_by_side(&theirs, &ours);
    let differing: Vec<&str> = told.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(differing.len(), 8, "two postings and two accounts on either side:\n{told}");
}
