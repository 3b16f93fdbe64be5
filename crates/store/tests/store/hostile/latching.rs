//! The first failure stops the log for good: what callers are told, and that no later call touches
//! the disk.

use super::disk::Loss;
use super::faults::{Call, Failure, Fault};
use super::random::Random;
use super::reading::frames;
use super::rig::{Image, Rig, SOUND, Trouble};
use super::workload::sale;
use crate::fixture::{account, asset};
use store::*;

#[test]
fn after_a_failure_nothing_is_written_until_a_restart() {
    let stopped = |durable| CommitError::Stopped { durable };
    let full = |durable| CommitError::DiskFull { durable };
    type Later = fn(Lsn) -> CommitError;
    let cases: [(Call, Failure, Later); 8] = [
        (Call::Write, Failure::Broken, stopped),
        (Call::Write, Failure::Full, full),
        (Call::Write, Failure::Short, full),
        (Call::Sync, Failure::Broken, stopped),
        (Call::Sync, Failure::Full, full),
        (Call::SetLen, Failure::Broken, stopped),
        (Call::Create, Failure::Full, full),
        (Call::SyncDirectory, Failure::Broken, stopped),
    ];
    for (call, failure, later) in cases {
        let mut told = 0;
        for segment_bytes in [500, 1 << 30] {
            let Some(story) = story(call, failure, segment_bytes) else { continue };
            told += 1;
            let what = format!("{call:?} {failure:?}, segments of {segment_bytes} bytes");
            assert_eq!(story.first, Err(CommitError::OutcomeUnknown), "{what}");
            let expected = later(story.durable);
            assert!(story.later.iter().all(|error| *error == expected), "{what}: {story:?}");
            assert_eq!(story.touched, 0, "{what}: a stopped log touches no disk");
            assert!(story.reads_go_on, "{what}");
        }
        assert!(told > 0, "no story has a {call:?}");
    }
}

#[derive(Debug)]
struct Story {
    first: Result<Vec<Outcome>, CommitError>,
    durable: Lsn,
    later: Vec<CommitError>,
    touched: usize,
    reads_go_on: bool,
}

/// A ledger whose first call of a kind after it was opened fails, once; `None` if the story has
/// no such call.
fn story(call: Call, failure: Failure, segment_bytes: u64) -> Option<Story> {
    let rig = Rig::new(segment_bytes, SOUND);
    let random = &mut Random::new(1);
    let setup = [
        asset("EUR"),
        account("a", "cash", AccountKind::Asset, None),
        account("a", "sales", AccountKind::Income, None),
    ];
    let before = rig.start(&Image::default(), None);
    let ledger = before.open().unwrap();
    before.submit(&ledger, &setup).unwrap();
    let image = before.image(Loss::Nothing);
    before.close(ledger);

    let trial = rig.start(&image, None);
    let ledger = trial.open().unwrap();
    let nth = trial.calls(call) + 1;
    trial.submit(&ledger, &[sale(random, "a", "trial")]).unwrap();
    let reached = trial.calls(call) >= nth;
    trial.close(ledger);
    if !reached {
        return None;
    }

    let fault = Fault { call, nth, failure, for_ever: false };
    let session = rig.start(&image, Some(Trouble::Fault(fault)));
    let ledger = session.open().unwrap();
    let shown = frames(&ledger);
    let durable = ledger.view().cut();
    let first = session.submit(&ledger, &[sale(random, "a", "first")]);
    let touched = session.operations().len();
    let later = ["second", "first", "third"]
        .map(|key| session.submit(&ledger, &[sale(random, "a", key)]).unwrap_err());
    let reads_go_on = frames(&ledger) == shown && ledger.view().cut() == durable;
    session.close(ledger);
    session.in_order().unwrap();
    let touched = session.operations().len() - touched;
    Some(Story { first, durable, later: later.to_vec(), touched, reads_go_on })
}
