//! The engine of a server: what all its sessions share.

use crate::query::QueryEngine;
use crate::query_memory::QueryMemory;
use crate::session::Recalled;
use crate::settings::SessionSettings;
use crate::{Error, Fault, MemoryBudget, Result, Session, TemporaryFiles, moment};
use std::fmt;
use std::sync::Arc;
use store::Ledger;

/// Sessions on one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) query: QueryEngine,
    pub(crate) sent: MemoryBudget,
    pub(crate) recalled: Recalled,
}

/// Who connects, to what, and what they want set from the start.
#[derive(Debug, Clone)]
pub struct SessionIdentity {
    pub user: String,
    pub database: String,
    /// What the startup packet holds beside user and database, `options` included.
    pub startup_settings: Vec<(String, String)>,
}

/// The one database, and the name under which tools ask for it.
const DATABASES: [&str; 2] = ["tallybook", "postgres"];

impl Engine {
    /// An engine whose sessions may hold `memory_bytes`, all together: three quarters in running
    /// queries, one in what clients send. One query may hold `query_bytes` of it: half of what all
    /// queries have, if nothing is said. What needs more is refused.
    pub fn new(ledger: Ledger, memory_bytes: usize, query_bytes: Option<usize>) -> Result<Self> {
        let sent_bytes = memory_bytes / 4;
        let queries_bytes = memory_bytes - sent_bytes;
        let memory = QueryMemory::new(queries_bytes, query_bytes.unwrap_or(queries_bytes / 2));
        let query = QueryEngine::new(ledger.clone(), memory)?;
        let sent = MemoryBudget::new(sent_bytes);
        Ok(Engine {
            shared: Arc::new(Shared { ledger, query, sent, recalled: Recalled::default() }),
        })
    }

    /// The engine, whose queries put into files what they have no memory for. Without them it is
    /// refused. For an engine that has no sessions yet.
    pub fn spilling_to(mut self, files: TemporaryFiles) -> Result<Self> {
        let in_use = || Error::new(Fault::Internal, "the engine is in use already");
        Arc::get_mut(&mut self.shared).ok_or_else(in_use)?.query.spill_to(files)?;
        Ok(self)
    }

    /// An engine that plans point reads like any other query: what it answers is what they have to.
    #[cfg(test)]
    pub(crate) fn planning_everything(ledger: Ledger, memory_bytes: usize) -> Result<Self> {
        let memory = QueryMemory::new(memory_bytes, memory_bytes);
        let query = QueryEngine::new(ledger.clone(), memory)?.planning_everything();
        let sent = MemoryBudget::new(memory_bytes);
        Ok(Engine {
            shared: Arc::new(Shared { ledger, query, sent, recalled: Recalled::default() }),
        })
    }

    /// What clients may have sent that is not yet written: messages, and the blocks of sessions.
    pub fn sent(&self) -> &MemoryBudget {
        &self.shared.sent
    }

    pub fn session(&self, identity: SessionIdentity) -> Result<Session> {
        let SessionIdentity { user, database, startup_settings } = identity;
        if !DATABASES.contains(&database.as_str()) {
            return Err(Error::new(
                Fault::UndefinedDatabase,
                format!("database \"{database}\" does not exist"),
            )
            .with_hint("The database is \"tallybook\"."));
        }
        let query_bytes = self.shared.query.memory().query_max();
        let settings = SessionSettings::new(user, database, query_bytes, &startup_settings)?;
        moment::check(&settings, &self.shared.ledger)?;
        Ok(Session::new(self.shared.clone(), settings))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
