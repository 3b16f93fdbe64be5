//! The fake disk loses what it may lose, keeps what it must keep, and gives every mixture between.

use super::{FakeDisk, Loss};
use std::collections::BTreeSet;
use std::path::Path;
use store::storage::{Storage, StorageFile};

const FILE: &str = "/data/file";

/// A durable directory with a durable file of 4 KiB of ones.
fn disk_with_file() -> (FakeDisk, Box<dyn StorageFile>) {
    let disk = FakeDisk::default();
    disk.create_dir_durable(Path::new("/data")).unwrap();
    let file = disk.create(Path::new(FILE)).unwrap();
    file.write_all_at(0, &[1; 4096]).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/data")).unwrap();
    (disk, file)
}

fn content(disk: &FakeDisk) -> Vec<u8> {
    disk.files(Path::new("/data"))["file"].to_vec()
}

#[test]
fn bytes_are_durable_once_synced_and_not_before() {
    let (disk, file) = disk_with_file();
    file.write_all_at(100, &[2; 1000]).unwrap();
    let mut written = vec![1; 4096];
    written[100..1100].fill(2);
    assert_eq!(content(&disk.after(Loss::Unsynced)), vec![1; 4096]);
    assert_eq!(content(&disk.after(Loss::Nothing)), written);
    assert_eq!(content(&disk.after(Loss::Process)), written);
    file.sync_data().unwrap();
    for seed in 0..20 {
        assert_eq!(content(&disk.after(Loss::Random(seed))), written);
    }
}

#[test]
fn a_write_is_torn_at_sectors_and_its_end_may_arrive_first() {
    let (disk, file) = disk_with_file();
    file.write_all_at(0, &[2; 4096]).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        let bytes = content(&disk.after(Loss::Random(seed)));
        let sectors: Vec<u8> = bytes.chunks(512).map(|sector| sector[0]).collect();
        assert!(bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        seen.insert(sectors);
    }
    let with = |wanted: &dyn Fn(&[u8]) -> bool| seen.iter().any(|sectors| wanted(sectors));
    assert!(with(&|s| s == [1; 8]) && with(&|s| s == [2; 8]), "all or nothing");
    assert!(with(&|s| s.first() == Some(&2) && s.last() == Some(&1)), "torn");
    assert!(with(&|s| s.first() == Some(&1) && s.last() == Some(&2)), "the end first");
    assert!(with(&|s| s[0] == 2 && s[1] == 1 && s[2..].contains(&2)), "holes");
}

#[test]
fn a_length_survives_or_not_and_shows_nothing_stale() {
    let (disk, file) = disk_with_file();
    file.set_len(1000).unwrap();
    file.write_all_at(3000, &[2; 10]).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let bytes = content(&disk.after(Loss::Random(seed)));
        // Where the cut arrived and the file grew again there are zeros, never the old ones.
        if bytes.len() == 3010 {
            assert!(bytes[1000..2560].iter().all(|byte| *byte == 0));
        }
        seen.insert(bytes.len());
    }
    assert_eq!(seen, BTreeSet::from([1000, 3010, 4096]));
}

#[test]
fn a_failed_sync_marks_pages_clean_that_the_disk_does_not_have() {
    let mut lost = 0;
    for operations in 0..20 {
        let (disk, file) = disk_with_file();
        for _ in 0..operations {
            disk.sync_dir(Path::new("/data")).unwrap();
        }
        file.write_all_at(0, &[2; 4096]).unwrap();
        disk.fail_sync(Path::new(FILE));
        file.sync_data().unwrap();
        assert_eq!(content(&disk), vec![2; 4096], "the page cache shows it");
        lost += usize::from(content(&disk.after(Loss::Nothing)) != vec![2; 4096]);
        // Written again, it is as good as new.
        file.write_all_at(0, &[2; 4096]).unwrap();
        file.sync_data().unwrap();
        assert_eq!(content(&disk.after(Loss::Unsynced)), vec![2; 4096]);
    }
    assert!(lost > 10, "{lost} of 20");
}

#[test]
fn names_are_durable_once_their_directory_is_synced() {
    let names =
        |disk: &FakeDisk| -> Vec<String> { disk.files(Path::new("/data")).into_keys().collect() };
    let (disk, _) = disk_with_file();
    disk.create(Path::new("/data/new")).unwrap();
    disk.rename(Path::new(FILE), Path::new("/data/moved")).unwrap();
    let seen: BTreeSet<Vec<String>> =
        (0..50).map(|seed| names(&disk.after(Loss::Random(seed)))).collect();
    let expected: [&[&str]; 4] = [&["file"], &["file", "new"], &["moved"], &["moved", "new"]];
    let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(seen, BTreeSet::from(expected));
    disk.sync_dir(Path::new("/data")).unwrap();
    assert_eq!(names(&disk.after(Loss::Unsynced)), ["moved", "new"]);
}

#[test]
fn nothing_happens_from_the_operation_on_that_crashes() {
    let (disk, file) = disk_with_file();
    disk.crash_at(disk.operations().len() + 2);
    file.write_all_at(0, &[2]).unwrap();
    assert!(file.sync_data().is_err());
    assert!(file.write_all_at(0, &[3]).is_err());
    assert!(file.size().is_err());
    assert_eq!(content(&disk.after(Loss::Nothing))[0], 2);
    assert_eq!(content(&disk.after(Loss::Unsynced))[0], 1);
}
