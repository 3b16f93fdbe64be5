//! Damaged, stale and foreign parts.

use super::*;

/// Files of parts.
fn history(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.join("history")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_flipped_bit_in_any_file_of_a_part_is_found_and_no_damage_of_the_ledger() {
    let whole = written(40, 2_000);
    let count = history(whole.path()).len();
    assert_eq!(count % 7, 0, "parts of seven files");
    for index in 0..count {
        for place in [0.1, 0.5, 0.99] {
            let dir = whole_copy(whole.path());
            let path = history(dir.path())[index].clone();
            change(&path, |bytes| {
                let place = (bytes.len() as f64 * place) as usize;
                bytes[place] ^= 4;
            });
            let report = checked(dir.path());
            let named = report.findings.iter().any(|finding| finding.file == path);
            let name = path.display();
            assert!(named, "{name}: {:#?}", report.findings);
            assert_eq!(report.severity(), Some(Severity::Mended), "{name}: {report:#?}");
            assert_eq!(report.audited, report.head, "{name}");
            assert!(!report.next_start.is_empty(), "{name}");
            let ledger = Ledger::open(dir.path()).unwrap();
            assert_eq!(balance(&ledger.view(), "b", "cash"), 14, "{name}");
        }
    }
}

#[test]
fn parts_of_another_log_and_of_another_store_are_dropped() {
    let (whole, other) = (written(20, ONE_SEGMENT), written(20, ONE_SEGMENT));
    let with_parts = |log: &Path, parts: &Path| {
        let dir = crash_copy(log);
        fs::create_dir(dir.path().join("history")).unwrap();
        for file in history(parts) {
            let name = file.file_name().unwrap();
            fs::copy(&file, dir.path().join("history").join(name)).unwrap();
        }
        dir
    };
    // Another store: its parts are not even opened.
    let dir = with_parts(whole.path(), other.path());
    let report = checked(dir.path());
    assert_eq!((report.severity(), report.parts), (Some(Severity::Mended), 0));
    assert!(report.findings[0].problem.contains("another store"), "{:#?}", report.findings);
    // The same store, but the log ends before the parts do.
    let dir = with_parts(whole.path(), whole.path());
    let path = segment(dir.path(), 0);
    let offsets = offsets(&path);
    change(&path, |bytes| bytes.truncate(offsets[offsets.len() - 4]));
    let report = checked(dir.path());
    assert_eq!(report.severity(), Some(Severity::Mended), "{:#?}", report.findings);
    let dropped = |step: &Step| matches!(step, Step::DropPart { .. });
    assert!(report.next_start.iter().any(dropped), "{:#?}", report.next_start);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.view().cut(), report.head);
}

#[test]
fn damage_before_a_checkpoint_is_found_though_a_start_passes_it_by() {
    let dir = written(60, 2_000);
    change(&segment(dir.path(), 2), |bytes| bytes[400] ^= 1);
    let report = checked(dir.path());
    assert_eq!(report.severity(), Some(Severity::Damage));
    assert!(report.parts_compared < report.parts);
}
