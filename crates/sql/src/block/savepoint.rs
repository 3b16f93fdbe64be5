//! Savepoints: places in a block that it can go back to.

use super::writes::WritesMark;
use crate::{Error, Fault, Result, SessionSettings};

/// More than any nesting of an application; a block that never releases its savepoints is told.
const SAVEPOINTS_MAX: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct Savepoint {
    name: String,
    /// Its place among all that the block has had, from 1.
    number: u64,
    pub(crate) writes: WritesMark,
    /// What was set by then.
    pub(crate) settings: SessionSettings,
    pub(crate) read_only: bool,
}

/// The savepoints of a block, oldest first. A name may be used again: the newest is meant.
#[derive(Debug, Default)]
pub(crate) struct Savepoints {
    list: Vec<Savepoint>,
    defined: u64,
}

impl Savepoints {
    pub(crate) fn define(
        &mut self,
        name: String,
        writes: WritesMark,
        settings: SessionSettings,
        read_only: bool,
    ) -> Result<()> {
        if self.list.len() >= SAVEPOINTS_MAX {
            return Err(Error::new(
                Fault::ProgramLimitExceeded,
                format!("a transaction block can have at most {SAVEPOINTS_MAX} savepoints"),
            )
            .with_hint("Release those that are no longer needed: RELEASE SAVEPOINT name."));
        }
        self.defined += 1;
        let number = self.defined;
        self.list.push(Savepoint { name, number, writes, settings, read_only });
        Ok(())
    }

    /// Forgets a savepoint and all after it; what was done since stays.
    pub(crate) fn release(&mut self, name: &str) -> Result<()> {
        let place = self.place(name)?;
        self.list.truncate(place);
        Ok(())
    }

    /// The savepoint to go back to. It stays; those after it are forgotten.
    pub(crate) fn roll_back_to(&mut self, name: &str) -> Result<Savepoint> {
        let place = self.place(name)?;
        self.list.truncate(place + 1);
        Ok(self.list[place].clone())
    }

    /// The savepoint that a failure falls back to, as far as settings go.
    pub(crate) fn newest(&self) -> Option<&Savepoint> {
        self.list.last()
    }

    /// The number of that savepoint; 0 if there is none. What is made under a number is undone by
    /// a rollback to a savepoint of this number or a smaller one.
    pub(crate) fn newest_number(&self) -> u64 {
        self.list.last().map_or(0, |savepoint| savepoint.number)
    }

    fn place(&self, name: &str) -> Result<usize> {
        self.list.iter().rposition(|savepoint| savepoint.name == name).ok_or_else(|| {
            Error::new(Fault::InvalidSavepoint, format!("savepoint \"{name}\" does not exist"))
        })
    }
}
