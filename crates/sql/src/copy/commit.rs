//! Handing rows to the store: all at once, or in pieces while more are read.
//!
//! Invariant: pieces are committed in the order of the data, and nothing behind a piece that is
//! refused. A piece is handed over when the one before it is decided, so several can be on their
//! way to the disk, and what is refused stops all that follows.

use super::rows::CopiedRows;
use crate::insert::commit_error;
use crate::{Error, Fault};
use futures::FutureExt;
use std::collections::VecDeque;
use std::sync::Arc;
use store::{CommitError, Ledger, Ticket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces that are decided and not yet durable. The store bounds their bytes too.
const IN_FLIGHT_MAX: usize = 4;
/// Pieces that wait to be decided, beside the one that is being read.
const WAITING_MAX: usize = 1;

/// What a COPY in pieces has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommittedRows {
    pub rows: u64,
    /// The line of the last of them.
    pub line: u64,
    /// What came behind them may have been committed too: the disk failed.
    is_open: bool,
}

impl CommittedRows {
    pub const HINT: &str = "Loading the same data again from the start is safe: rows that are \
                            there already are found by their keys and not added twice.";

    /// In words, for whoever reads why the rest was not.
    pub fn detail(&self) -> String {
        let behind = if self.is_open { "what came after is not known" } else { "nothing after" };
        match self.rows {
            0 if self.is_open => "Whether rows were committed before it is not known.".to_owned(),
            0 => "No rows were committed.".to_owned(),
            1 => format!("1 row was committed before it, in line {}; {behind}.", self.line),
            rows => {
                format!("{rows} rows were committed before it, up to line {}; {behind}.", self.line)
            }
        }
    }

    /// Adds them to the error that ended the COPY.
    pub(super) fn told_with(mut self, error: Error) -> Error {
        self.is_open = matches!(error.fault(), Fault::Commit(CommitError::OutcomeUnknown));
        let detail = match error.detail() {
            Some(detail) => format!("{detail} {}", self.detail()),
            None => self.detail(),
        };
        let hint = match error.hint() {
            Some(hint) => format!("{hint} {}", Self::HINT),
            None => Self::HINT.to_owned(),
        };
        error.with_detail(detail).with_hint(hint)
    }

    fn and(self, rows: &CopiedRows) -> Self {
        CommittedRows { rows: self.rows + rows.len() as u64, line: rows.last_line(), ..self }
    }
}

/// Commits all rows as one group.
pub(super) async fn commit_all(ledger: &Ledger, rows: CopiedRows) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    match submit(ledger, Arc::new(rows)).await? {
        Submitted::Committed => Ok(()),
        Submitted::InFlight(ticket) => ticket.await.map(|_| ()).map_err(without_row),
    }
}

#[derive(Debug)]
enum Submitted {
    Committed,
    /// Decided, and on its way to the disk.
    InFlight(Ticket),
}

/// Decides the rows off the async threads, as it takes milliseconds, once there is room for them.
async fn submit(ledger: &Ledger, rows: Arc<CopiedRows>) -> Result<Submitted, Error> {
    loop {
        let deciding = {
            let (ledger, rows) = (ledger.clone(), rows.clone());
            tokio::task::spawn_blocking(move || ledger.submit(rows.drafts()))
        };
        let mut ticket = match deciding.await {
            Ok(ticket) => ticket,
            // The thread panicked or the runtime is going down: it may have been staged.
            Err(_) => return Err(without_row(CommitError::OutcomeUnknown)),
        };
        let answered = match ticket.is_refused() {
            true => Some((&mut ticket).await),
            false => (&mut ticket).now_or_never(),
        };
        let book = match answered {
            None => return Ok(Submitted::InFlight(ticket)),
            Some(Ok(_)) => return Ok(Submitted::Committed),
            Some(Err(CommitError::Busy { book })) => book,
            Some(Err(error)) => return Err(in_row(error, &rows)),
        };
        ledger.wait_for_room(&book).await.map_err(without_row)?;
    }
}

