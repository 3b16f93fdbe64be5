//! Handing rows to the store in pieces, while more are read.
//!
//! Invariant: pieces are committed in the order of the data, and nothing behind a piece that is
//! refused. A piece is handed over when the one before it is decided, so several can be on their
//! way to the disk, and what is refused stops all that follows.

use super::rows::{CopiedRows, in_copied_row};
use crate::insert::{RowWrite, Submitted, Table, commit_error, submit_group};
use crate::{Error, Fault, MemoryCharge};
use ledger::Draft;
use std::collections::VecDeque;
use std::sync::Arc;
use store::{CommitError, Ledger, Terms};
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

    fn and(self, piece: &Piece) -> Self {
        let line = piece.lines.last().copied().unwrap_or(self.line);
        CommittedRows { rows: self.rows + piece.drafts.len() as u64, line, ..self }
    }
}

/// Rows that are committed together, once they are complete.
#[derive(Debug)]
pub(super) struct Piece {
    table: Table,
    drafts: Arc<Vec<Draft>>,
    lines: Vec<u64>,
    /// Counts what the drafts hold until they are on their way.
    _charge: MemoryCharge,
}

impl Piece {
    /// # Errors
    /// For a row that completes what another statement has begun.
    pub(super) fn new(rows: CopiedRows, charge: MemoryCharge) -> Result<Self, Error> {
        let CopiedRows { table, rows, lines } = rows;
        let drafts = rows.into_iter().map(|row| match row {
            RowWrite::Draft(draft) => Ok(draft),
            RowWrite::Posting(_) => {
                Err(Error::new(Fault::Internal, "a posting was copied outside of a block"))
            }
        });
        let drafts = Arc::new(drafts.collect::<Result<_, _>>()?);
        Ok(Piece { table, drafts, lines, _charge: charge })
    }

    fn refused(&self, error: CommitError) -> Error {
        let index = match &error {
            CommitError::FrameTooLarge { .. } => return too_large(),
            CommitError::Rejected { index, .. } => Some(*index),
            _ => None,
        };
        let error = commit_error(error, &self.drafts, "COPY");
        let row = index.and_then(|index| Some((self.lines.get(index)?, self.drafts.get(index)?)));
        match row {
            Some((line, draft)) => {
                in_copied_row(error, self.table, *line, &RowWrite::Draft(draft.clone()))
            }
            None => error,
        }
    }
}

/// Decides a piece, once there is room for it.
async fn submit(ledger: &Ledger, terms: &Arc<Terms>, piece: &Piece) -> Result<Submitted, Error> {
    let submitted = match submit_group(ledger, &piece.drafts, terms).await {
        // Why it is refused is told later; that it is stops what follows now.
        Ok(Submitted::InFlight(ticket)) if ticket.is_refused() => ticket.await.map(Submitted::Done),
        submitted => submitted,
    };
    submitted.map_err(|error| piece.refused(error))
}

fn without_row(error: CommitError) -> Error {
    commit_error(error, &[], "COPY")
}

/// The most bytes of data that are committed at once: those of one frame of the log.
pub(super) const DATA_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn too_large() -> Error {
    Error::new(
        Fault::ProgramLimitExceeded,
        format!("rows of more than {DATA_BYTES_MAX} bytes cannot be committed at once"),
    )
    .with_detail("They are written as one frame of the log, which has a limit.")
    .with_hint(
        "Let the COPY commit in pieces: COPY … WITH (commit_every 10000). Rows of more than a few \
         kilobytes need a smaller number.",
    )
}

/// Commits pieces as they come.
#[derive(Debug)]
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
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
    pub(super) async fn push(&self, piece: Piece) -> bool {
        self.sender.send(piece).await.is_ok()
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

async fn commit_in_order(ledger: Ledger, mut pieces: mpsc::Receiver<Piece>) -> Ended {
    let mut in_flight = InFlight::default();
    let mut refused = None;
    let terms = Arc::default();
    loop {
        let piece = tokio::select! {
            biased;
            oldest = in_flight.oldest(), if !in_flight.is_empty() => match oldest {
                Ok(()) => continue,
                Err(error) => return in_flight.ended(Some(error)),
            },
            piece = pieces.recv(), if in_flight.has_room() => piece,
        };
        let Some(piece) = piece else { break };
        let behind = in_flight.last.and(&piece);
        match submit(&ledger, &terms, &piece).await {
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
