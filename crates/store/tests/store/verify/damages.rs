//! Each way a log can be damaged: what is said of it, and what a start then does.

use super::*;

/// What happens to a directory.
type Damage = fn(&Path);

fn replace_frame(path: &Path, index: usize, edit: impl FnOnce(String) -> String) {
    let offsets = offsets(path);
    let range = offsets[index]..offsets[index + 1];
    change(path, |bytes| {
        let payload = String::from_utf8(bytes[range.start + 8..range.end].to_vec()).unwrap();
        let payload = edit(payload);
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend(crc32fast::hash(payload.as_bytes()).to_le_bytes());
        frame.extend(payload.as_bytes());
        bytes.splice(range, frame);
    });
}

/// Damage to a log of many segments, what is said of it, and in which segment.
const DAMAGES: [(&str, Damage, isize, &str, Remedy); 16] = [
    (
        "a flipped bit in a sealed segment",
        |dir| change(&segment(dir, 1), |bytes| bytes[300] ^= 1),
        1,
        "the checksum does not match",
        Remedy::RestoreFile,
    ),
    (
        "a flipped bit in a length in the middle of the last segment",
        |dir| {
            let path = segment(dir, -1);
            let start = offsets(&path)[1];
            change(&path, |bytes| bytes[start + 2] ^= 0x10);
        },
        -1,
        "good frames go on at offset",
        Remedy::RestoreFile,
    ),
    (
        "a sealed segment cut inside a frame",
        |dir| change(&segment(dir, 1), |bytes| bytes.truncate(bytes.len() - 10)),
        1,
        "cut off",
        Remedy::RestoreFile,
    ),
    (
        "a sealed segment without its last frame",
        |dir| {
            let path = segment(dir, 1);
            let offsets = offsets(&path);
            change(&path, |bytes| bytes.truncate(offsets[offsets.len() - 2]));
        },
        1,
        "perhaps whole segments are",
        Remedy::RestoreFile,
    ),
    (
        "an empty segment",
        |dir| change(&segment(dir, 1), Vec::clear),
        1,
        "header is not readable",
        Remedy::RestoreFile,
    ),
    (
        "a missing segment",
        |dir| fs::remove_file(segment(dir, 1)).unwrap(),
        0,
        "perhaps whole segments are",
        Remedy::RestoreFile,
    ),
    (
        "the first segment is missing",
        |dir| fs::remove_file(segment(dir, 0)).unwrap(),
        0,
        "lsn 1 is due: a segment is missing",
        Remedy::RestoreFile,
    ),
    (
        "a frame that is there twice",
        |dir| {
            let path = segment(dir, 1);
            let offsets = offsets(&path);
            change(&path, |bytes| {
                let last = bytes[offsets[offsets.len() - 2]..].to_vec();
                bytes.extend(last);
            });
        },
        1,
        "is due",
        Remedy::RestoreFile,
    ),
    (
        "a zeroed frame",
        |dir| {
            let path = segment(dir, 2);
            let offsets = offsets(&path);
            change(&path, |bytes| bytes[offsets[1]..offsets[2]].fill(0));
        },
        2,
        "a gap of zeros",
        Remedy::RestoreFile,
    ),
    (
        "a newer version",
        |dir| {
            replace_frame(&segment(dir, 0), 0, |header| header.replace(":1,\"store", ":2,\"store"));
        },
        0,
        "log format version 2 is unknown",
        Remedy::UseOtherRelease,
    ),
    (
        "an event of a kind nobody knows",
        |dir| {
            replace_frame(&segment(dir, -1), 1, |text| text.replace("_posted", "_promised"));
        },
        -1,
        "unknown event kind",
        Remedy::UseOtherRelease,
    ),
    (
        "a leg that was made larger",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| {
                text.replacen("\"amount\":\"1\"", "\"amount\":\"9\"", 1)
            });
        },
        1,
        "unbalanced in \"EUR\" by 8",
        Remedy::RestoreFile,
    ),
    (
        "a key that was used before",
        |dir| {
            replace_frame(&segment(dir, -1), 1, |text| {
                let (before, rest) = text.split_once("\"idempotency_key\":\"").unwrap();
                let (_, rest) = rest.split_once('"').unwrap();
                format!("{before}\"idempotency_key\":\"k0\"{rest}")
            });
        },
        -1,
        "idempotency key \"k0\" again",
        Remedy::RestoreFile,
    ),
    (
        "a seq that jumps",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| text.replace("\"seq\":", "\"seq\":1"));
        },
        1,
        "follows",
        Remedy::RestoreFile,
    ),
    (
        "time that stands still",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| text.replacen("\"at\":", "\"at\":-", 1));
        },
        1,
        "time does not rise",
        Remedy::RestoreFile,
    ),
    (
        "a torn last write",
        |dir| {
            let path = segment(dir, -1);
            let offsets = offsets(&path);
            let end = offsets[offsets.len() - 1];
            change(&path, |bytes| bytes[end - 5..end].fill(0));
        },
        -1,
        "torn by a crash",
        Remedy::CutOff,
    ),
];

#[test]
fn damage_is_found_named_and_agrees_with_what_a_start_does() {
    let whole = killed(28, 2_000);
    assert!(segments(whole.path()).len() > 4);
    assert!(offsets(&segment(whole.path(), -1)).len() > 4, "header, two frames and more");
    for (what, damage, index, problem, remedy) in DAMAGES {
        let dir = crash_copy(whole.path());
        damage(dir.path());
        let report = checked(dir.path());
        let file = segment(dir.path(), index);
        let found = report.findings.iter().find(|finding| {
            finding.file == file && finding.remedy == remedy && finding.problem.contains(problem)
        });
        assert!(found.is_some(), "{what}: {:#?}", report.findings);
        assert_eq!(report.severity(), Some(remedy.severity()), "{what}: {:#?}", report.findings);
        let found = found.unwrap();
        assert!(found.offset.is_some() && found.lsn.is_some(), "{what}");
        let refuses = report.next_start.iter().any(|step| matches!(step, Step::Refuse { .. }));
        let starts = Ledger::open(dir.path());
        assert_eq!(refuses, starts.is_err(), "{what}: {:#?}", report.next_start);
        if let Ok(ledger) = starts {
            assert_eq!(ledger.view().cut(), report.head, "{what}");
            drop(ledger);
            assert_good(&checked(dir.path()));
        }
    }
}
