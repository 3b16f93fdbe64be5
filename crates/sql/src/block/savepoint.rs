//! Savepoints: places in a block that it can go back to.

use super::writes::WritesMark;
use crate::{Error, Fault, Result, SessionSettings};

/// More than any nesting of an application; a block that never releases its savepoints is told.
const SAVEPOINTS_MAX: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct Savepoint {
    name: String,
    pub(crate) writes: WritesMark,
    /// What was set by then.
    pub(crate) settings: SessionSettings,
    pub(crate) read_only: bool,
}

/// The savepoints of a block, oldest first. A name may be used again: the newest is meant.
#[derive(Debug, Default)]
pub(crate) struct Savepoints(Vec<Savepoint>);

impl Savepoints {
    pub(crate) fn define(
        &mut self,
        name: String,
        writes: WritesMark,
        settings: SessionSettings,
        read_only: bool,
    ) -> Result<()> {
        if self.0.len() >= SAVEPOINTS_MAX {
            return Err(Error::new(
                Fault::ProgramLimitExceeded,
                format!("a transaction block can have at most {SAVEPOINTS_MAX} savepoints"),
            )
            .with_hint("Release those that are no longer needed: RELEASE SAVEPOINT name."));
        }
        self.0.push(Savepoint { name, writes, settings, read_only });
        Ok(())
    }

    /// Forgets a savepoint and all after it; what was done since stays.
    pub(crate) fn release(&mut self, name: &str) -> Result<()> {
        let place = self.place(name)?;
        self.0.truncate(place);
        Ok(())
    }

    /// The savepoint to go back to. It stays; those after it are forgotten.
    pub(crate) fn roll_back_to(&mut self, name: &str) -> Result<Savepoint> {
        let place = self.place(name)?;
        self.0.truncate(place + 1);
        Ok(self.0[place].clone())
    }

    /// The savepoint that a failure falls back to, as far as settings go.
    pub(crate) fn newest(&self) -> Option<&Savepoint> {
        self.0.last()
    }

    fn place(&self, name: &str) -> Result<usize> {
        self.0.iter().rposition(|savepoint| savepoint.name == name).ok_or_else(|| {
            Error::new(Fault::InvalidSavepoint, format!("savepoint \"{name}\" does not exist"))
        })
    }
}
