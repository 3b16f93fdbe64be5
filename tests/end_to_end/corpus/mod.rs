//! SQL that people send: every statement of `tests/corpus` goes to tallybook and to PostgreSQL 15
//! with the same rows, and both must answer the same rows, types and names, or the same SQLSTATE.
//!
//! What tallybook refuses with `0A000` is marked `skipif tallybook # 0A000` in the corpus, and
//! that it is refused is checked too. What it answers differently on purpose is marked with the
//! name of its class in `differences`. Anything else that differs is a bug.
//!
//! `TALLYBOOK_CASE=words` runs only the statements that hold the words.
//! `TALLYBOOK_UPDATE_CORPUS=1` writes what PostgreSQL answers, and which statements are refused,
//! into the corpus; what changed is then for git to show.

mod answer;
mod differences;
mod ledger;
mod published;
mod random;
mod random_parameters;
mod random_shapes;

use answer::Answer;
use differences::Difference;
use ledger::Both;
use std::path::PathBuf;
use tests::RawClient;
use tests::repository;
use tests::slt::{self, Expected, Record};

const REFUSED: &str = "0A000";

/// The files of the corpus in order.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("tests/corpus")).expect("there is a corpus");
    let paths = entries.map(|entry| entry.expect("the directory can be read").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|found| found == "slt")).collect();
    paths.sort();
    paths
}

fn read(path: &PathBuf) -> Vec<Record> {
    slt::read(&std::fs::read_to_string(path).expect("the corpus can be read"))
}

#[test]
fn both_servers_answer_the_corpus() {
    let wanted = std::env::var("TALLYBOOK_CASE").unwrap_or_default();
    let update = std::env::var_os("TALLYBOOK_UPDATE_CORPUS").is_some();
    let both = Both::start();
    let mut told = String::new();
    let mut count = 0;
    let mut wrong = 0;
    for path in files() {
        let (mut ours, mut theirs) = both.sessions();
        let mut records = read(&path);
        for record in records.iter_mut().filter(|record| record.sql.contains(&wanted)) {
            if record.sql.is_empty() {
                continue;
            }
            count += 1;
            let problem = compare(record, &mut ours, &mut theirs, update);
            if let Some(problem) = problem {
                wrong += 1;
                let file = path.file_name().unwrap_or_default().display();
                told.push_str(&format!("\n=== {file}\n{}\n{problem}", record.sql));
            }
        }
        if update {
            std::fs::write(&path, slt::write(&records)).expect("the corpus can be written");
        }
    }
    assert!(wrong == 0, "{told}\n{wrong} of {count} statements differ");
    println!("{count} statements");
}

/// What is wrong with the answers to a record, if anything is.
fn compare(
    record: &mut Record,
    ours: &mut RawClient,
    theirs: &mut RawClient,
    update: bool,
) -> Option<String> {
    let mut answers = [ours, theirs].map(|client| Answer::to(client, &record.sql));
    if record.rowsort {
        answers = answers.map(Answer::sorted);
    }
    let [ours, theirs] = answers;
    if update {
        record.expected = expected(&theirs);
        let refused = ours.is_refusal() && !theirs.is_refusal();
        if refused {
            record.skip = Some(("tallybook".to_owned(), REFUSED.to_owned()));
        }
        if record.skip.as_ref().is_some_and(|(_, reason)| reason == REFUSED) && !refused
            || ours.agrees_with(&theirs)
        {
            record.skip = None;
        }
        // A class is named by hand, or by this where it is plain which one it is.
        if let Some(class) = Difference::between(&ours, &theirs)
            && record.skip.is_none()
            && !ours.agrees_with(&theirs)
        {
            record.skip = Some(("tallybook".to_owned(), class.name.to_owned()));
        }
    }
    let sides = || format!("  PostgreSQL: {}  tallybook:  {}", theirs.told(), ours.told());
    if !update && record.expected != expected(&theirs) {
        return Some(format!("  PostgreSQL answers something else than is written\n{}", sides()));
    }
    let agreed = ours.agrees_with(&theirs);
    match record.skip.as_ref().map(|(_, reason)| reason.as_str()) {
        None if agreed => None,
        None => Some(sides()),
        Some(_) if agreed => Some("  is marked as different and is not\n".to_owned()),
        Some(REFUSED) if ours.is_refusal() => None,
        Some(REFUSED) => Some(sides()),
        Some(name) => match Difference::named(name) {
            Some(difference) if difference.explains(&ours, &theirs) => None,
            Some(_) => Some(format!("  {name} does not explain this\n{}", sides())),
            None => Some(format!("  there is no class {name}\n")),
        },
    }
}

/// An answer as the corpus writes it.
fn expected(answer: &Answer) -> Expected {
    match answer {
        Answer::Done => Expected::Ok,
        Answer::Error { sqlstate, .. } => Expected::Error(sqlstate.clone()),
        Answer::Rows { columns, rows } => {
            let kinds = columns.iter().map(|column| match column.type_oid {
                20 | 21 | 23 | 26 => 'I',
                700 | 701 | 1700 => 'R',
                _ => 'T',
            });
            Expected::Rows { kinds: kinds.collect(), lines: rows.clone() }
        }
    }
}
