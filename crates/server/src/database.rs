//! A ledger on disk with the SQL engine over it: what a server serves.

use crate::report::Report;
use crate::temporary_files;
use futures::TryStreamExt;
use sql::store::{Ledger, Options};
use sql::{Answer, Engine, Session, SessionIdentity, Statement};
use std::path::Path;
use std::{fmt, io};

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub(crate) ledger: Ledger,
    pub(crate) engine: Engine,
}

/// How much memory a database may use, and how often it makes checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storing {
    /// One half is for history and indexes, the other for running queries. Accounts come on top.
    pub memory_budget_bytes: u64,
    /// The most that one query may hold; half of what all queries have, if nothing is said.
    pub query_memory_bytes: Option<u64>,
    /// A checkpoint is made whenever this many events were written since the last one.
    pub checkpoint_every_events: u64,
    /// How many transactions' idempotency keys and ids are kept in memory.
    pub idempotency_hot_cap: usize,
    /// What running queries may put into temporary files, all together; without any, what they have
    /// no memory for is refused.
    pub temporary_bytes_max: u64,
}

impl Default for Storing {
    fn default() -> Self {
        let Options { memory_budget_bytes, checkpoint_every_events, idempotency_hot_cap, .. } =
            Options::default();
        Storing {
            memory_budget_bytes: 2 * memory_budget_bytes,
            query_memory_bytes: None,
            checkpoint_every_events,
            idempotency_hot_cap,
            temporary_bytes_max: 4 << 30,
        }
    }
}

/// Why a directory could not be opened as a database.
#[derive(Debug)]
pub enum OpenError {
    Ledger(sql::store::OpenError),
    Engine(sql::Error),
    TemporaryFiles(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Ledger(error) => error.fmt(f),
            OpenError::Engine(error) => error.fmt(f),
            OpenError::TemporaryFiles(error) => {
                write!(f, "the folder for temporary files: {error}")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Ledger(error) => Some(error),
            OpenError::Engine(error) => Some(error),
            OpenError::TemporaryFiles(error) => Some(error),
        }
    }
}

/// Which statement of a script failed, counted from 1, and why.
#[derive(Debug)]
pub struct ScriptError {
    statement: usize,
    report: Report,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}: {}", self.statement, self.report)
    }
}

impl std::error::Error for ScriptError {}

impl Database {
    /// Opens the database in a directory, creating both if there is none.
    pub fn open(dir: impl AsRef<Path>) -> Result<Database, OpenError> {
        Self::open_with(dir, &Storing::default())
    }

    pub fn open_with(dir: impl AsRef<Path>, storing: &Storing) -> Result<Database, OpenError> {
        let options = Options {
            memory_budget_bytes: storing.memory_budget_bytes / 2,
            checkpoint_every_events: storing.checkpoint_every_events,
            idempotency_hot_cap: storing.idempotency_hot_cap,
            ..Options::default()
        };
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let sql_bytes = bytes(storing.memory_budget_bytes / 2);
        let query_bytes = storing.query_memory_bytes.map(bytes);
        let dir = dir.as_ref();
        let ledger = Ledger::open_with(dir, options).map_err(OpenError::Ledger)?;
        let engine =
            Engine::new(ledger.clone(), sql_bytes, query_bytes).map_err(OpenError::Engine)?;
        // The ledger holds the lock of the directory.
        let files = temporary_files::prepare(dir, storing.temporary_bytes_max)
            .map_err(OpenError::TemporaryFiles)?;
        let engine = match files {
            Some(files) => engine.spilling_to(files).map_err(OpenError::Engine)?,
            None => engine,
        };
        Ok(Database { ledger, engine })
    }

    /// Runs the statements of a text one after the other, each committing by itself, and stops at
    /// the first that fails.
    pub async fn run_script(&self, script: &str) -> Result<(), ScriptError> {
        let failed = |statement| {
            move |error: sql::Error| ScriptError { statement, report: Report::from(error) }
        };
        let identity = SessionIdentity {
            user: "tallybook".to_owned(),
            database: "tallybook".to_owned(),
            startup_settings: Vec::new(),
        };
        let mut session = self.engine.session(identity).map_err(failed(0))?;
        let statements = session.parse(script).map_err(failed(0))?;
        for (index, statement) in statements.into_iter().enumerate() {
            run(&mut session, statement).await.map_err(failed(index + 1))?;
        }
        Ok(())
    }

    /// Finishes what is being written and closes the log. Blocks until that is done.
    pub fn close(&self) {
        self.ledger.shutdown();
    }
}

async fn run(session: &mut Session, statement: Statement) -> sql::Result<()> {
    let prepared = session.prepare(statement, &[]).await?;
    match session.execute_alone(&prepared, &[]).await? {
        Answer::Rows { rows, .. } => {
            rows.map_err(sql::Error::from).try_for_each(|_| std::future::ready(Ok(()))).await
        }
        Answer::Cursor(_) => Err(sql::Error::unsupported("cursors in a script")),
        Answer::CopyOut(_) => Err(sql::Error::unsupported("COPY TO STDOUT in a script")),
        Answer::CopyIn(_) => Err(sql::Error::unsupported("COPY FROM STDIN in a script")),
        Answer::Written(_) | Answer::Held | Answer::Command { .. } | Answer::Empty => Ok(()),
    }
}
