//! What a block has written so far: rows in the order they were sent, staged until it ends.
//!
//! Rows are decided twice. Tentatively when somebody has to know (the client of an explicit block,
//! a Flush, a read inside of the block), and for good when the block commits, as one group.
//!
//! Invariant: `staged` shows exactly the rows before `decided`, so a read never sees half a block.

mod answering;
mod assembly;
mod deciding;
mod staged;
mod yielding;

pub(crate) use assembly::Group;
pub(crate) use deciding::Refused;

use super::statement::WriteStatement;
use crate::insert::{Recorded, RowWrite};
use crate::provider::ReadBooks;
use crate::{Error, Fault, MemoryBudget, MemoryCharge, Result, WriteAnswer};
use ledger::{BookName, Draft, Event, EventBody, Lsn, TransactionContent, Uuid};
use staged::{Staged, StagedPlace};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use store::{StagedWrites, View};

/// The most bytes that a block may hold. More could never fit one frame of the log.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The writes of one block, explicit or implicit.
#[derive(Debug)]
pub(crate) struct BlockWrites {
    statements: Vec<StagedStatement>,
    /// Statements before this one have been answered.
    answered: usize,
    rows: Vec<BlockRow>,
    staged: Staged,
    /// Rows before this one have been decided tentatively.
    decided: usize,
    /// What others had committed when that was last looked at.
    seen: Lsn,
    bytes: usize,
    charge: MemoryCharge,
    /// The rows of transactions by id, once postings ask for them.
    transactions: HashMap<Uuid, usize>,
}

#[derive(Debug)]
struct StagedStatement {
    statement: WriteStatement,
    rows: Range<usize>,
}

#[derive(Debug)]
struct BlockRow {
    write: RowWrite,
    came_to: CameTo,
    /// How much was staged with it, once it is decided.
    staged_after: StagedPlace,
}

/// What a row came to when it was decided tentatively.
#[derive(Debug)]
enum CameTo {
    Undecided,
    New(EventBody),
    /// A transaction that is assembled although its key is committed: COMMIT will tell.
    SetAside(EventBody),
    Replayed(Arc<Event>),
    /// The same as an earlier row of the block.
    Repeated(EventBody),
    Unchanged,
    Skipped,
    Leg(Leg),
}

/// Where a row of `postings` went.
#[derive(Debug, Clone, Copy)]
struct Leg {
    /// The row of its transaction.
    transaction: usize,
    /// Its place among the transaction's postings.
    index: usize,
}

/// A savepoint's place in the writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WritesMark {
    statements: usize,
    rows: usize,
    bytes: usize,
}

