//! Damage is not a torn tail: directories of several segments in which something is not what it
//! was. What was once durable refuses to start, by name, and changes nothing.

use crate::fixture::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use store::*;

/// A directory of several segments whose last one holds several cycles, as a SIGKILL leaves it.
fn killed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let small = Options { segment_bytes: 2_000, ..Options::default() };
    let ledger = Ledger::open_with(dir.path(), small).unwrap();
    open_books(&ledger, &["a"]);
    (0..20).for_each(|index| drop(sell(&ledger, "a", &format!("small-{index}"), 1)));
    drop(ledger);
    // One more segment, which is not sealed.
    let ledger = Ledger::open(dir.path()).unwrap();
    (0..10).for_each(|index| drop(sell(&ledger, "a", &format!("large-{index}"), 1)));
    assert!(segments(dir.path()).len() > 3);
    crash_copy(dir.path())
}

const SALES: i128 = 30;

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Every file below a directory but the lock.
fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else if path.file_name().unwrap() != "LOCK" {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// Why the directory is refused, which must leave it as it is.
fn refusal(dir: &Path) -> OpenError {
    let before = content(dir);
    let error = Ledger::open(dir).expect_err("this must not start");
    assert_eq!(content(dir), before, "{error}");
    error
}

fn sold(dir: &Path) -> i128 {
    balance(&Ledger::open(dir).unwrap().view(), "a", "cash")
}

#[test]
fn a_flipped_bit_in_a_length_says_where() {
    let whole = killed();
    let last = segments(whole.path()).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let offsets = frame_offsets(&bytes);
    let [middle, end] = offsets[offsets.len() / 2..][..2] else { panic!("{offsets:?}") };
    let frame: serde_json::Value = serde_json::from_slice(&bytes[middle + 8..end]).unwrap();
    let due = Lsn(frame["events"][0]["lsn"].as_u64().unwrap());
    for bit in 0..32 {
        let dir = crash_copy(whole.path());
        let path = segments(dir.path()).pop().unwrap();
        change(&path, |bytes| bytes[middle + bit / 8] ^= 1 << (bit % 8));
        match refusal(dir.path()) {
            OpenError::Damaged { file, offset, lsn, .. } => {
                assert_eq!((file, offset, lsn), (path, middle as u64, due), "bit {bit}");
            }
            error => panic!("bit {bit}: {error}"),
        }
    }
}

/// A frame that stands twice can come from no crash, wherever it is.
#[test]
fn a_frame_that_stands_twice_is_refused() {
    let whole = killed();
    for from_end in [2, 3, 6] {
        let dir = crash_copy(whole.path());
        let path = segments(dir.path()).pop().unwrap();
        change(&path, |bytes| {
            let offsets = frame_offsets(bytes);
            let start = offsets[offsets.len() - from_end];
            let end = offsets[offsets.len() - from_end + 1];
            let frame = bytes[start..end].to_vec();
            bytes.splice(end..end, frame);
        });
        let refused = refusal(dir.path()).to_string();
        assert!(refused.contains("is due"), "{from_end} from the end: {refused}");
    }
}

#[test]
fn zeros_behind_the_last_frame_are_the_end() {
    let whole = killed();
    for zeros in [0, 1, 7, 8, 511, 512, 4096, 3 << 20] {
        let dir = crash_copy(whole.path());
        change(&segments(dir.path()).pop().unwrap(), |bytes| {
            let end = *frame_offsets(bytes).last().unwrap();
            bytes.resize(end, 0);
            bytes.resize(end + zeros, 0);
        });
        assert_eq!(sold(dir.path()), SALES, "{zeros} zeros");
        assert!(!dir.path().join("cut").exists(), "nothing was torn");
    }
    // A sealed segment may have them too: they belong to nobody.
    let dir = crash_copy(whole.path());
    change(&segments(dir.path())[1], |bytes| bytes.resize(bytes.len() + 100, 0));
    assert_eq!(sold(dir.path()), SALES);
}

/// What happens to the segments, in order.
type Damage = fn(&[PathBuf]);

#[test]
fn segments_that_do_not_belong_together_are_refused() {
    let cases: [(&str, Damage, &str); 7] = [
        ("first missing", |all| fs::remove_file(&all[0]).unwrap(), "lsn 1 is due"),
        ("middle missing", |all| fs::remove_file(&all[2]).unwrap(), "damaged"),
        ("second truncated", |all| change(&all[1], |b| b.truncate(b.len() / 2)), "damaged"),
        ("second emptied", |all| change(&all[1], Vec::clear), "header is not readable"),
        ("two swapped", swap_names, "does not match the file's name"),
        ("last of another store", from_another_store, "belongs to another store"),
        ("garbage ahead", garbage_ahead, "frames are missing"),
    ];
    let whole = killed();
    for (what, damage, problem) in cases {
        let dir = crash_copy(whole.path());
        damage(&segments(dir.path()));
        let refused = refusal(dir.path()).to_string();
        assert!(refused.contains(problem), "{what}: {refused}");
    }
}

fn swap_names(all: &[PathBuf]) {
    let (first, second) = (fs::read(&all[1]).unwrap(), fs::read(&all[2]).unwrap());
    fs::write(&all[1], second).unwrap();
    fs::write(&all[2], first).unwrap();
}

/// The same history again, so that only the store's id and the times differ.
fn from_another_store(all: &[PathBuf]) {
    let last = all.last().unwrap();
    let other = killed();
    let other = other.path().join("log").join(last.file_name().unwrap());
    fs::copy(other, last).unwrap();
}

fn garbage_ahead(all: &[PathBuf]) {
    let name = format!("segment-{:020}.log", 1_000);
    fs::write(all[0].with_file_name(name), "no log at all").unwrap();
}

/// Another version may have begun a segment after ours.
#[test]
fn a_newer_version_in_any_segment_is_refused_by_name() {
    let whole = killed();
    for place in 0..segments(whole.path()).len() {
        let dir = crash_copy(whole.path());
        let path = segments(dir.path()).remove(place);
        change(&path, |bytes| {
            let end = frame_offsets(bytes)[1];
            let header = String::from_utf8(bytes[8..end].to_vec()).unwrap();
            let newer = header.replace("\"version\":1", "\"version\":9,\"codec\":\"zstd\"");
            let mut frame = (newer.len() as u32).to_le_bytes().to_vec();
            frame.extend(crc32fast::hash(newer.as_bytes()).to_le_bytes());
            frame.extend(newer.as_bytes());
            bytes.splice(..end, frame);
        });
        match refusal(dir.path()) {
            OpenError::UnknownFormat { file, problem } => {
                assert_eq!(file, path);
                assert!(problem.contains("version 9 is unknown"), "{problem}");
            }
            error => panic!("segment {place}: {error}"),
        }
    }
}

#[test]
fn foreign_files_are_left_alone_wherever_they_lie() {
    let dir = killed();
    let foreign = [
        "notes.txt",
        "log/segment-1.log",
        "log/segment-00000000000000000001.log.bak",
        "log/.segment-00000000000000000001.log.swp",
    ];
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    fs::create_dir(dir.path().join("log").join("old")).unwrap();
    for name in foreign {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    assert_eq!(sold(dir.path()), SALES);
    for name in foreign {
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"mine", "{name}");
    }
    assert!(dir.path().join("lost+found").is_dir() && dir.path().join("log").join("old").is_dir());
}
