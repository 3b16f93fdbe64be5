//! The section "What SQL works" of `docs/sql.md`, written from the corpus: a table by topic, what
//! is refused, and the named differences. `TALLYBOOK_UPDATE_DOCS=1` writes it anew.

use super::differences::ALL;
use super::{REFUSED, files, read};
use std::fmt::Write as _;
use tests::repository;
use tests::slt::Record;

const BEGIN: &str = "<!-- what SQL works -->";
const END: &str = "<!-- end of what SQL works -->";

/// A file of the corpus: its title, and its statements.
struct Topic {
    title: String,
    records: Vec<Record>,
}

fn topics() -> Vec<Topic> {
    let read = |path| {
        let (opening, records): (Vec<Record>, Vec<Record>) =
            read(&path).into_iter().partition(|record| record.sql.is_empty());
        let title = opening.first().and_then(|record| record.comments.first()).cloned();
        Topic { title: title.expect("a file opens with its title"), records }
    };
    files().into_iter().map(read).collect()
}

fn reason(record: &Record) -> Option<&str> {
    record.skip.as_ref().map(|(_, reason)| reason.as_str())
}

fn refused(topic: &Topic) -> impl Iterator<Item = &Record> {
    topic.records.iter().filter(|record| reason(record) == Some(REFUSED))
}

/// As code in a line of markdown, inside of a table or not.
fn code(record: &Record) -> String {
    let sql = record.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let fence = if sql.contains('`') { "``" } else { "`" };
    format!("{fence}{sql}{fence}")
}

fn section() -> String {
    let topics = topics();
    let mut text = String::from(
        "\n| topic | statements | answered as by Postgres 15 | refused with `0A000` | different |\n\
         |---|---|---|---|---|\n",
    );
    let mut sums = [0; 4];
    for topic in &topics {
        let all = topic.records.len();
        let refused = refused(topic).count();
        let differ =
            topic.records.iter().filter(|record| reason(record).is_some()).count() - refused;
        let same = all - refused - differ;
        for (sum, count) in sums.iter_mut().zip([all, same, refused, differ]) {
            *sum += count;
        }
        let _ = writeln!(text, "| {} | {all} | {same} | {refused} | {differ} |", topic.title);
    }
    let [all, same, refused_of_all, differ] = sums;
    let _ = writeln!(text, "| **all** | {all} | {same} | {refused_of_all} | {differ} |");
    text.push_str("\n**Different, by class:**\n\n");
    for difference in &ALL {
        let records = topics.iter().flat_map(|topic| &topic.records);
        let of_class: Vec<&Record> =
            records.filter(|record| reason(record) == Some(difference.name)).collect();
        let example = of_class
            .first()
            .map_or_else(String::new, |record| format!(" Such as {}.", code(record)));
        let _ = writeln!(
            text,
            "- *{}* ({}). {}{example}",
            difference.name,
            of_class.len(),
            difference.reason
        );
    }
    text.push_str("\n**Refused with `0A000`:**\n\n");
    for topic in topics.iter().filter(|topic| refused(topic).next().is_some()) {
        let _ = writeln!(text, "- {}", topic.title);
        for record in refused(topic) {
            let _ = writeln!(text, "  - {}", code(record));
        }
    }
    text.push('\n');
    text
}

#[test]
fn what_works_is_published() {
    let path = repository().join("docs/sql.md");
    let document = std::fs::read_to_string(&path).expect("the document can be read");
    let (before, rest) = document.split_once(BEGIN).expect("the section begins");
    let (_, after) = rest.split_once(END).expect("the section ends");
    let written = format!("{before}{BEGIN}{}{END}{after}", section());
    if std::env::var_os("TALLYBOOK_UPDATE_DOCS").is_some() {
        std::fs::write(&path, written).expect("the document can be written");
    } else {
        assert!(document == written, "TALLYBOOK_UPDATE_DOCS=1 writes the table anew");
    }
}

#[test]
fn the_corpus_is_large() {
    let statements: usize = topics().iter().map(|topic| topic.records.len()).sum();
    assert!(statements >= 500, "{statements}");
    let known = |record: &Record| match reason(record) {
        None | Some(REFUSED) => true,
        Some(name) => ALL.iter().any(|difference| difference.name == name),
    };
    let topics = topics();
    let unknown = topics.iter().flat_map(|topic| &topic.records).find(|record| !known(record));
    assert!(unknown.is_none(), "{unknown:?}");
}
