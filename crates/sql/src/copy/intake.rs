//! A COPY that takes in its data.
//!
//! Invariant: a COPY without pieces writes nothing before its end. In pieces, whole pieces are
//! written while more data arrives, and an error tells what had been.

use super::options::Header;
use super::pieces::{CommittedRows, DATA_BYTES_MAX, Piece, Pieces, too_large};
use super::record::RecordReader;
use super::{CopiedRows, CopyFormat, CopyPlan, WIDTH_MAX};
use crate::insert::{Datum, DraftContext};
use crate::settings::SessionSettings;
use crate::{Error, Fault, MemoryBudget, MemoryCharge, PgType, Result, Value};
use std::borrow::Cow;
use std::sync::Arc;
use store::Ledger;

/// What an event takes in the log at the least, beside its values. Counting it bounds what short
/// rows take in memory before the store says that they do not fit; it refuses nothing that would.
const ROW_BYTES_MIN: usize = 100;

/// A COPY between its statement and [`crate::Session::finish_copy`].
///
/// After an error nothing more may be given to it.
#[derive(Debug)]
pub struct CopyIn {
    plan: Arc<CopyPlan>,
    ledger: Ledger,
    context: DraftContext,
    reader: RecordReader,
    header_pending: bool,
    /// Rows of the binary format so far.
    tuples: u64,
    /// Bytes of data since rows were last handed over.
    bytes: usize,
    row_bytes: usize,
    rows: CopiedRows,
    /// Counts what the rows hold.
    charge: MemoryCharge,
    sent: MemoryBudget,
    piece_rows: usize,
    /// From the first piece on.
    pieces: Option<Pieces>,
}

impl CopyIn {
    /// What it holds is counted in `sent`.
    pub(crate) fn new(
        plan: &Arc<CopyPlan>,
        ledger: &Ledger,
        settings: &SessionSettings,
        sent: &MemoryBudget,
    ) -> Self {
        CopyIn {
            plan: plan.clone(),
            ledger: ledger.clone(),
            context: DraftContext::for_many_rows(ledger, settings),
            reader: RecordReader::new(&plan.options),
            header_pending: plan.options.header != Header::None,
            tuples: 0,
            bytes: 0,
            row_bytes: 0,
            rows: CopiedRows::new(plan.table),
            charge: sent.holder(),
            sent: sent.clone(),
            piece_rows: plan.options.commit_every.unwrap_or(usize::MAX),
            pieces: None,
        }
    }

    pub fn format(&self) -> CopyFormat {
        self.plan.options.format
    }

    /// The types of the columns, in the order of the data.
    pub fn column_types(&self) -> Vec<PgType> {
        self.plan.targets.iter().map(|target| self.plan.table.column_type(*target)).collect()
    }

