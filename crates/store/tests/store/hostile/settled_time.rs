//! A time that readers were told of, and a crash at every operation of noting it.

use super::disk::{FakeDisk, Loss};
use crate::fixture::{open_books, sell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::*;

const DIR: &str = "/ledger";

fn open(disk: &FakeDisk, now: &Arc<AtomicI64>) -> Result<Ledger, OpenError> {
    let now = now.clone();
    let clock = Arc::new(move || Timestamp(now.load(Ordering::SeqCst)));
    Ledger::open_with(DIR, Options { clock, storage: Arc::new(disk.clone()), ..Options::default() })
}

/// Reads two times with nothing behind them, on a disk that crashes at an operation of that, or
/// does not. Gives the disk, the last time that was read, and whether the crash came.
fn read_times(crash_after: usize) -> (FakeDisk, Option<i64>, bool) {
    let disk = FakeDisk::default();
    let now = Arc::new(AtomicI64::new(1_000));
    let ledger = open(&disk, &now).unwrap();
    open_books(&ledger, &["a"]);
    let before = disk.operations().len();
    disk.crash_at(before + crash_after);
    now.store(5_000_000, Ordering::SeqCst);
    let mut read = None;
    for at in [2_000_000, 4_000_000] {
        match futures::executor::block_on(ledger.view_as_of(Timestamp(at))) {
            Ok(view) => {
                assert_eq!(view.map(|view| view.cut()), Some(Lsn(3)));
                read = Some(at);
            }
            Err(CommitError::Read(ReadError::Unsettled { .. })) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    (disk, read, read != Some(4_000_000))
}

#[test]
fn whatever_was_read_stays_as_it_was_after_any_crash() {
    for crash_after in 1.. {
        let (disk, read, crashed) = read_times(crash_after);
        disk.crash_now();
        let losses = [Loss::Process, Loss::Unsynced, Loss::Nothing];
        for loss in losses.into_iter().chain((0..8).map(Loss::Random)) {
            let what = format!("crash {crash_after}, loss {loss}");
            // The clock has gone back.
            let now = Arc::new(AtomicI64::new(1_500));
            let ledger =
                open(&disk.after(loss), &now).unwrap_or_else(|error| panic!("{what}: {error}"));
            sell(&ledger, "a", "later", 1);
            let at = ledger.view().event("a", Seq(3)).unwrap().unwrap().at;
            assert!(read.is_none_or(|read| at > Timestamp(read)), "{what}: {at:?} after {read:?}");
        }
        if !crashed {
            assert!(crash_after > 8, "two notes take more operations than {crash_after}");
            return;
        }
    }
}

#[test]
fn a_note_that_failed_is_not_tried_again() {
    let (disk, _, _) = read_times(usize::MAX / 2);
    let now = Arc::new(AtomicI64::new(9_000_000));
    let ledger = open(&disk.after(Loss::Nothing), &now).unwrap();
    drop(ledger);
    let disk = disk.after(Loss::Nothing);
    let ledger = open(&disk, &now).unwrap();
    let read = |at| futures::executor::block_on(ledger.view_as_of(Timestamp(at)));
    disk.crash_at(disk.operations().len() + 1);
    for at in [8_000_000, 8_500_000] {
        let refused = read(at).map(|_| ());
        assert!(matches!(refused, Err(CommitError::Read(ReadError::Unsettled { .. }))), "{at}");
    }
}
