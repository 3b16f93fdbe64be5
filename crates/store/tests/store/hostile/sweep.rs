//! Which cases a sweep tries: every crash point and every fault of a workload, or a sample.
//!
//! By default a sample, the same at every run, with both ends always in it; with
//! `TALLYBOOK_SWEEP=all` every point, with many more losses at each. Stops at the first violation.

use super::case::{Case, Played, Stage, play};
use super::disk::Loss;
use super::faults::{Call, Failure, Fault};
use super::rig::{Plant, Trouble};
use super::violation::Violation;
use std::fmt;

/// How much of all there is to try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Crash points, or calls of one kind, at most.
    pub(crate) points: usize,
    /// Seeds of what is lost at each point, beside the fixed ones.
    pub(crate) random_losses: u64,
    /// Seeds of the script.
    pub(crate) scripts: u64,
}

impl Effort {
    /// This much, or everything if the environment asks for it.
    pub(crate) fn sampled(points: usize, random_losses: u64) -> Self {
        if std::env::var("TALLYBOOK_SWEEP").is_ok_and(|value| value == "all") {
            Effort { points: usize::MAX, random_losses: 10 * random_losses, scripts: 8 }
        } else {
            Effort { points, random_losses, scripts: 2 }
        }
    }

    fn losses(self, point: usize) -> Vec<Loss> {
        let mut losses = vec![Loss::Process, Loss::Unsynced, Loss::Nothing];
        let first = point as u64 * self.random_losses;
        losses.extend((first..first + self.random_losses).map(Loss::Random));
        losses
    }
}

/// A case that broke a promise; prints how to run it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caught {
    pub(crate) case: Case,
    pub(crate) violation: Violation,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\nrun this case again with TALLYBOOK_SEED='{}' \
             cargo nextest run --release -p store hostile::sweeps::replay",
            self.violation, self.case
        )
    }
}

/// `wanted` of the numbers from 1 to `count`, evenly, with both ends.
pub(crate) fn sample(count: usize, wanted: usize) -> Vec<usize> {
    if count <= wanted {
        return (1..=count).collect();
    }
    let last = wanted.max(2) - 1;
    (0..=last).map(|place| 1 + place * (count - 1) / last).collect()
}

/// Crashes at every operation of the stage behind `before`; gives how many cases were tried.
pub(crate) fn crashes(before: &Case, effort: Effort, plant: Plant) -> Result<usize, Caught> {
    let undisturbed = played(before, None, plant)?;
    // One more than there are: the stage gets to its end.
    let operations = undisturbed.session.operations().len() + 1;
    crashes_at(before, sample(operations, effort.points), effort, plant)
}

/// Crashes at these operations of the stage behind `before`.
pub(crate) fn crashes_at(
    before: &Case,
    operations: impl IntoIterator<Item = usize>,
    effort: Effort,
    plant: Plant,
) -> Result<usize, Caught> {
    let mut cases = 0;
    for operation in operations {
        let trouble = Trouble::Crash(operation);
        cases += try_losses(before, trouble, &effort.losses(operation), plant)?;
    }
    Ok(cases)
}

/// Fails every call of the stage behind `before`, in every way that suits its kind.
pub(crate) fn faults(before: &Case, effort: Effort, plant: Plant) -> Result<usize, Caught> {
    let undisturbed = played(before, None, plant)?;
    let mut cases = 0;
    for (call, _) in Call::ALL {
        let count = undisturbed.session.calls(call) as usize;
        for nth in sample(count, effort.points) {
            for (failure, for_ever) in ways_to_fail(call) {
                let fault = Fault { call, nth: nth as u64, failure, for_ever };
                let trouble = Trouble::Fault(fault);
                let mut losses = effort.losses(nth);
                if matches!(call, Call::List | Call::Open | Call::Read) {
                    // What a call that reads leaves unsynced other cases lose in other ways.
                    losses.truncate(2);
                }
                cases += try_losses(before, trouble, &losses, plant)?;
            }
        }
    }
    Ok(cases)
}

fn ways_to_fail(call: Call) -> Vec<(Failure, bool)> {
    match call {
        Call::Write => {
            vec![(Failure::Broken, false), (Failure::Full, true), (Failure::Short, false)]
        }
        Call::Create => vec![(Failure::Full, false)],
        Call::Sync | Call::SyncDirectory | Call::SetLen => {
            vec![(Failure::Broken, false), (Failure::Broken, true)]
        }
        _ => vec![(Failure::Broken, false)],
    }
}

fn played(before: &Case, trouble: Option<Trouble>, plant: Plant) -> Result<Played, Caught> {
    let played = play(before, trouble, plant).map_err(|violation| {
        // Wrong without any trouble: no script gets as far as this operation.
        let trouble = trouble.unwrap_or(Trouble::Crash(usize::MAX));
        let case = with_stage(before, Stage { trouble, loss: Loss::Unsynced });
        Caught { case, violation }
    })?;
    assert!(
        played.whole || trouble.is_some(),
        "{before}: nothing went wrong, and the script did not get to its end"
    );
    Ok(played)
}

fn with_stage(before: &Case, stage: Stage) -> Case {
    let mut case = before.clone();
    case.stages.push(stage);
    case
}

fn try_losses(
    before: &Case,
    trouble: Trouble,
    losses: &[Loss],
    plant: Plant,
) -> Result<usize, Caught> {
    let played = played(before, Some(trouble), plant)?;
    for loss in losses {
        played.check(*loss).map_err(|violation| {
            let case = with_stage(before, Stage { trouble, loss: *loss });
            Caught { case, violation }
        })?;
    }
    Ok(losses.len())
}