    pub fn column_name(&self, place: usize) -> &'static str {
        self.plan.table.column_name(self.plan.targets[place])
    }

    pub fn table_name(&self) -> &'static str {
        self.plan.table.name()
    }

    /// Why a COPY in pieces is refused where other statements are to stand or fall with it.
    pub fn pieces_in_block() -> Error {
        Error::new(
            Fault::ActiveBlock,
            "COPY with commit_every cannot run inside a transaction block",
        )
        .with_hint("Send it alone, or leave commit_every out: then it is part of the block.")
    }

    /// Whether rows are committed before the data ends.
    pub fn commits_in_pieces(&self) -> bool {
        self.plan.commits_in_pieces()
    }

    /// Takes in a piece of the data, cut anywhere. Waits while enough pieces are on their way.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let taken = self.take_in(bytes).await;
        self.settled(taken).await
    }

    /// Takes in a row of the binary format, which had so many bytes.
    pub async fn push_row(&mut self, values: &[Value], bytes: usize) -> Result<()> {
        let taken = self.take_values(values, bytes).await;
        self.settled(taken).await
    }

    /// Ends a COPY that will not be finished; tells what its pieces have committed, if it has any.
    ///
    /// # Errors
    /// That of a piece that failed before.
    pub async fn abandon(&mut self) -> Result<Option<CommittedRows>> {
        match self.pieces.take() {
            Some(pieces) => pieces.finish().await.map(Some),
            None if self.commits_in_pieces() => Ok(Some(CommittedRows::default())),
            None => Ok(None),
        }
    }

    /// Takes in what is left; gives the rows, for the block that commits them.
    pub(crate) fn finish(mut self) -> Result<CopiedRows> {
        self.reader.complete();
        while self.take_next_record()? {}
        Ok(self.rows)
    }

    /// Takes in what is left and waits until all pieces are committed; gives how many rows that are.
    pub(crate) async fn finish_pieces(mut self) -> Result<usize> {
        self.reader.complete();
        let taken = self.take_records().await;
        self.settled(taken).await?;
        let last = self.hand_over().await;
        self.settled(last).await?;
        let committed = self.abandon().await?.unwrap_or_default();
        Ok(usize::try_from(committed.rows).unwrap_or(usize::MAX))
    }

    /// Where pieces are on their way, an error waits for them and tells what they came to.
    async fn settled(&mut self, taken: Result<()>) -> Result<()> {
        let Err(error) = taken else { return Ok(()) };
        match self.abandon().await? {
            Some(committed) => Err(committed.told_with(error)),
            None => Err(error),
        }
    }

    async fn take_in(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > DATA_BYTES_MAX && !self.commits_in_pieces() {
            return Err(too_large());
        }
        self.reader.push(bytes);
        self.take_records().await?;
        // A piece that is not ended by its rows is one record without an end.
        if self.bytes > 2 * DATA_BYTES_MAX { Err(too_large()) } else { Ok(()) }
    }

    async fn take_records(&mut self) -> Result<()> {
        while self.take_next_record()? {
            if self.rows.rows.len() >= self.piece_rows {
                self.hand_over().await?;
            }
        }
        Ok(())
    }

    async fn take_values(&mut self, values: &[Value], bytes: usize) -> Result<()> {
        self.tuples += 1;
        let taken = self.take_tuple(values, bytes);
        taken.map_err(|error| self.at_line(error, self.tuples, None))?;
        if self.rows.rows.len() >= self.piece_rows { self.hand_over().await } else { Ok(()) }
    }

    /// Gives the rows so far to the store, behind those before them.
    async fn hand_over(&mut self) -> Result<()> {
        if self.rows.rows.is_empty() {
            return Ok(());
        }
        let charge = std::mem::replace(&mut self.charge, self.sent.holder());
        let piece = Piece::new(self.rows.take(), charge)?;
        self.bytes = 0;
        self.row_bytes = 0;
        let pieces = self.pieces.get_or_insert_with(|| Pieces::start(self.ledger.clone()));
        match pieces.push(piece).await {
            true => Ok(()),
            // Whoever settles this finds the error of the piece that failed.
            false => Err(Error::new(Fault::Internal, "a piece failed without an error")),
        }
    }

    fn take_next_record(&mut self) -> Result<bool> {
        let line = self.reader.line();
        match self.reader.next() {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => return Err(self.at_line(error, self.reader.line().max(line), None)),
        }
        let taken = match std::mem::take(&mut self.header_pending) {
            true => self.check_header(),
            false => self.take_record(),
        };
        match taken {
            Ok(()) => Ok(true),
            Err(error) => Err(self.at_line(error, self.reader.line(), Some(self.reader.written()))),
        }
    }

    /// Says where an error is: in a column if it names one, else in the line as it was written.
    fn at_line(&self, error: Error, line: u64, written: Option<&str>) -> Error {
        let place = format!("COPY {}, line {line}", self.table_name());
        let place = match (error.context(), written) {
            (Some(column), _) => format!("{place}, {column}"),
            (None, Some(written)) => format!("{place}: \"{}\"", shortened(written)),
            (None, None) => place,
        };
        error.with_context(place)
    }

    fn check_header(&self) -> Result<()> {
        let mismatch = |message| Err(Error::new(Fault::BadCopyFileFormat, message));
        if self.plan.options.header == Header::Skip {
            return Ok(());
        }
        let (found, expected) = (self.reader.len(), self.plan.targets.len());
        if found != expected {
            return mismatch(format!(
                "wrong number of fields in header line: got {found}, expected {expected}"
            ));
        }
        for place in 0..expected {
            let (expected, found) = (self.column_name(place), self.reader.text(place));
            let got = match self.reader.is_null(place) {
                true => format!("null value (\"{found}\")"),
                false if found == expected => continue,
                false => format!("\"{found}\""),
            };
            return mismatch(format!(
                "column name mismatch in header line field {}: got {got}, expected \"{expected}\"",
                place + 1
            ));
        }
        Ok(())
    }

    fn check_width(&self) -> Result<()> {
        let (found, expected) = (self.reader.len(), self.plan.targets.len());
        if found > expected {
            return Err(Error::new(
                Fault::BadCopyFileFormat,
                "extra data after last expected column",
            ));
        }
        if found < expected {
            let column = self.column_name(found);
            return Err(Error::new(
                Fault::BadCopyFileFormat,
                format!("missing data for column \"{column}\""),
            ));
        }
        Ok(())
    }

    fn take_record(&mut self) -> Result<()> {
        self.check_width()?;
        self.count(self.reader.written().len())?;
        let plan = &self.plan;
        let mut row: [Datum<'_>; WIDTH_MAX] = [const { Datum::Absent }; WIDTH_MAX];
        for (place, target) in plan.targets.iter().enumerate() {
            let text = self.reader.text(place);
            let is_null = match self.reader.is_null(place) {
                true => !plan.force_not_null[place],
                false => plan.force_null[place] && text == plan.options.null,
            };
            row[*target] = if is_null { Datum::Null } else { Datum::Text(Cow::Borrowed(text)) };
        }
        let row = self.context.draft(plan.table, &row)?;
        self.rows.push(row, self.reader.line());
        Ok(())
    }

    fn take_tuple(&mut self, values: &[Value], bytes: usize) -> Result<()> {
        self.count(bytes)?;
        let mut row: [Datum<'_>; WIDTH_MAX] = [const { Datum::Absent }; WIDTH_MAX];
        for (target, value) in self.plan.targets.iter().zip(values) {
            row[*target] = Datum::from(value);
        }
        let row = self.context.draft(self.plan.table, &row)?;
        self.rows.push(row, self.tuples);
        Ok(())
    }

    /// Counts what a row takes of the bound on what is committed at once.
    fn count(&mut self, bytes: usize) -> Result<()> {
        self.row_bytes += bytes + ROW_BYTES_MIN;
        if self.row_bytes > DATA_BYTES_MAX {
            return Err(too_large());
        }
        self.charge.hold(self.row_bytes)
    }
}

/// As much of a line as Postgres shows.
fn shortened(written: &str) -> Cow<'_, str> {
    match written.char_indices().nth(100) {
        Some((end, _)) => Cow::Owned(format!("{}...", &written[..end])),
        None => Cow::Borrowed(written),
    }
}
