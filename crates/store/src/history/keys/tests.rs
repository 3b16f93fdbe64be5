//! Runs and recent keys against a map, and runs whose bytes are not what was written.

use super::layout::{BLOCK_BYTES, BLOCK_ENTRIES, CHAPTER_BLOCKS};
use super::*;
use ledger::{Lsn, Uuid};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file in memory that counts how often it is read.
#[derive(Debug)]
struct Memory {
    bytes: Vec<u8>,
    reads: AtomicU64,
}

impl ReadAt for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let source = usize::try_from(offset).ok().and_then(|start| {
            let end = start.checked_add(bytes.len())?;
            self.bytes.get(start..end)
        });
        bytes.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn entry(hash: u64, lsn: u64) -> KeyEntry {
    KeyEntry { hash: KeyHash(hash), lsn: Lsn(lsn) }
}

/// A number that looks like a hash.
fn scattered(number: u64) -> u64 {
    KeyHash::of_tx_id(&Uuid::from_u64_pair(0, number)).0
}

fn scattered_entries(count: u64) -> Vec<KeyEntry> {
    let mut entries: Vec<KeyEntry> = (1..=count).map(|lsn| entry(scattered(lsn), lsn)).collect();
    entries.sort_unstable();
    entries
}

fn file_of(entries: &[KeyEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = write_run(entries.iter().copied().map(Ok), &mut bytes).unwrap();
    assert!(written <= entries.len() as u64);
    bytes
}

fn open(bytes: Vec<u8>, place: FilterPlace) -> io::Result<Run<Memory>> {
    Run::open(Memory { bytes, reads: AtomicU64::new(0) }, place)
}

fn entries_of(run: &Run<Memory>) -> Vec<KeyEntry> {
    run.entries().map(Result::unwrap).collect()
}

const PLACES: [FilterPlace; 2] = [FilterPlace::Memory, FilterPlace::Disk];

#[test]
fn hashes_are_what_they_always_were() {
    let id = Uuid::try_parse("0198c0de-0000-7000-8000-000000000001").unwrap();
    // Computed by another implementation of XXH64 from the definition in docs/format.md.
    assert_eq!(KeyHash::of_key("shop", "order-1"), KeyHash(0x8334_7f9a_8150_adca));
    assert_eq!(KeyHash::of_tx_id(&id), KeyHash(0x3a93_ccd5_f6ca_deee));
    assert_eq!(KeyHash::of_reversal("shop", &id), KeyHash(0x4840_437e_842f_04f0));
}

#[test]
fn every_length_around_a_block_and_a_chapter_reads_back() {
    let chapter = (CHAPTER_BLOCKS * BLOCK_ENTRIES) as u64;
    for count in [0, 1, 1_023, 1_024, 1_025, chapter - 1, chapter, chapter + 1, 2 * chapter + 1] {
        let entries = scattered_entries(count);
        for place in PLACES {
            let run = open(file_of(&entries), place).unwrap();
            assert_eq!(run.len(), count);
            assert_eq!(entries_of(&run), entries, "{count}");
            for KeyEntry { hash, lsn } in entries.iter().step_by(97).chain(entries.last()) {
                assert_eq!(run.find(*hash).unwrap(), [*lsn], "{count}");
            }
            assert_eq!(run.find(KeyHash(scattered(count + 1))).unwrap(), [], "{count}");
        }
    }
}

#[test]
fn one_hash_may_fill_several_blocks() {
    let same = 3 * BLOCK_ENTRIES as u64 + 5;
    let mut entries: Vec<KeyEntry> = (1..=same).map(|lsn| entry(1 << 40, lsn)).collect();
    entries.insert(0, entry(7, 1));
    entries.push(entry(u64::MAX, 2));
    for place in PLACES {
        let run = open(file_of(&entries), place).unwrap();
        let all: Vec<Lsn> = (1..=same).map(Lsn).collect();
        assert_eq!(run.find(KeyHash(1 << 40)).unwrap(), all);
        assert_eq!(run.find(KeyHash(7)).unwrap(), [Lsn(1)]);
        assert_eq!(run.find(KeyHash(u64::MAX)).unwrap(), [Lsn(2)]);
        assert_eq!(run.find(KeyHash(0)).unwrap(), []);
    }
}

#[test]
fn an_absent_hash_seldom_costs_a_read_and_a_present_one_costs_one() {
    let entries = scattered_entries(100_000);
    let run = open(file_of(&entries), FilterPlace::Memory).unwrap();
    let reads_of = |numbers: std::ops::Range<u64>| {
        let before = run.file().reads.load(Ordering::Relaxed);
        numbers.for_each(|number| drop(run.find(KeyHash(scattered(number))).unwrap()));
        run.file().reads.load(Ordering::Relaxed) - before
    };
    assert_eq!(reads_of(1..1_001), 1_000);
    // The same numbers always: 0.82 % is expected.
    let absent = reads_of(1_000_000..1_100_000);
    assert!((700..1_000).contains(&absent), "{absent} of 100,000");
    let lacks = |number: &u64| run.surely_lacks(KeyHash(scattered(*number)));
    let surely = (1_000_000..1_100_000).filter(lacks).count() as u64;
    assert_eq!(surely, 100_000 - absent, "what is surely absent costs no read");

    let loaded = run.memory_bytes();
    run.place_filter(FilterPlace::Disk).unwrap();
    assert_eq!(loaded - run.memory_bytes(), run.filter_bytes());
    assert!((1_000..1_030).contains(&reads_of(1_000_000..1_001_000)));
    run.place_filter(FilterPlace::Memory).unwrap();
    assert_eq!(run.memory_bytes(), loaded);
}

#[test]
fn entries_out_of_order_are_refused_and_repeated_ones_written_once() {
    let mut out = Vec::new();
    let entries = [entry(1, 2), entry(1, 1)];
    let error = write_run(entries.into_iter().map(Ok), &mut out).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let entries = [entry(1, 2), entry(1, 2), entry(1, 3)];
    let run = open(file_of(&entries), FilterPlace::Memory).unwrap();
    assert_eq!((run.len(), entries_of(&run)), (2, entries[1..].to_vec()));
}

#[test]
fn a_source_that_fails_ends_the_merge_with_its_error() {
    let entries = scattered_entries(2_000);
    let mut broken = file_of(&entries);
    broken[BLOCK_BYTES + 16..BLOCK_BYTES + 32].fill(0);
    let broken = open(broken, FilterPlace::Memory).unwrap();
    let whole = open(file_of(&entries), FilterPlace::Memory).unwrap();
    let merged: Vec<_> = merge(&[&whole, &broken]).collect();
    let errors = merged.iter().filter(|entry| entry.is_err()).count();
    assert_eq!(errors, 1);
    assert!(merged.last().unwrap().is_err() && merged.len() < 4_000);
    let mut out = Vec::new();
    assert!(write_run(merge(&[&whole, &broken]), &mut out).is_err());
}

#[test]
fn lengths_in_the_trailer_are_not_believed() {
    let good = file_of(&scattered_entries(3_000));
    let kind = |bytes: Vec<u8>| open(bytes, FilterPlace::Memory).map_err(|error| error.kind());
    let count_at = good.len() - 8;
    for count in [0, 1, 2_048, 3_073, 4_097, u64::MAX / 16, u64::MAX / 16 + 1, u64::MAX] {
        let mut bytes = good.clone();
        bytes[count_at..].copy_from_slice(&count.to_le_bytes());
        assert_eq!(kind(bytes).unwrap_err(), io::ErrorKind::InvalidData, "{count}");
    }
    for shorter in [0, 1, 23, 24, BLOCK_BYTES, good.len() - 1] {
        assert_eq!(kind(good[..shorter].to_vec()).unwrap_err(), io::ErrorKind::InvalidData);
    }
    let mut newer = good.clone();
    newer[good.len() - 16] = 2;
    assert_eq!(kind(newer).unwrap_err(), io::ErrorKind::InvalidData);
    let mut longer = good.clone();
    longer.splice(0..0, [0; 16]);
    assert_eq!(kind(longer).unwrap_err(), io::ErrorKind::InvalidData);
    assert!(kind(good).is_ok());
}

/// Few hashes, so that they collide, and some at the ends of their range.
fn any_entries(max: usize) -> impl Strategy<Value = Vec<KeyEntry>> {
    let hash = prop_oneof![0..6u64, any::<u64>(), (u64::MAX - 3)..=u64::MAX];
    prop::collection::vec((hash, 1..1_000u64).prop_map(|(hash, lsn)| entry(hash, lsn)), 0..max)
}

fn by_hash(entries: &[KeyEntry]) -> BTreeMap<KeyHash, BTreeSet<Lsn>> {
    let mut map: BTreeMap<KeyHash, BTreeSet<Lsn>> = BTreeMap::new();
    for KeyEntry { hash, lsn } in entries {
        map.entry(*hash).or_default().insert(*lsn);
    }
    map
}

proptest! {
    #[test]
    fn a_run_answers_like_a_map(mut entries in any_entries(3_000), other in any::<u64>()) {
        entries.sort_unstable();
        let map = by_hash(&entries);
        for place in PLACES {
            let run = open(file_of(&entries), place).unwrap();
            for hash in map.keys().copied().chain([KeyHash(other), KeyHash(4), KeyHash(u64::MAX)]) {
                let wanted: Vec<Lsn> = map.get(&hash).into_iter().flatten().copied().collect();
                // Only what is not there is surely not, and only filters in memory say so.
                let may_lack = wanted.is_empty() && place == FilterPlace::Memory;
                prop_assert!(may_lack || !run.surely_lacks(hash));
                prop_assert_eq!(run.find(hash).unwrap(), wanted);
            }
        }
    }

    #[test]
    fn merging_is_sorting(parts in prop::collection::vec(any_entries(1_500), 0..5)) {
        let runs: Vec<Run<Memory>> = parts
            .iter()
            .map(|part| {
                let mut part = part.clone();
                part.sort_unstable();
                open(file_of(&part), FilterPlace::Disk).unwrap()
            })
            .collect();
        let mut out = Vec::new();
        let count = write_run(merge(&runs.iter().collect::<Vec<_>>()), &mut out).unwrap();
        let all: BTreeSet<KeyEntry> = parts.concat().into_iter().collect();
        prop_assert_eq!(count, all.len() as u64);
        let merged = open(out, FilterPlace::Memory).unwrap();
        prop_assert_eq!(entries_of(&merged), all.into_iter().collect::<Vec<_>>());
    }

    /// A file that passes its checksums can still be wrong, if it was written wrong.
    #[test]
    fn damaged_bytes_never_panic(
        count in 0..3_000u64,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        at_the_end in any::<bool>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let entries = scattered_entries(count);
        let mut bytes = file_of(&entries);
        let length = bytes.len();
        let from = if at_the_end { length.saturating_sub(64) } else { 0 };
        for (place, value) in damage {
            bytes[from + place.index(length - from)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(length));
        }
        for place in PLACES {
            if let Ok(run) = open(bytes.clone(), place) {
                let _ = run.entries().take_while(Result::is_ok).count();
                for entry in entries.iter().step_by(50) {
                    let _ = run.find(entry.hash);
                }
            }
        }
    }

    #[test]
    fn recent_keys_forget_only_what_is_sealed(
        hashes in prop::collection::vec(prop_oneof![0..4u64, any::<u64>()], 0..600),
        limit in 0..200usize,
        seals in prop::collection::vec(0..700u64, 0..4),
    ) {
        let recent = RecentKeys::new(limit, Lsn(0));
        let entries: Vec<KeyEntry> =
            hashes.iter().zip(1..).map(|(hash, lsn)| entry(*hash, lsn)).collect();
        entries.iter().for_each(|entry| recent.insert(entry.hash, entry.lsn));
        let mut sealed = 0;
        for seal in seals {
            recent.trim(Lsn(seal));
            sealed = sealed.max(seal);
        }
        for (hash, lsns) in by_hash(&entries) {
            let RecentLsns { lsns: found, floor } = recent.find(hash);
            prop_assert!(lsns.iter().all(|lsn| *lsn <= floor || found.contains(lsn)));
            prop_assert!(floor.0 <= sealed);
            prop_assert!(found.is_sorted());
            prop_assert!(found.iter().all(|lsn| lsns.contains(lsn)));
            let must: Vec<Lsn> = lsns.into_iter().filter(|lsn| lsn.0 > sealed).collect();
            prop_assert!(found.ends_with(&must));
        }
        recent.trim(Lsn(u64::MAX));
        prop_assert!(recent.len() <= limit.next_multiple_of(64));
    }
}

#[test]
fn recent_keys_take_entries_from_many_threads_and_give_memory_back() {
    let recent = RecentKeys::new(1_000, Lsn(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let recent = &recent;
            scope.spawn(move || {
                for lsn in (thread..40_000).step_by(4) {
                    recent.insert(KeyHash(scattered(lsn)), Lsn(lsn));
                    if lsn % 1_000 == 0 {
                        recent.trim(Lsn(lsn.saturating_sub(20_000)));
                    }
                }
            });
        }
    });
    for lsn in 20_000..40_000 {
        assert_eq!(recent.find(KeyHash(scattered(lsn))).lsns, [Lsn(lsn)]);
    }
    let full = recent.memory_bytes();
    recent.trim(Lsn(40_000));
    assert!(recent.len() <= 1_024);
    assert!(recent.memory_bytes() < full / 8, "{} of {full}", recent.memory_bytes());
}