impl BlockWrites {
    /// Nothing yet; what comes is counted in `sent`.
    pub(crate) fn new(sent: &MemoryBudget) -> Self {
        BlockWrites {
            statements: Vec::new(),
            answered: 0,
            rows: Vec::new(),
            staged: Staged::default(),
            decided: 0,
            seen: Lsn::default(),
            bytes: 0,
            charge: sent.holder(),
            transactions: HashMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Takes in a statement's rows, undecided.
    ///
    /// # Errors
    /// If the block would hold more than it may.
    pub(crate) fn push(&mut self, statement: WriteStatement, rows: Vec<RowWrite>) -> Result<()> {
        let bytes =
            self.bytes + statement.bytes() + rows.iter().map(RowWrite::bytes).sum::<usize>();
        if bytes > BYTES_MAX {
            return Err(too_large(statement.verb()));
        }
        self.charge.hold(bytes)?;
        self.bytes = bytes;
        let start = self.rows.len();
        let staged_after = self.staged.place();
        let rows = rows.into_iter();
        let rows = rows.map(|write| BlockRow { write, came_to: CameTo::Undecided, staged_after });
        self.rows.extend(rows);
        let rows = start..self.rows.len();
        self.statements.push(StagedStatement { statement, rows });
        Ok(())
    }

    /// A view that shows what has been decided here beside what it shows already.
    pub(crate) fn shown_in(&self, view: View) -> View {
        match self.staged.shown.is_empty() {
            true => view,
            false => view.with_staged(self.staged.shown.clone()),
        }
    }

    /// Whether a row is, or waits for, a posting sent by itself, and has not been decided.
    pub(crate) fn needs_assembly(&self) -> bool {
        self.rows.iter().skip(self.decided).any(|row| match &row.write {
            RowWrite::Posting(_) => true,
            RowWrite::Draft(draft) => is_begun(draft),
        })
    }

    /// What a savepoint remembers. Everything has been decided by then.
    pub(crate) fn mark(&self) -> WritesMark {
        WritesMark { statements: self.statements.len(), rows: self.rows.len(), bytes: self.bytes }
    }

    pub(crate) fn roll_back_to(&mut self, mark: WritesMark) {
        self.statements.truncate(mark.statements);
        self.answered = self.answered.min(mark.statements);
        self.rows.truncate(mark.rows);
        self.transactions.retain(|_, row| *row < mark.rows);
        self.bytes = mark.bytes;
        // Holding less is never refused.
        let _ = self.charge.hold(mark.bytes);
        self.decided = self.decided.min(mark.rows);
        let staged = match self.rows.last() {
            Some(last) => last.staged_after,
            None => Staged::default().place(),
        };
        self.staged.roll_back_to(staged);
    }

    /// Answers of the statements that have none yet, as they stand: nothing has a place in the
    /// log. All their rows have been decided.
    pub(crate) fn tentative_answers(
        &mut self,
        statements: usize,
        view: &View,
    ) -> Result<Vec<WriteAnswer>> {
        let view = self.shown_in(view.clone());
        let mut answers = Vec::new();
        let unanswered = self.statements.iter().take(statements).skip(self.answered);
        for StagedStatement { statement, rows, .. } in unanswered {
            let counting = rows.clone().filter(|row| self.counts(*row, statement));
            if !statement.returns_rows() {
                answers.push(statement.answer(&[], counting.count())?);
                continue;
            }
            let recorded: Vec<Recorded> =
                counting.map(|row| self.tentative(row, &view)).collect::<Result<_>>()?;
            answers.push(statement.answer(&recorded, recorded.len())?);
        }
        self.answered = self.answered.max(statements);
        Ok(answers)
    }

    /// Notes the books of replays that the last statement shows: it has read them.
    pub(crate) fn note_replays(&self, reads: &ReadBooks) {
        let Some(StagedStatement { statement, rows }) = self.statements.last() else { return };
        for row in &self.rows[rows.clone()] {
            if let CameTo::Replayed(event) = &row.came_to
                && statement.returns_rows()
            {
                reads.add(event.book.clone());
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.statements.len()
    }

    /// Names the statement in messages about the whole block, if there is only one.
    pub(crate) fn verb(&self) -> &'static str {
        match self.statements.as_slice() {
            [only] => only.statement.verb(),
            _ => "COMMIT",
        }
    }

    /// Whether a row is in its statement's tag: ON CONFLICT DO NOTHING leaves out what was there.
    fn counts(&self, row: usize, statement: &WriteStatement) -> bool {
        match &self.rows[row].came_to {
            CameTo::Skipped => false,
            CameTo::Replayed(_) | CameTo::Repeated(_) => statement.skips().is_none(),
            _ => true,
        }
    }

    /// What a row has come to, before the block commits.
    fn tentative(&self, row: usize, view: &View) -> Result<Recorded> {
        let BlockRow { write, came_to, .. } = &self.rows[row];
        match came_to {
            CameTo::New(body) | CameTo::SetAside(body) => {
                Recorded::staged(book_of(write), body, false, view)
            }
            CameTo::Repeated(body) => Recorded::staged(book_of(write), body, true, view),
            CameTo::Replayed(event) => Recorded::of_event(event.clone(), true, view),
            CameTo::Unchanged => Recorded::unchanged(write, view),
            CameTo::Leg(leg) => {
                let (book, transaction) = self.transaction_of(*leg)?;
                Ok(Recorded::leg_of_staged(book, transaction, leg.index))
            }
            CameTo::Undecided | CameTo::Skipped => {
                Err(Error::new(Fault::Internal, "a row was shown before it was decided"))
            }
        }
    }

    /// Where the transaction of a row is staged.
    fn staged_with(&self, row: usize) -> &StagedWrites {
        match self.rows[row].came_to {
            CameTo::SetAside(_) => &self.staged.aside,
            _ => &self.staged.shown,
        }
    }

    /// The transaction of a leg as it is staged so far.
    fn transaction_of(&self, leg: Leg) -> Result<(BookName, Arc<ledger::Transaction>)> {
        let found = match &self.rows[leg.transaction].write {
            RowWrite::Draft(Draft::PostTransaction(draft)) => {
                self.staged_with(leg.transaction).transaction(draft.tx_id)
            }
            _ => None,
        };
        found.ok_or_else(|| Error::new(Fault::Internal, "a posting lost its transaction"))
    }

    /// The statement that a row is of, and the row's place in it.
    pub(crate) fn statement_of(&self, row: usize) -> usize {
        self.statements.partition_point(|statement| statement.rows.end <= row)
    }

    /// Names a row's place in its statement.
    pub(crate) fn place(&self, error: Error, row: usize) -> Error {
        match self.statements.get(self.statement_of(row)) {
            Some(StagedStatement { statement, rows, .. }) => {
                statement.place(error, row - rows.start, rows.len(), &self.rows[row].write)
            }
            None => error,
        }
    }
}

/// A transaction that was sent without postings: those follow in rows of their own.
fn is_begun(draft: &Draft) -> bool {
    match draft {
        Draft::PostTransaction(draft) => {
            matches!(&draft.content, TransactionContent::Postings(postings) if postings.is_empty())
        }
        _ => false,
    }
}

fn book_of(write: &RowWrite) -> BookName {
    match write {
        RowWrite::Draft(draft) => draft.book(),
        RowWrite::Posting(row) => row.book.clone().unwrap_or_else(BookName::system),
    }
}

fn too_large(verb: &str) -> Error {
    Error::new(
        Fault::ProgramLimitExceeded,
        format!("{verb} makes the transaction block larger than {BYTES_MAX} bytes"),
    )
    .with_detail("A block is written as one frame of the log, which has a limit.")
    .with_hint("Nothing of it was written. Commit in smaller blocks.")
}
