//! Damaged files give errors, never other answers.

use super::super::names::{KEYS_SUFFIX, MANIFEST_SUFFIX, data_suffixes};
use super::super::table_writer::Layout;
use super::super::*;
use super::history::*;
use crate::PathSelection;
use crate::storage::Disk;
use arrow_array::RecordBatch;
use ledger::*;
use std::fs;
use std::path::PathBuf;

const LAYOUT: Layout = Layout { page_rows: 64, group_rows: 256, group_bytes: usize::MAX };

const SHAPE: Shape = Shape { events: 400, books: 2, accounts: 6, is_wide: false };

/// A part on its own, damaged and healed again and again.
struct Patient {
    dir: tempfile::TempDir,
    history: History,
    answers: Vec<String>,
}

impl Patient {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let history = history(3, SHAPE);
        history.parts(dir.path(), &[], LAYOUT);
        let mut patient = Patient { dir, history, answers: Vec::new() };
        let part = patient.open().unwrap();
        patient.answers = patient.answers_of(&part).into_iter().map(Result::unwrap).collect();
        patient
    }

    fn open(&self) -> io::Result<Part> {
        Part::open(&Disk, self.dir.path(), Lsn(1), Lsn(SHAPE.events), STORE)
    }

    fn path(&self, suffix: &str) -> PathBuf {
        let name = format!("part-{:020}-{:020}.{suffix}", 1, SHAPE.events);
        self.dir.path().join(name)
    }

    /// Every way to read a part, as text.
    fn answers_of(&self, part: &Part) -> Vec<io::Result<String>> {
        let all = Narrowing::default();
        let some = Narrowing {
            lsn: (90, 300),
            book: Some("shop".to_owned()),
            path: Some(PathSelection::Prefix("cash".to_owned())),
            ..Narrowing::default()
        };
        let mut answers = Vec::new();
        for narrowing in [&all, &some] {
            answers.push(
                part.scan_postings(
                    narrowing,
                    &(0..part.postings_count()),
                    &[0, 5, 7, 9, 10],
                    &ColumnCache::new(0),
                )
                .and_then(text),
            );
            answers.push(
                part.scan_transactions(
                    narrowing,
                    &(0..part.transactions_count()),
                    &[0, 4, 6, 10],
                    &ColumnCache::new(0),
                )
                .and_then(text),
            );
        }
        for book in ["shop", "s"] {
            answers.push(part.lsns_of(book, 100..=220).map(debug));
            answers.push(part.book_head_at(book, Lsn(200)).map(debug));
            let postings = part.account_postings(book, "cash", 50..=350, Seq(9), 40);
            answers.push(postings.map(debug));
            answers.push(part.last_posting(book, "cash", Lsn(222)).map(debug));
        }
        answers.push(part.postings_of(&self.history.events[250]).map(debug));
        let accounts =
            part.accounts().and_then(|accounts| accounts.collect::<io::Result<Vec<_>>>());
        answers.push(accounts.map(debug));
        answers.push(part.find(KeyHash::of_key("shop", "key-250")).map(debug));
        answers.push(part.find(KeyHash::of_key("s", "key-250")).map(debug));
        answers.push(Ok(debug((part.positions(), part.assets(), part.end(), part.last_at()))));
        answers
    }

    /// Reads answer as they did, or tell that the part is bad. Gives whether any did tell.
    fn check(&self, part: &Part, what: &str) -> bool {
        let mut is_noticed = false;
        for (answer, expected) in self.answers_of(part).into_iter().zip(&self.answers) {
            match answer {
                Ok(answer) => assert_eq!(answer, *expected, "{what}"),
                Err(error) => {
                    assert_bad(&error, what);
                    is_noticed = true;
                }
            }
        }
        is_noticed
    }
}

fn debug(answer: impl std::fmt::Debug) -> String {
    format!("{answer:?}")
}

fn text(batches: impl Iterator<Item = io::Result<RecordBatch>>) -> io::Result<String> {
    Ok(debug(batches.collect::<io::Result<Vec<_>>>()?))
}

fn assert_bad(error: &io::Error, what: &str) {
    use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    assert!(matches!(error.kind(), InvalidData | NotFound | UnexpectedEof), "{what}: {error:?}");
}

