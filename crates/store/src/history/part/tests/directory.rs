//! Which parts a directory holds.

use super::super::merge::merge_laid_out;
use super::super::table_writer::Layout;
use super::super::*;
use super::history::*;
use crate::storage::Disk;
use std::fs;

const LAYOUT: Layout = Layout { page_rows: 16, group_rows: 64, group_bytes: usize::MAX };

const SHAPE: Shape = Shape { events: 100, books: 2, accounts: 6, is_wide: false };

fn ranges(dir: &Path, store: &str) -> Vec<(u64, u64)> {
    let parts = open_parts(&Disk, dir, store).unwrap();
    parts.iter().map(|part| (part.first().0, part.last().0)).collect()
}

fn file(dir: &Path, first: u64, last: u64, suffix: &str) -> std::path::PathBuf {
    dir.join(format!("part-{first:020}-{last:020}.{suffix}"))
}

fn count(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

type Ranges = &'static [(u64, u64)];

/// Ends of parts that are written, parts that are merged beside them, parts that are lost, parts
/// that are found.
type Case = (&'static [u64], Ranges, Ranges, Ranges);

#[test]
fn the_longest_chain_of_the_largest_parts_is_found() {
    let cases: [Case; 7] = [
        (&[], &[], &[], &[(1, 100)]),
        (&[30, 60], &[], &[], &[(1, 30), (31, 60), (61, 100)]),
        (&[30, 60], &[(1, 60)], &[], &[(1, 60), (61, 100)]),
        // The larger part leads nowhere: the longer chain is better.
        (&[30, 60], &[(1, 60)], &[(61, 100)], &[(1, 60)]),
        (&[20, 40, 60], &[(1, 40), (21, 100)], &[(41, 60)], &[(1, 20), (21, 100)]),
        (&[30, 60], &[], &[(31, 60)], &[(1, 30)]),
        (&[30], &[], &[(1, 30)], &[]),
    ];
    for (ends, merged, lost, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let parts = history(1, SHAPE).parts(dir, ends, LAYOUT);
        for (first, last) in merged {
            let of_range: Vec<_> = parts
                .iter()
                .filter(|part| part.first().0 >= *first && part.last().0 <= *last)
                .cloned()
                .collect();
            merge_laid_out(&Disk, dir, &of_range, LAYOUT).unwrap();
        }
        for (first, last) in lost {
            fs::remove_file(file(dir, *first, *last, "json")).unwrap();
        }
        assert_eq!(ranges(dir, STORE), expected, "{ends:?} {merged:?} {lost:?}");
        assert_eq!(count(dir), 7 * expected.len(), "what is not used is deleted");
        assert_eq!(ranges(dir, STORE), expected, "and the next start finds the same");
    }
}

#[test]
fn parts_of_other_stores_and_versions_do_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert_eq!(ranges(&dir.join("missing"), STORE), []);
    let history = history(1, SHAPE);
    history.parts(dir, &[50], LAYOUT);
    let manifest = file(dir, 1, 50, "json");
    let text = fs::read_to_string(&manifest).unwrap();
    let json = text.lines().next().unwrap().replace("\"tallybook_part\":1", "\"tallybook_part\":2");
    fs::write(&manifest, format!("{json}\n{:08x}\n", crc32fast::hash(json.as_bytes()))).unwrap();
    assert_eq!(ranges(dir, STORE), []);
    assert_eq!(count(dir), 0);

    history.parts(dir, &[50], LAYOUT);
    fs::copy(file(dir, 51, 100, "json"), file(dir, 1, 50, "json")).unwrap();
    assert_eq!(ranges(dir, STORE), []);

    history.parts(dir, &[50], LAYOUT);
    assert_eq!(ranges(dir, "another store"), []);
    assert_eq!(count(dir), 0);
}

#[test]
fn leftovers_go_and_foreign_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let history = history(1, SHAPE);
    let parts = history.parts(dir, &[], LAYOUT);
    for name in ["notes.txt", "other.tmp", "part-1-2.postings"] {
        fs::write(dir.join(name), "foreign").unwrap();
    }
    for leftover in [
        file(dir, 1, 100, "postings.tmp"),
        file(dir, 1, 200, "json.tmp"),
        file(dir, 101, 200, "keys"),
    ] {
        fs::write(leftover, "leftover").unwrap();
    }
    assert_eq!(ranges(dir, STORE), [(1, 100)]);
    assert_eq!(count(dir), 7 + 3);

    // A part that is written again, over whatever is there.
    let again = write::write_laid_out(&Disk, dir, &history.content(1..=100), LAYOUT).unwrap();
    assert_eq!(again.bytes_on_disk(), parts[0].bytes_on_disk());
    again.delete(&Disk).unwrap();
    assert_eq!(count(dir), 3);
    // Who has it open goes on reading.
    assert_eq!(again.lsns_of("_system", 1..=9).unwrap().len(), 2);
}

#[test]
fn only_neighbours_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let parts = history(1, SHAPE).parts(dir.path(), &[20, 50], LAYOUT);
    let apart = [parts[0].clone(), parts[2].clone()];
    let backwards = [parts[1].clone(), parts[0].clone()];
    for parts in [&parts[..0], &parts[..1], &apart, &backwards] {
        let error = merge_parts(&Disk, dir.path(), parts).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
