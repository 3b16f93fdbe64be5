//! Each bug that the sweeps are there for, planted, and caught: by the order monitor while it
//! happens, by the oracle after a crash, and never where there is no bug.

use super::case::{Case, play, run};
use super::disk::Loss;
use super::oracle;
use super::plants;
use super::rig::{DIR, Image, Plant, Rig, SOUND};
use super::sweep::{Caught, Effort, crashes, crashes_at, faults};
use super::violation::Rule;
use crate::fixture::{account, asset};
use futures::StreamExt as _;
use std::path::Path;
use std::sync::Arc;
use store::storage::Storage;
use store::*;

type Bug = fn(Arc<dyn Storage>) -> Arc<dyn Storage>;
type Sweep = fn(Plant) -> Result<usize, Caught>;

fn crashes_of(workload: &'static str, plant: Plant) -> Result<usize, Caught> {
    let effort = Effort { points: 12, random_losses: 3, scripts: 1 };
    crashes(&Case { workload, seed: 1, stages: Vec::new() }, effort, plant)
}

fn faults_of(workload: &'static str, plant: Plant) -> Result<usize, Caught> {
    let effort = Effort { points: 3, random_losses: 1, scripts: 1 };
    faults(&Case { workload, seed: 1, stages: Vec::new() }, effort, plant)
}

/// The sweep is green without the bug, and finds it by the rule expected, from a case that can be
/// run again from its text.
fn assert_caught(sweep: Sweep, bug: Bug, monitored: bool, rules: &[Rule]) {
    let sound = Plant { monitored, ..SOUND };
    assert!(sweep(sound).is_ok());
    let planted = Plant { bug, monitored };
    let caught = sweep(planted).expect_err("the bug went unnoticed");
    assert!(rules.contains(&caught.violation.rule), "{caught}");
    let again: Case = caught.case.to_string().parse().expect("a case reads as it prints");
    assert_eq!(run(&again, planted).map_err(|again| again.rule), Err(caught.violation.rule));
    assert_eq!(run(&again, sound), Ok(()), "{caught}");
}

fn caught_by_monitor(sweep: Sweep, bug: Bug, rule: Rule) {
    assert_caught(sweep, bug, true, &[rule]);
}

fn caught_by_oracle(sweep: Sweep, bug: Bug, rules: &[Rule]) {
    assert_caught(sweep, bug, false, rules);
}

const BATCHES: Sweep = |plant| crashes_of("batches", plant);
/// The making of the directories takes a few operations at the beginning: none may be left out.
const FIRST_OPERATIONS: Sweep = |plant| {
    let before = Case { workload: "batches", seed: 1, stages: Vec::new() };
    crashes_at(&before, 1..=12, Effort { points: 12, random_losses: 0, scripts: 1 }, plant)
};
const ROTATION: Sweep = |plant| crashes_of("rotation", plant);
const BATCH_FAULTS: Sweep = |plant| faults_of("batches", plant);

#[test]
fn acknowledge_before_sync() {
    let bug = plants::acknowledge_before_sync;
    caught_by_monitor(BATCHES, bug, Rule::AcknowledgedBeforeDurable);
    caught_by_oracle(BATCHES, bug, &[Rule::AcknowledgedLost]);
}

#[test]
fn forget_a_directory_sync() {
    let bug = plants::forget_directory_sync;
    caught_by_monitor(ROTATION, bug, Rule::AcknowledgedBeforeDurable);
    caught_by_oracle(ROTATION, bug, &[Rule::AcknowledgedLost, Rule::RecoveredLost]);
}

#[test]
fn trust_a_directory_that_exists() {
    let bug = plants::trust_existing_directory;
    caught_by_monitor(FIRST_OPERATIONS, bug, Rule::AcknowledgedBeforeDurable);
    caught_by_oracle(FIRST_OPERATIONS, bug, &[Rule::AcknowledgedLost, Rule::RecoveredLost]);
}

#[test]
fn retry_a_failed_sync() {
    let bug = plants::retry_failed_sync;
    caught_by_monitor(BATCH_FAULTS, bug, Rule::SyncRetried);
    caught_by_oracle(BATCH_FAULTS, bug, &[Rule::AcknowledgedLost, Rule::RefusedToStart]);
}