fn all_suffixes() -> impl Iterator<Item = &'static str> {
    data_suffixes().chain([MANIFEST_SUFFIX])
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let patient = Patient::new();
    let opened_before = patient.open().unwrap();
    for suffix in all_suffixes() {
        let path = patient.path(suffix);
        let good = fs::read(&path).unwrap();
        let mut noticed = 0;
        let step = (good.len() / 40).max(1);
        for offset in (0..good.len()).step_by(step) {
            let what = format!("{suffix} at {offset}");
            let mut bytes = good.clone();
            bytes[offset] ^= 1 << (offset % 8);
            fs::write(&path, &bytes).unwrap();
            match patient.open() {
                Ok(part) => {
                    assert_ne!(suffix, MANIFEST_SUFFIX, "{what}");
                    assert_bad(&part.verify().unwrap_err(), &what);
                    noticed += u32::from(patient.check(&part, &what));
                }
                Err(error) => {
                    assert_bad(&error, &what);
                    noticed += 1;
                }
            }
            // Damage comes to files that are open, too.
            patient.check(&opened_before, &what);
        }
        assert!(noticed > 0, "{suffix}");
        fs::write(&path, &good).unwrap();
    }
    assert!(!patient.check(&patient.open().unwrap(), "healed"));
    assert!(!patient.check(&opened_before, "healed"));
}

#[test]
fn a_file_of_another_length_is_an_error() {
    let patient = Patient::new();
    for suffix in all_suffixes() {
        let path = patient.path(suffix);
        let good = fs::read(&path).unwrap();
        let mut longer = good.clone();
        longer.push(0);
        for bytes in
            [&good[..0], &good[..1], &good[..good.len() / 2], &good[..good.len() - 1], &longer]
        {
            let opened_before = patient.open().unwrap();
            fs::write(&path, bytes).unwrap();
            let what = format!("{suffix} of {} bytes", bytes.len());
            assert_bad(&patient.open().unwrap_err(), &what);
            patient.check(&opened_before, &what);
            fs::write(&path, &good).unwrap();
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(patient.open().unwrap_err().kind(), io::ErrorKind::NotFound, "{suffix}");
        assert_eq!(open_bad(&patient, suffix), 0, "{suffix}");
        patient.history.parts(patient.dir.path(), &[], LAYOUT);
    }
}

/// What a start finds of the part.
fn open_bad(patient: &Patient, suffix: &str) -> usize {
    let parts = open_parts(&Disk, patient.dir.path(), STORE).unwrap();
    let files = fs::read_dir(patient.dir.path()).unwrap().count();
    assert_eq!(files, 0, "what is left of a part without its {suffix} is deleted");
    parts.len()
}

#[test]
fn a_file_of_another_part_is_an_error() {
    let patient = Patient::new();
    let other = tempfile::tempdir().unwrap();
    history(4, SHAPE).parts(other.path(), &[], LAYOUT);
    for suffix in all_suffixes() {
        let path = patient.path(suffix);
        let good = fs::read(&path).unwrap();
        fs::copy(other.path().join(path.file_name().unwrap()), &path).unwrap();
        match patient.open() {
            Err(error) => assert_bad(&error, suffix),
            // The positions are the same in both.
            Ok(part) => assert!(patient.check(&part, suffix) || suffix == "positions"),
        }
        fs::write(&path, &good).unwrap();
    }
}

#[test]
fn merging_a_damaged_part_fails_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let parts = history(3, SHAPE).parts(dir.path(), &[200], LAYOUT);
    for suffix in data_suffixes() {
        let path = dir.path().join(format!("part-{:020}-{:020}.{suffix}", 1, 200));
        let good = fs::read(&path).unwrap();
        let mut bytes = good.clone();
        bytes[if suffix == KEYS_SUFFIX { 20 } else { 5 }] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_bad(&merge_parts(&Disk, dir.path(), &parts).unwrap_err(), suffix);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 14, "{suffix}");
        fs::write(&path, &good).unwrap();
    }
    merge_parts(&Disk, dir.path(), &parts).unwrap();
}
