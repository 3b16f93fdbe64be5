//! Opening what a crash, a fault or a person left behind.

use crate::fixture::*;
use std::fs;
use std::path::Path;
use store::*;

/// A ledger of `sales` single-frame sales, cleanly closed unless `crash`.
fn written(sales: usize, segment_bytes: u64, crash: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes, ..Options::default() };
    let ledger = Ledger::open_with(dir.path(), options).unwrap();
    open_books(&ledger, &["a"]);
    for index in 0..sales {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    if crash {
        crash_copy(dir.path())
    } else {
        drop(ledger);
        dir
    }
}

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn cash(dir: &Path) -> i128 {
    balance(&Ledger::open(dir).unwrap().view(), "a", "cash")
}

fn refusal(dir: &Path) -> String {
    match Ledger::open(dir) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("opened"),
    }
}

const ONE_SEGMENT: u64 = 1 << 30;

#[test]
fn a_crash_loses_nothing_acknowledged_and_the_history_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 3_000, ..Options::default() };
    let ledger = Ledger::open_with(dir.path(), options.clone()).unwrap();
    open_books(&ledger, &["a", "b"]);
    for index in 0..50 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    let copy = crash_copy(dir.path());
    let again = Ledger::open_with(copy.path(), options.clone()).unwrap();
    assert_eq!(all_events(&again), all_events(&ledger));
    // The sequence goes on without a gap, and time goes on rising.
    let last = all_events(&again).pop().unwrap();
    let next = sell(&again, "a", "next", 1);
    assert_eq!((next.lsn, next.seq), (last.lsn.next(), last.seq.next()));
    assert!(next.at > last.at);
    drop(again);
    let once_more = Ledger::open_with(copy.path(), options).unwrap();
    assert_eq!(balance(&once_more.view(), "a", "cash"), 51);
}

#[test]
fn opening_twice_leaves_the_bytes_of_opening_once() {
    let dir = written(20, 2_000, true);
    let bytes = |dir: &Path| -> Vec<Vec<u8>> {
        segments(dir).iter().map(|path| fs::read(path).unwrap()).collect()
    };
    // Opening rewrites and cuts; a crash right after it must find nothing left to do.
    let ledger = Ledger::open(dir.path()).unwrap();
    let copy = crash_copy(dir.path());
    let once = bytes(copy.path());
    let again = Ledger::open(copy.path()).unwrap();
    assert_eq!(bytes(copy.path()), once);
    assert_eq!(all_events(&again), all_events(&ledger));
}

#[test]
fn a_torn_last_cycle_is_cut_off_and_kept_aside() {
    let whole = written(5, ONE_SEGMENT, true);
    let path = segments(whole.path()).remove(0);
    let offsets = frame_offsets(&fs::read(&path).unwrap());
    let [.., last_start, end] = offsets[..] else { panic!("{offsets:?}") };
    for length in (last_start + 1..end).step_by(5).chain([end - 1]) {
        let dir = crash_copy(whole.path());
        let path = segments(dir.path()).remove(0);
        // What reached the disk of the last frame: its first bytes, zeros after.
        change(&path, |bytes| bytes[length..].fill(0));
        assert_eq!(cash(dir.path()), 4, "torn at {length}");
        assert!(dir.path().join("cut").is_dir(), "torn at {length}: the cut bytes are kept");
        // Nothing stale is left behind the cut.
        let ledger = Ledger::open(dir.path()).unwrap();
        sell(&ledger, "a", "k4", 1);
        drop(ledger);
        assert_eq!(cash(dir.path()), 5);
    }
}

#[test]
fn pages_of_the_last_cycle_may_be_lost_in_any_order() {
    // One cycle of many frames: nothing in it was marked durable by a later one.
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    sell(&ledger, "a", "k0", 1);
    let copy = crash_copy(dir.path());
    let path = segments(copy.path()).remove(0);
    let offsets = frame_offsets(&fs::read(&path).unwrap());
    drop(ledger);
    // Build the cycle by hand: three frames that all carry the same durable mark.
    let mark = "\"durable\":3}";
    change(&path, |bytes| {
        let start = offsets[offsets.len() - 2];
        let end = *offsets.last().unwrap();
        let first = bytes[start + 8..end].to_vec();
        let text = String::from_utf8(first).unwrap();
        assert!(text.ends_with(mark), "{text}");
        let mut cycle = bytes[..start].to_vec();
        for step in 0..3u64 {
            let payload = text
                .replace("\"lsn\":4", &format!("\"lsn\":{}", 4 + step))
                .replace("\"seq\":3", &format!("\"seq\":{}", 3 + step))
                .replace("\"k0\"", &format!("\"k{step}\""))
                .replacen("\"at\":1", &format!("\"at\":{}", 2 + step), 1)
                .replacen("\"tx_id\":\"0", &format!("\"tx_id\":\"{step}"), 1);
            cycle.extend((payload.len() as u32).to_le_bytes());
            cycle.extend(crc32fast::hash(payload.as_bytes()).to_le_bytes());
            cycle.extend(payload.as_bytes());
        }
        cycle.resize(cycle.len() + 4096, 0);
        *bytes = cycle;
    });
    let offsets = frame_offsets(&fs::read(&path).unwrap());
    assert_eq!(cash(crash_copy(copy.path()).path()), 3, "the cycle by hand is whole");
    // Lose any one frame of the three: what stands before it stays, the rest is cut.
    let first = offsets.len() - 4;
    for lost in 0..3 {
        let dir = crash_copy(copy.path());
        let path = segments(dir.path()).remove(0);
        let range = offsets[first + lost]..offsets[first + lost + 1];
        change(&path, |bytes| bytes[range].fill(0));
        assert_eq!(cash(dir.path()), lost as i128, "frame {lost} lost");
    }
}