fn in_row(error: CommitError, rows: &CopiedRows) -> Error {
    if let CommitError::FrameTooLarge { .. } = error {
        return too_large();
    }
    let index = match &error {
        CommitError::Rejected { index, .. } => Some(*index),
        _ => None,
    };
    let error = commit_error(error, rows.drafts(), "COPY");
    match index {
        Some(index) => rows.in_row(index, error),
        None => error,
    }
}

fn without_row(error: CommitError) -> Error {
    commit_error(error, &[], "COPY")
}

/// The most bytes of data that are committed at once: those of one frame of the log.
pub(super) const DATA_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn too_large() -> Error {
    Error::new(
        Fault::ProgramLimitExceeded,
        format!(
            "rows that take more than {DATA_BYTES_MAX} bytes of the log cannot be committed at once"
        ),
    )
    .with_hint(
        "A COPY is all or nothing. Let it commit in pieces: COPY … WITH (commit_every 10000); \
         rows of more than a few kilobytes need a smaller number.",
    )
}

/// Commits pieces as they come.
#[derive(Debug)]
pub(super) struct Pieces {
    sender: mpsc::Sender<CopiedRows>,
    committer: JoinHandle<Ended>,
}

#[derive(Debug)]
struct Ended {
    committed: CommittedRows,
    error: Option<Error>,
}

impl Pieces {
    /// Inside of a tokio runtime.
    pub(super) fn start(ledger: Ledger) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Pieces { sender, committer: tokio::spawn(commit_in_order(ledger, receiver)) }
    }

    /// Hands over the next piece, and waits while enough are on their way. `false`: an earlier one
    /// has failed, as [`Pieces::finish`] tells.
    pub(super) async fn push(&self, rows: CopiedRows) -> bool {
        self.sender.send(rows).await.is_ok()
    }

    /// Waits for all pieces; the error is that of the first one that failed.
    pub(super) async fn finish(self) -> Result<CommittedRows, Error> {
        drop(self.sender);
        let ended = self.committer.await.unwrap_or_else(|_| Ended {
            committed: CommittedRows::default(),
            error: Some(without_row(CommitError::OutcomeUnknown)),
        });
        match ended.error {
            None => Ok(ended.committed),
            Some(error) => Err(ended.committed.told_with(error)),
        }
    }
}

async fn commit_in_order(ledger: Ledger, mut pieces: mpsc::Receiver<CopiedRows>) -> Ended {
    let mut in_flight = InFlight::default();
    let mut refused = None;
    loop {
        let piece = tokio::select! {
            biased;
            oldest = in_flight.oldest(), if !in_flight.is_empty() => match oldest {
                Ok(()) => continue,
                Err(error) => return in_flight.ended(Some(error)),
            },
            piece = pieces.recv(), if in_flight.has_room() => piece,
        };
        let Some(rows) = piece else { break };
        let behind = in_flight.last.and(&rows);
        match submit(&ledger, Arc::new(rows)).await {
            Ok(submitted) => in_flight.push(behind, submitted),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    // Nothing more is taken, but what is on its way is awaited to its real outcome.
    drop(pieces);
    while !in_flight.is_empty() {
        if let Err(error) = in_flight.oldest().await {
            return in_flight.ended(Some(error));
        }
    }
    in_flight.ended(refused)
}

/// Pieces that are decided, oldest first.
#[derive(Debug, Default)]
struct InFlight {
    committed: CommittedRows,
    /// What will be committed once all are.
    last: CommittedRows,
    pieces: VecDeque<(CommittedRows, Submitted)>,
}

impl InFlight {
    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn has_room(&self) -> bool {
        self.pieces.len() < IN_FLIGHT_MAX
    }

    fn push(&mut self, behind: CommittedRows, submitted: Submitted) {
        self.last = behind;
        self.pieces.push_back((behind, submitted));
    }

    /// Waits for the oldest. Safe to drop while it waits.
    async fn oldest(&mut self) -> Result<(), Error> {
        let Some((behind, submitted)) = self.pieces.front_mut() else { return Ok(()) };
        if let Submitted::InFlight(ticket) = submitted {
            ticket.await.map_err(without_row)?;
        }
        self.committed = *behind;
        self.pieces.pop_front();
        Ok(())
    }

    fn ended(self, error: Option<Error>) -> Ended {
        Ended { committed: self.committed, error }
    }
}