#[test]
fn leave_stale_frames_behind_the_cut() {
    caught_by_oracle(BATCHES, plants::leave_stale_frames, &[Rule::StaleBytes]);
}

#[test]
fn skip_rewriting_the_unmarked_tail() {
    let bug = plants::skip_rewriting;
    caught_by_monitor(BATCH_FAULTS, bug, Rule::SyncRetried);
    caught_by_oracle(BATCH_FAULTS, bug, &[Rule::RecoveredLost, Rule::AcknowledgedLost]);
}

/// Nobody waits for an answer here: only the cut tells.
#[test]
fn apply_before_durable() {
    let seen = |bug: Bug| {
        let rig = Rig::new(1 << 30, Plant { bug, ..SOUND });
        let session = rig.start(&Image::default(), None);
        let ledger = session.open().unwrap();
        let mut frames = ledger.subscribe(Following::All { from: Lsn(1) });
        for path in ["cash", "sales"] {
            let ticket =
                ledger.submit(&[asset("EUR"), account("a", path, AccountKind::Clearing, None)]);
            // A reader sees it; then the next write reaches the disk.
            futures::executor::block_on(frames.next()).unwrap().unwrap();
            drop(ticket);
        }
        session.close(ledger);
        session.in_order().map_err(|violation| violation.rule)
    };
    assert_eq!(seen(SOUND.bug), Ok(()));
    assert_eq!(seen(plants::apply_before_durable), Err(Rule::VisibleBeforeDurable));
}

/// Flips a bit in each frame of a log in turn: the store refuses to start, and one that cuts there
/// instead is caught losing what it acknowledged.
#[test]
fn treat_damage_as_a_torn_tail() {
    let flipped = |bug: Bug, frame: usize| {
        let before = Case { workload: "batches", seed: 1, stages: Vec::new() };
        let played = play(&before, None, SOUND).unwrap();
        let image = played.session.image(Loss::Nothing);
        flip_a_bit(&image, frame);
        let mut rig = played.rig.clone();
        rig.plant = Plant { bug, monitored: false };
        oracle::check(&rig, &image, &played.history).map_err(|violation| violation.rule)
    };
    // The script ends with a clean stop, so every frame before the closing one is vouched for.
    for frame in 1..=20 {
        assert_eq!(flipped(SOUND.bug, frame), Err(Rule::RefusedToStart), "frame {frame}");
        let cut = flipped(plants::damage_as_torn_tail, frame);
        assert_eq!(cut, Err(Rule::AcknowledgedLost), "frame {frame}");
    }
}

fn flip_a_bit(image: &Image, frame: usize) {
    let log_dir = Path::new(DIR).join("log");
    let name = image.disk.files(&log_dir).into_keys().next().unwrap();
    let file = image.disk.open(&log_dir.join(name)).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_exact_at(0, &mut bytes).unwrap();
    let start = super::log_bytes::frames(&bytes, 0)[frame].range.start;
    // In turn in the length, in the checksum, in the payload.
    let place = start + [0, 5, 40][frame % 3];
    file.write_all_at(place as u64, &[bytes[place] ^ 0x04]).unwrap();
    file.sync_data().unwrap();
}

/// The log never renames; what does must sync the file first.
#[test]
fn rename_before_sync() {
    let renamed = |sync: bool| {
        let session = Rig::new(1 << 30, SOUND).start(&Image::default(), None);
        let storage = session.storage();
        storage.create_dir_durable(Path::new("/data")).unwrap();
        let file = storage.create(Path::new("/data/new.tmp")).unwrap();
        file.write_all_at(0, b"content").unwrap();
        if sync {
            file.sync_data().unwrap();
        }
        storage.rename(Path::new("/data/new.tmp"), Path::new("/data/new")).unwrap();
        session.in_order().map_err(|violation| violation.rule)
    };
    assert_eq!(renamed(true), Ok(()));
    assert_eq!(renamed(false), Err(Rule::RenamedBeforeSync));
}
