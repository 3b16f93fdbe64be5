//! What a crash takes away, drawn from a seed.
//!
//! Owns the choice alone: [`super::content`] and [`super::directory`] carry it out.

use crate::hostile::random::Random;
use std::fmt;
use std::str::FromStr;

/// How the machine or the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// SIGKILL: the page cache survives.
    Process,
    /// A power cut that takes everything that was not synced.
    Unsynced,
    /// A power cut just after the kernel had written everything back on its own.
    Nothing,
    /// A power cut that takes what this seed says: sectors, lengths and names, in any order.
    Random(u64),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Process => f.write_str("process"),
            Loss::Unsynced => f.write_str("unsynced"),
            Loss::Nothing => f.write_str("nothing"),
            Loss::Random(seed) => write!(f, "random{seed}"),
        }
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "process" => Ok(Loss::Process),
            "unsynced" => Ok(Loss::Unsynced),
            "nothing" => Ok(Loss::Nothing),
            _ => text
                .strip_prefix("random")
                .and_then(|seed| seed.parse().ok())
                .map(Loss::Random)
                .ok_or_else(|| format!("unknown loss \"{text}\"")),
        }
    }
}

/// Which of the sectors of one write reach the disk.
#[derive(Debug, Clone, Copy)]
enum Survivors {
    All,
    None,
    /// The first so many thousandths.
    Head(u64),
    /// All but the first so many thousandths: the disk wrote the end first.
    Tail(u64),
    /// Each on its own, with this chance in a thousand.
    Each(u64),
}

/// Draws the fate of everything that was not synced when the power went.
#[derive(Debug)]
pub(crate) struct Fate {
    loss: Loss,
    random: Random,
    /// Sectors that live or die together: 1 (512 B) or 8 (4 KiB).
    torn_at_sectors: u64,
}

impl Fate {
    pub(crate) fn of(loss: Loss) -> Self {
        let mut random = Random::new(match loss {
            Loss::Random(seed) => seed,
            Loss::Process | Loss::Unsynced | Loss::Nothing => 0,
        });
        let torn_at_sectors = if random.chance(500) { 1 } else { 8 };
        Fate { loss, random, torn_at_sectors }
    }

    /// Whether one change of a name survives.
    pub(crate) fn keeps(&mut self) -> bool {
        match self.loss {
            Loss::Process | Loss::Nothing => true,
            Loss::Unsynced => false,
            Loss::Random(_) => self.random.chance(500),
        }
    }

    /// How many of `count` changes of a length survive: metadata is journaled, so a prefix does.
    pub(crate) fn prefix(&mut self, count: usize) -> usize {
        match self.loss {
            Loss::Process | Loss::Nothing => count,
            Loss::Unsynced => 0,
            Loss::Random(_) => self.random.below(count as u64 + 1) as usize,
        }
    }

    /// For each of the sectors of a write whether it survives.
    pub(crate) fn sectors(&mut self, first: u64, count: usize) -> Vec<bool> {
        let survivors = match self.loss {
            Loss::Process | Loss::Nothing => Survivors::All,
            Loss::Unsynced => Survivors::None,
            Loss::Random(_) => match self.random.below(8) {
                0 => Survivors::All,
                1 => Survivors::None,
                2 | 3 => Survivors::Head(self.random.below(1_000)),
                4 | 5 => Survivors::Tail(self.random.below(1_000)),
                6 => Survivors::Each(500),
                _ => Survivors::Each(if self.random.chance(500) { 100 } else { 900 }),
            },
        };
        let block = |sector: u64| sector / self.torn_at_sectors;
        let last = first + (count as u64).saturating_sub(1);
        let blocks = block(last) - block(first) + 1;
        // A torn write is interesting where it is not zeros: small writes are torn at each block,
        // long ones (mostly zeros written ahead) among their first blocks.
        let reach = blocks.min(8);
        let kept: Vec<bool> = (0..blocks)
            .map(|place| match survivors {
                Survivors::All => true,
                Survivors::None => false,
                Survivors::Head(part) => place <= reach * part / 1_000,
                Survivors::Tail(part) => place > reach * part / 1_000,
                Survivors::Each(chance) => self.random.chance(chance),
            })
            .collect();
        (first..=last).map(|sector| kept[(block(sector) - block(first)) as usize]).collect()
    }
}
