//! Every file in `sql/` prints what lies beside it, run with psql on an empty ledger.
//!
//! `TALLYBOOK_UPDATE_DOCS=1` writes what psql printed instead of comparing; what changed is then for git to show.

use std::fmt::Write as _;
use std::path::PathBuf;
use tests::{Server, psql_session, repository};

fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("sql")).expect("there are examples");
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut examples: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|found| found == "sql")).collect();
    examples.sort();
    examples
}

#[test]
fn examples_print_what_is_beside_them() {
    let mut told = String::new();
    for path in examples() {
        let script = std::fs::read_to_string(&path).unwrap();
        let printed = psql_session(&Server::start(), &script);
        // psql pads the last column of a table.
        let printed =
            printed.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
        let beside = path.with_extension("out");
        if std::env::var_os("TALLYBOOK_UPDATE_DOCS").is_some() {
            std::fs::write(&beside, printed).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        let (printed, expected) = (printed.lines(), expected.lines());
        if !printed.clone().eq(expected.clone()) {
            let line = printed.clone().zip(expected.clone()).take_while(|(a, b)| a == b).count();
            let _ = writeln!(told, "=== {}, line {}", path.display(), line + 1);
            for line in expected.skip(line).take(8) {
                let _ = writeln!(told, "  - {line}");
            }
            for line in printed.skip(line).take(8) {
                let _ = writeln!(told, "  + {line}");
            }
        }
    }
    assert!(told.is_empty(), "{told}\nTALLYBOOK_UPDATE_DOCS=1 writes the new outputs");
}

#[test]
fn every_example_is_listed() {
    let readme = std::fs::read_to_string(repository().join("sql/README.md")).unwrap();
    for path in examples() {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(
            readme.contains(&format!("| [{name}]({name}) |")),
            "{name} is not in sql/README.md"
        );
        assert!(path.with_extension("out").exists(), "{name} has no output beside it");
    }
}