#[test]
fn damage_below_a_durable_mark_refuses_to_start() {
    let whole = written(5, ONE_SEGMENT, true);
    let path = segments(whole.path()).remove(0);
    let offsets = frame_offsets(&fs::read(&path).unwrap());
    // Every frame but the last is vouched for by a later one.
    for frame in 0..offsets.len() - 2 {
        for place in [0, 3, 4, 8, 20] {
            let dir = crash_copy(whole.path());
            let path = segments(dir.path()).remove(0);
            change(&path, |bytes| bytes[offsets[frame] + place] ^= 0x10);
            let refused = refusal(dir.path());
            let offset = format!("damaged at offset {}", offsets[frame]);
            assert!(refused.contains(&offset), "frame {frame}, byte {place}: {refused}");
        }
        let dir = crash_copy(whole.path());
        let path = segments(dir.path()).remove(0);
        change(&path, |bytes| bytes[offsets[frame]..offsets[frame + 1]].fill(0));
        assert!(refusal(dir.path()).contains("damaged"), "frame {frame} zeroed");
    }
}

#[test]
fn a_closing_frame_vouches_for_everything() {
    let dir = written(3, ONE_SEGMENT, false);
    let path = segments(dir.path()).remove(0);
    let bytes = fs::read(&path).unwrap();
    let offsets = frame_offsets(&bytes);
    assert_eq!(*offsets.last().unwrap(), bytes.len(), "a clean stop leaves no zeros");
    let last_sale = offsets[offsets.len() - 3];
    change(&path, |bytes| bytes[last_sale + 30] ^= 1);
    assert!(refusal(dir.path()).contains("damaged"));
}

/// What happens to a segment's file.
type Damage = fn(&Path);

#[test]
fn sealed_segments_must_be_whole_and_all_there() {
    let cases: [(&str, Damage, &str); 6] = [
        ("flipped", |path| change(path, |bytes| bytes[300] ^= 1), "damaged"),
        ("truncated", |path| change(path, |bytes| bytes.truncate(bytes.len() - 10)), "damaged"),
        (
            "shorter by a frame",
            |path| {
                change(path, |bytes| {
                    let offsets = frame_offsets(bytes);
                    bytes.truncate(offsets[offsets.len() - 2]);
                });
            },
            "damaged",
        ),
        ("emptied", |path| change(path, Vec::clear), "damaged"),
        ("missing", |path| fs::remove_file(path).unwrap(), "missing"),
        (
            "frame twice",
            |path| {
                change(path, |bytes| {
                    let offsets = frame_offsets(bytes);
                    let last = bytes[offsets[offsets.len() - 2]..*offsets.last().unwrap()].to_vec();
                    bytes.extend(last);
                });
            },
            "is due",
        ),
    ];
    let whole = written(30, 2_000, true);
    assert!(segments(whole.path()).len() > 3);
    for (what, damage, problem) in cases {
        let dir = crash_copy(whole.path());
        damage(&segments(dir.path())[1]);
        let refused = refusal(dir.path());
        assert!(refused.contains(problem), "{what}: {refused}");
    }
}

#[test]
fn a_torn_creation_of_the_last_segment_is_made_again() {
    let whole = written(30, 2_000, true);
    let count = segments(whole.path()).len();
    for left in [0, 5, 40] {
        let dir = crash_copy(whole.path());
        let all = segments(dir.path());
        // The next segment was being created: some of its header arrived, nothing behind it.
        let events = all_events(&Ledger::open(crash_copy(dir.path()).path()).unwrap()).len();
        let name = format!("segment-{:020}.log", events + 1);
        let header = fs::read(&all[0]).unwrap()[..left].to_vec();
        fs::write(dir.path().join("log").join(name), header).unwrap();
        // The one before it was sealed first.
        change(all.last().unwrap(), |bytes| {
            let end = *frame_offsets(bytes).last().unwrap();
            bytes.truncate(end);
        });
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(balance(&ledger.view(), "a", "cash"), 30);
        sell(&ledger, "a", "more", 1);
        drop(ledger);
        assert_eq!(cash(dir.path()), 31);
        assert_eq!(segments(dir.path()).len(), count + 1);
    }
}

#[test]
fn what_another_version_wrote_is_refused_by_name() {
    let dir = written(1, ONE_SEGMENT, true);
    let path = segments(dir.path()).remove(0);
    let payload = br#"{"tallybook_log":{"version":2,"colour":"blue"}}"#;
    change(&path, |bytes| {
        let mut header = (payload.len() as u32).to_le_bytes().to_vec();
        header.extend(crc32fast::hash(payload).to_le_bytes());
        header.extend(payload);
        let end = frame_offsets(bytes)[1];
        bytes.splice(..end, header);
    });
    assert!(refusal(dir.path()).contains("version 2 is unknown"));
}

#[test]
fn a_second_open_says_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let expected = format!("is in use by process {}", std::process::id());
    assert!(refusal(dir.path()).ends_with(&expected));
    drop(ledger);
    Ledger::open(dir.path()).unwrap();
}

#[test]
fn a_foreign_file_in_the_directory_is_left_alone() {
    let dir = written(1, ONE_SEGMENT, true);
    let foreign = dir.path().join("log").join("notes.txt");
    fs::write(&foreign, "mine").unwrap();
    assert_eq!(cash(dir.path()), 1);
    assert_eq!(fs::read(&foreign).unwrap(), b"mine");
}
