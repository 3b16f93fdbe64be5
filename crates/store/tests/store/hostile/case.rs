//! One case of a sweep: a workload, the seed of its script, and what goes wrong, stage by stage.
//!
//! A case prints as text, and the text runs the same case again:
//! `rotation:1:op41/random7+sync2-eio/process` is the script `rotation` with seed 1; the machine
//! stops instead of operation 41 and loses what seed 7 says; at the next start the second sync
//! fails, and the process is killed; then the oracle looks.

use super::disk::Loss;
use super::history::History;
use super::oracle;
use super::random::Random;
use super::rig::{Image, Plant, Rig, Session, Trouble};
use super::violation::Violation;
use super::workload::{WORKLOADS, Workload};
use std::fmt;
use std::str::FromStr;

/// From a start of the machine or the process to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) trouble: Trouble,
    pub(crate) loss: Loss,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) workload: &'static str,
    pub(crate) seed: u64,
    /// The script runs in the first; every later one is a start and a clean stop.
    pub(crate) stages: Vec<Stage>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.workload, self.seed)?;
        for (place, Stage { trouble, loss }) in self.stages.iter().enumerate() {
            let plus = if place > 0 { "+" } else { "" };
            match trouble {
                Trouble::Crash(operation) => write!(f, "{plus}op{operation}/{loss}")?,
                Trouble::Fault(fault) => write!(f, "{plus}{fault}/{loss}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("not a case: \"{text}\"");
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or_else(malformed);
        let (workload, seed, stages) = (part()?, part()?, part()?);
        let stages = stages
            .split('+')
            .map(|stage| {
                let (trouble, loss) = stage.split_once('/').ok_or_else(malformed)?;
                let trouble = match trouble.strip_prefix("op") {
                    Some(operation) => Trouble::Crash(operation.parse().map_err(|_| malformed())?),
                    None => Trouble::Fault(trouble.parse()?),
                };
                Ok(Stage { trouble, loss: loss.parse()? })
            })
            .collect::<Result<Vec<Stage>, String>>()?;
        Ok(Case {
            workload: workload_of(workload)?.name,
            seed: seed.parse().map_err(|_| malformed())?,
            stages,
        })
    }
}

fn workload_of(name: &str) -> Result<&'static Workload, String> {
    let known = WORKLOADS.iter().find(|workload| workload.name == name);
    known.ok_or_else(|| format!("unknown workload \"{name}\""))
}

/// The stages of a case before its last loss: shared by all cases that differ only in that.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) rig: Rig,
    pub(crate) session: Session,
    pub(crate) history: History,
    /// Whether the last stage got to its end.
    pub(crate) whole: bool,
}

/// Plays the stages, and then one more with `trouble`.
pub(crate) fn play(
    case: &Case,
    trouble: Option<Trouble>,
    plant: Plant,
) -> Result<Played, Violation> {
    let workload = workload_of(case.workload).expect("a case names a workload");
    let rig = Rig::new(workload.segment_bytes, plant);
    let steps = (workload.script)(&mut Random::new(case.seed));
    let mut history = History::default();
    let mut image = Image::default();
    let troubles = case.stages.iter().map(|stage| (Some(stage.trouble), Some(stage.loss)));
    let mut stages = troubles.chain([(trouble, None)]);
    let mut first = true;
    loop {
        let (trouble, loss) = stages.next().expect("the last stage ends the loop");
        let session = rig.start(&image, trouble);
        let whole =
            if first { session.run(&steps, &mut history) } else { session.run(&[], &mut history) };
        session.in_order()?;
        match loss {
            Some(loss) => image = session.image(loss),
            None => return Ok(Played { rig, session, history, whole }),
        }
        first = false;
    }
}

impl Played {
    pub(crate) fn check(&self, loss: Loss) -> Result<(), Violation> {
        oracle::check(&self.rig, &self.session.image(loss), &self.history)
    }
}

/// Runs one case from its beginning.
pub(crate) fn run(case: &Case, plant: Plant) -> Result<(), Violation> {
    let mut before = case.clone();
    let last = before.stages.pop().expect("a case has a stage");
    play(&before, Some(last.trouble), plant)?.check(last.loss)
}
