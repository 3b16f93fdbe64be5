//! Point reads of one account's postings.
//!
//! The rows of an account stand together, in order of lsn. Fences name the blocks they can be in;
//! the keys of a block say which of its rows they are; only those are read whole.

use super::Part;
use super::content::SealedPosting;
use super::fences::Block;
use super::file_chunks::Access;
use super::posting_columns::{SEALED_COLUMNS, sealed_postings};
use super::schema::posting;
use super::values::{column, unsigned};
use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
use ledger::{Event, EventBody, Lsn, Seq};
use std::collections::BTreeSet;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::slice::from_ref;

/// Which postings are wanted.
struct Wanted<'a> {
    book: &'a str,
    path: &'a str,
    lsns: RangeInclusive<u64>,
    from_seq: Seq,
}

impl Wanted<'_> {
    /// Whether the bounds of a block say that no row is wanted.
    fn excludes(&self, block: &Block<'_>) -> bool {
        (block.is_of_one_book() && *block.low.book != *self.book)
            || (block.is_of_one_account()
                && (*block.low.path != *self.path
                    || block.high.lsn < *self.lsns.start()
                    || block.low.lsn > *self.lsns.end()
                    || block.high.seq < self.from_seq.0))
    }

    /// What must be compared row by row, because the bounds of a block do not tell.
    fn open_questions(&self, block: &Block<'_>) -> Vec<usize> {
        let is_of_one_account = block.is_of_one_account();
        let lsns_are_within = is_of_one_account
            && block.low.lsn >= *self.lsns.start()
            && block.high.lsn <= *self.lsns.end();
        let seqs_are_within = match is_of_one_account {
            true => block.low.seq >= self.from_seq.0,
            false => self.from_seq <= Seq(1),
        };
        let questions = [
            (!block.is_of_one_book()).then_some(posting::BOOK),
            (!seqs_are_within).then_some(posting::SEQ),
            (!lsns_are_within).then_some(posting::LSN),
            (!is_of_one_account).then_some(posting::ACCOUNT),
        ];
        questions.into_iter().flatten().collect()
    }

    /// Which rows of a batch are wanted, as far as its columns tell.
    fn matches(&self, batch: &RecordBatch) -> io::Result<Vec<bool>> {
        let seqs: Option<&Int64Array> = column_if_read(batch, "seq")?;
        let lsns: Option<&Int64Array> = column_if_read(batch, "lsn")?;
        let books: Option<&StringArray> = column_if_read(batch, "book")?;
        let paths: Option<&StringArray> = column_if_read(batch, "account")?;
        Ok((0..batch.num_rows())
            .map(|row| {
                paths.is_none_or(|paths| paths.value(row) == self.path)
                    && books.is_none_or(|books| books.value(row) == self.book)
                    && lsns.is_none_or(|lsns| self.lsns.contains(&unsigned(lsns, row)))
                    && seqs.is_none_or(|seqs| unsigned(seqs, row) >= self.from_seq.0)
            })
            .collect())
    }
}

fn column_if_read<'a, A: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> io::Result<Option<&'a A>> {
    match batch.column_by_name(name) {
        Some(_) => column(batch, name).map(Some),
        None => Ok(None),
    }
}

impl Part {
    /// The postings of an account whose lsn lies in `lsns`, from a seq on, oldest first, at most
    /// `limit`.
    pub(crate) fn account_postings(
        &self,
        book: &str,
        path: &str,
        lsns: RangeInclusive<u64>,
        from_seq: Seq,
        limit: usize,
    ) -> io::Result<Vec<SealedPosting>> {
        let wanted = Wanted { book, path, lsns, from_seq };
        let mut postings = Vec::new();
        for block in self.postings.fences().of_account(book, path) {
            let left = (limit - postings.len()) as u64;
            if left == 0 {
                break;
            }
            let rows = self.wanted_rows(&block, &wanted)?;
            let rows = rows.start..rows.end.min(rows.start.saturating_add(left));
            postings.extend(self.read_sealed(rows)?);
        }
        Ok(postings)
    }

    /// The last postings of an account whose lsn lies in `lsns`, newest first, at most `limit`.
    pub(crate) fn newest_account_postings(
        &self,
        book: &str,
        path: &str,
        lsns: RangeInclusive<u64>,
        limit: usize,
    ) -> io::Result<Vec<SealedPosting>> {
        let wanted = Wanted { book, path, lsns, from_seq: Seq(0) };
        let mut postings = Vec::new();
        for block in self.postings.fences().of_account(book, path).rev() {
            let left = (limit - postings.len()) as u64;
            if left == 0 {
                break;
            }
            let rows = self.wanted_rows(&block, &wanted)?;
            let rows = rows.end.saturating_sub(left).max(rows.start)..rows.end;
            postings.extend(self.read_sealed(rows)?.into_iter().rev());
        }
        Ok(postings)
    }

    /// The last posting of an account up to a cut.
    pub(crate) fn last_posting(
        &self,
        book: &str,
        path: &str,
        cut: Lsn,
    ) -> io::Result<Option<SealedPosting>> {
        let wanted = Wanted { book, path, lsns: 0..=cut.0, from_seq: Seq(0) };
        for block in self.postings.fences().of_account(book, path).rev() {
            let rows = self.wanted_rows(&block, &wanted)?;
            if !rows.is_empty() {
                return Ok(self.read_sealed(rows.end - 1..rows.end)?.pop());
            }
        }
        Ok(None)
    }

    /// The legs of a transaction of this part, in their order.
    pub(crate) fn postings_of(&self, event: &Event) -> io::Result<Vec<SealedPosting>> {
        let EventBody::TransactionPosted(transaction) = &event.body else { return Ok(Vec::new()) };
        let paths: BTreeSet<&str> =
            transaction.postings.iter().map(|leg| leg.account.as_str()).collect();
        let lsns = event.lsn.0..=event.lsn.0;
        let mut legs = Vec::with_capacity(transaction.postings.len());
        for path in paths {
            let book = event.book.as_str();
            legs.extend(self.account_postings(book, path, lsns.clone(), Seq(0), usize::MAX)?);
        }
        legs.sort_unstable_by_key(|leg| leg.index);
        Ok(legs)
    }

    /// The rows of a block that are wanted: they stand together.
    fn wanted_rows(&self, block: &Block<'_>, wanted: &Wanted<'_>) -> io::Result<Range<u64>> {
        if wanted.excludes(block) {
            return Ok(0..0);
        }
        let columns = wanted.open_questions(block);
        if columns.is_empty() {
            return Ok(block.rows.clone());
        }
        let mut first = None;
        let mut end = 0;
        let mut row = block.rows.start;
        for batch in self.postings.read(from_ref(&block.rows), &columns, Access::Point)? {
            let batch = batch?;
            for matches in wanted.matches(&batch)? {
                if matches {
                    first = first.or(Some(row));
                    end = row + 1;
                }
                row += 1;
            }
        }
        Ok(first.map_or(0..0, |first| first..end))
    }

    fn read_sealed(&self, rows: Range<u64>) -> io::Result<Vec<SealedPosting>> {
        let mut postings = Vec::new();
        if rows.is_empty() {
            return Ok(postings);
        }
        for batch in self.postings.read(from_ref(&rows), &SEALED_COLUMNS, Access::Point)? {
            let batch = batch?;
            postings.extend(sealed_postings(&batch, 0..batch.num_rows())?);
        }
        Ok(postings)
    }
}
