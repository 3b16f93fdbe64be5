//! SIGKILL on a real disk, again and again in the same directory, while parts are written and
//! merged all the time.
//!
//! The child is this test binary again. It prints each acknowledged key; the parent kills it after
//! some of them, and checks a copy of what is left.

use crate::fixture::*;
use crate::hostile::answers::{answers, difference};
use crate::hostile::random::Random;
use crate::hostile::reading::{account_totals, frames, trial_balance};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use store::*;

/// Tells the child where to post.
const DIRECTORY: &str = "TALLYBOOK_KILL_DIRECTORY";
const CHILD: &str = "kill::child_that_posts_until_it_is_killed";
const ROUNDS: u64 = 6;
const BOOKS: [&str; 3] = ["a", "b", "c"];
const GROUPS_IN_A_BATCH: u64 = 10;

/// Small in everything, so that a kill falls into sealing, merging or the turn of a segment.
fn options() -> Options {
    Options {
        segment_bytes: 20_000,
        memory_budget_bytes: 1 << 20,
        checkpoint_every_events: 15,
        idempotency_hot_cap: 20,
        ..Options::default()
    }
}

/// Does nothing unless [`killed_again_and_again`] started it.
#[test]
fn child_that_posts_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let ledger = Ledger::open_with(dir, options()).unwrap();
    let opened = ledger.view().cut();
    if opened == Lsn(0) {
        open_books(&ledger, &BOOKS);
    }
    for batch in 0.. {
        let keys = (0..GROUPS_IN_A_BATCH).map(|place| format!("{opened}-{batch}-{place}"));
        let keys: Vec<String> = keys.collect();
        let groups: Vec<Vec<Draft>> = keys.iter().map(|key| group(key)).collect();
        for (key, ticket) in keys.iter().zip(ledger.batch(&groups)) {
            ticket.wait().unwrap();
            // Whole lines, past the test harness, which would keep them.
            let mut out = std::io::stdout().lock();
            writeln!(out, "acknowledged {key}").and_then(|()| out.flush()).unwrap();
        }
    }
}

/// One sale in each book.
fn group(key: &str) -> Vec<Draft> {
    BOOKS.map(|book| transfer(book, key, "cash", "sales", 1)).to_vec()
}

#[test]
fn killed_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let wanted = 1 + random.below(300);
        acknowledged.extend(killed_after(wanted, dir.path()));
        // The next round finds what the kill left, and no start between.
        check(dir.path(), &acknowledged, &format!("round {round}"));
    }
    assert!(acknowledged.len() > 200, "{} keys", acknowledged.len());
}

/// Posts in a process that is killed after so many acknowledgements; gives all it printed.
fn killed_after(wanted: u64, dir: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, "--exact", "--nocapture"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut take = |line: std::io::Result<String>| {
        // The harness begins a line of its own and does not end it.
        let key = line.unwrap().split_once("acknowledged ").map(|(_, key)| key.to_owned());
        acknowledged.extend(key);
        acknowledged.len() as u64
    };
    for line in &mut lines {
        if take(line) >= wanted {
            break;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    // What was printed before the kill was acknowledged too.
    for line in lines {
        take(line);
    }
    assert!(status.code().is_none(), "it ended by itself: {status}");
    acknowledged
}

fn check(dir: &Path, acknowledged: &BTreeSet<String>, when: &str) {
    let (with_parts, from_log) = (copy_of(dir), copy_of(dir));
    let mut cached = fs::read_dir(dir.join("history")).unwrap();
    assert!(cached.next().is_some(), "{when}: the kill came before anything was sealed");
    fs::remove_dir_all(from_log.path().join("history")).unwrap();
    let ledger = Ledger::open_with(with_parts.path(), options()).unwrap();
    let from_log = Ledger::open_with(from_log.path(), options()).unwrap();
    let survivors = frames(&ledger);
    assert_eq!(survivors, frames(&from_log), "{when}");
    let found = answers(&ledger, &survivors);
    assert_eq!(difference(&found, &answers(&from_log, &survivors)), None, "{when}");

    let events = || survivors.iter().flat_map(|frame| &frame.events);
    assert!(events().map(|event| event.lsn.0).eq(1..=ledger.view().cut().0), "{when}: a gap");
    let mut seqs: BTreeMap<&BookName, u64> = BTreeMap::new();
    let mut posted: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events() {
        let seq = seqs.entry(&event.book).or_default();
        *seq += 1;
        assert_eq!(event.seq.0, *seq, "{when}");
        if let EventBody::TransactionPosted(transaction) = &event.body {
            *posted.entry(transaction.idempotency_key.as_str()).or_default() += 1;
        }
    }
    // Each group is there whole and once, and every acknowledged one is.
    assert!(posted.values().all(|books| *books == BOOKS.len()), "{when}: {posted:?}");
    let lost = acknowledged.iter().find(|key| !posted.contains_key(key.as_str()));
    assert_eq!(lost, None, "{when}");
    let sales = posted.len() as i128;
    for book in BOOKS {
        let sums = Totals { debits: sales, credits: sales };
        assert_eq!(trial_balance(&ledger, book)["EUR"], sums, "{when}");
        let cash = account_totals(&ledger)[&(book.to_owned(), "cash".to_owned())];
        assert_eq!(cash.balance(), sales, "{when}");
    }
    // An old key, a new one, and one in between are known.
    let keys: Vec<&&str> = posted.keys().collect();
    for key in [keys[0], keys[keys.len() / 2], keys[keys.len() - 1]] {
        let again = ledger.submit(&again(&ledger, key)).wait().unwrap();
        assert!(again.iter().all(|o| matches!(o, Outcome::Replayed(_))), "{when}: {again:?}");
    }
}

/// The group of a key as it was posted: its transactions have their ids.
fn again(ledger: &Ledger, key: &str) -> Vec<Draft> {
    let mut group = group(key);
    for (draft, book) in group.iter_mut().zip(BOOKS) {
        let event = ledger.view().transaction_by_key(book, key).unwrap().unwrap();
        if let (Draft::PostTransaction(draft), EventBody::TransactionPosted(posted)) =
            (draft, &event.body)
        {
            draft.tx_id = posted.tx_id;
        }
    }
    group
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(dir, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_into(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
