//! From a place in a book to a place in the log.

use super::Part;
use super::fences::Block;
use super::file_chunks::Access;
use super::values::{column, unsigned};
use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
use ledger::{Lsn, Seq, Timestamp};
use std::io;
use std::ops::RangeInclusive;
use std::slice::from_ref;

/// Places of the columns.
const BOOK: usize = 0;
const SEQ: usize = 1;
const LSN: usize = 2;
const AT: usize = 3;

/// One event.
struct Place {
    seq: Seq,
    lsn: Lsn,
    at: Timestamp,
}

impl Part {
    /// Lsns of a book's events in this part whose seq lies in `seqs`, in order.
    pub(crate) fn lsns_of(&self, book: &str, seqs: RangeInclusive<u64>) -> io::Result<Vec<Lsn>> {
        let mut lsns = Vec::new();
        for block in self.sequence.fences().of_book(book) {
            let is_outside = block.is_of_one_book()
                && (block.high.seq < *seqs.start() || block.low.seq > *seqs.end());
            if !is_outside {
                let places = self.places(&block, book)?;
                let wanted = places.iter().filter(|place| seqs.contains(&place.seq.0));
                lsns.extend(wanted.map(|place| place.lsn));
            }
        }
        Ok(lsns)
    }

    /// The last event of a book in this part up to a cut: its seq and recorded time.
    pub(crate) fn book_head_at(
        &self,
        book: &str,
        cut: Lsn,
    ) -> io::Result<Option<(Seq, Timestamp)>> {
        for block in self.sequence.fences().of_book(book).rev() {
            if block.is_of_one_book() && block.low.lsn > cut.0 {
                continue;
            }
            let places = self.places(&block, book)?;
            if let Some(head) = places.iter().rev().find(|place| place.lsn <= cut) {
                return Ok(Some((head.seq, head.at)));
            }
        }
        Ok(None)
    }

    /// The events of a book in a block.
    fn places(&self, block: &Block<'_>, book: &str) -> io::Result<Vec<Place>> {
        if block.is_of_one_book() && *block.low.book != *book {
            return Ok(Vec::new());
        }
        let columns: &[usize] =
            if block.is_of_one_book() { &[SEQ, LSN, AT] } else { &[BOOK, SEQ, LSN, AT] };
        let mut places = Vec::new();
        for batch in self.sequence.read(from_ref(&block.rows), columns, Access::Point)? {
            let batch = batch?;
            let seqs: &Int64Array = column(&batch, "seq")?;
            let lsns: &Int64Array = column(&batch, "lsn")?;
            let times: &TimestampMicrosecondArray = column(&batch, "at")?;
            let books: Option<&StringArray> = match block.is_of_one_book() {
                true => None,
                false => Some(column(&batch, "book")?),
            };
            let rows = (0..batch.num_rows())
                .filter(|row| books.is_none_or(|books| books.value(*row) == book));
            places.extend(rows.map(|row| Place {
                seq: Seq(unsigned(seqs, row)),
                lsn: Lsn(unsigned(lsns, row)),
                at: Timestamp(times.value(row)),
            }));
        }
        Ok(places)
    }
}
