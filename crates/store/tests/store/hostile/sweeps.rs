//! Every crash point of every workload, of the recoveries behind it, and every fault: the oracle's
//! promises hold.

use super::case::{Case, Stage, play, run};
use super::disk::Loss;
use super::faults::{Call, Failure, Fault};
use super::rig::{SOUND, Trouble};
use super::sweep::{Caught, Effort, crashes, faults, sample};
use super::workload::WORKLOADS;

fn undisturbed(workload: &'static str, seed: u64) -> Case {
    Case { workload, seed, stages: Vec::new() }
}

fn hold(result: Result<usize, Caught>) -> usize {
    result.unwrap_or_else(|caught| panic!("{caught}"))
}

fn crash_sweep(workload: &'static str) {
    let effort = Effort::sampled(30, 3);
    for seed in 1..=effort.scripts {
        let cases = hold(crashes(&undisturbed(workload, seed), effort, SOUND));
        assert!(cases > 150, "{cases} cases");
    }
}

#[test]
fn crashes_during_batches_over_several_books() {
    crash_sweep("batches");
}

#[test]
fn crashes_during_the_turn_to_the_next_segment() {
    crash_sweep("rotation");
}

#[test]
fn crashes_during_clean_stops_and_starts() {
    crash_sweep("restarts");
}

#[test]
fn crashes_during_checkpoints() {
    crash_sweep("checkpoints");
}

/// The files of the index are among those that are written and merged.
#[test]
fn crashes_during_index_flushes_and_merges() {
    crash_sweep("merges");
}

/// A crash of the script, at points that are sampled, and behind it every crash of the recovery.
#[test]
fn crashes_during_recovery() {
    behind_crashes(3, |before| crashes(before, Effort::sampled(6, 1), SOUND));
}

#[test]
fn calls_that_fail_during_a_script() {
    let effort = Effort::sampled(3, 1);
    for workload in &WORKLOADS {
        for seed in 4..4 + effort.scripts / 2 {
            hold(faults(&undisturbed(workload.name, seed), effort, SOUND));
        }
    }
}

#[test]
fn calls_that_fail_during_recovery() {
    behind_crashes(2, |before| faults(before, Effort::sampled(2, 0), SOUND));
}

/// Sweeps what comes behind crashes of every script: of the process, and of the machine.
fn behind_crashes(points: usize, sweep: impl Fn(&Case) -> Result<usize, Caught>) {
    let points = Effort::sampled(points, 1).points;
    for workload in &WORKLOADS {
        let script = undisturbed(workload.name, 3);
        let operations = play(&script, None, SOUND).expect("sound").session.operations().len();
        for (place, operation) in sample(operations, points).into_iter().enumerate() {
            for loss in [Loss::Process, Loss::Random(place as u64)] {
                let mut before = script.clone();
                before.stages.push(Stage { trouble: Trouble::Crash(operation), loss });
                hold(sweep(&before));
            }
        }
    }
}

/// A sync of the script fails, the process ends, and the page cache shows the next one what the
/// disk does not have; then every crash of that recovery.
#[test]
fn crashes_during_recovery_from_a_failed_sync() {
    let effort = Effort::sampled(3, 1);
    for workload in &WORKLOADS {
        let script = undisturbed(workload.name, 7);
        let syncs = play(&script, None, SOUND).expect("sound").session.calls(Call::Sync);
        for nth in sample(syncs as usize, effort.points) {
            let (call, nth, failure) = (Call::Sync, nth as u64, Failure::Broken);
            let trouble = Trouble::Fault(Fault { call, nth, failure, for_ever: false });
            let mut before = script.clone();
            before.stages.push(Stage { trouble, loss: Loss::Process });
            hold(crashes(&before, Effort::sampled(6, 1), SOUND));
        }
    }
}

/// Two runs of a script do the same to the disk, or no seed could be replayed.
#[test]
fn a_seed_gives_the_same_operations_again() {
    for workload in &WORKLOADS {
        let operations = || {
            let played = play(&undisturbed(workload.name, 6), None, SOUND).expect("sound");
            assert!(played.whole);
            played.session.operations()
        };
        assert_eq!(operations(), operations(), "{}", workload.name);
    }
}

#[test]
fn a_case_reads_as_it_prints() {
    for text in [
        "rotation:1:op41/random7",
        "batches:12:op3/process+op1/unsynced+op9/nothing",
        "restarts:0:sync2-eio/process+write1-short/random18446744073709551615",
        "restarts:0:syncdir2-eio-ever/process",
    ] {
        assert_eq!(text.parse::<Case>().map(|case| case.to_string()), Ok(text.to_owned()));
    }
    for text in ["", "rotation", "nothing:1:op1/process", "rotation:1:op1", "rotation:1:fsync/x"] {
        assert!(text.parse::<Case>().is_err(), "{text}");
    }
}

/// Runs the case that `TALLYBOOK_SEED` names.
#[test]
fn replay() {
    let text = std::env::var("TALLYBOOK_SEED")
        .unwrap_or_else(|_| "rotation:1:op20/random1+op3/random2".to_owned());
    let case: Case = text.parse().unwrap_or_else(|problem| panic!("{problem}"));
    if let Err(violation) = run(&case, SOUND) {
        panic!("{}", Caught { case, violation });
    }
}
