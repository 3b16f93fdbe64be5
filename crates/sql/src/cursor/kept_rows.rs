//! Rows that are kept in memory to be read again, or after the end of their block.
//!
//! Invariant: what is kept counts against the memory of queries, and is refused beyond it.

use crate::{Error, Result};
use datafusion::arrow::array::{Array, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use std::sync::Arc;

#[derive(Debug)]
pub struct KeptRows {
    reservation: MemoryReservation,
    batches: Vec<RecordBatch>,
    /// How many rows there are up to and with each batch.
    ends: Vec<usize>,
}

impl KeptRows {
    /// `holder` is what an error names as the one that needs the memory.
    pub(crate) fn new(holder: String, pool: &Arc<dyn MemoryPool>) -> Self {
        let reservation = MemoryConsumer::new(holder).register(pool);
        KeptRows { reservation, batches: Vec::new(), ends: Vec::new() }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// # Errors
    /// If queries may not have the memory.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.reservation.try_grow(bytes_of(&batch)).map_err(Error::from)?;
        self.ends.push(self.count() + batch.num_rows());
        self.batches.push(batch);
        Ok(())
    }

    /// The rows of a batch from its last to its first.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_reversed(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        let places = UInt64Array::from_iter_values((0..rows).rev());
        self.push(take_record_batch(batch, &places).map_err(DataFusionError::from)?)
    }

    /// Rows from a place on: at least one and at most `most`, or `None` if there are none.
    pub fn from(&self, place: usize, most: usize) -> Option<RecordBatch> {
        let index = self.ends.partition_point(|end| *end <= place);
        let batch = self.batches.get(index).filter(|_| most > 0)?;
        let start = self.ends[index] - batch.num_rows();
        let offset = place - start;
        Some(batch.slice(offset, most.min(batch.num_rows() - offset)))
    }

    /// The rows before a place: at least one and at most `most`, the last of them next to it.
    pub fn before(&self, place: usize, most: usize) -> Option<RecordBatch> {
        let last = place.min(self.count()).checked_sub(1)?;
        let index = self.ends.partition_point(|end| *end <= last);
        let batch = self.batches.get(index).filter(|_| most > 0)?;
        let start = self.ends[index] - batch.num_rows();
        let length = last - start + 1;
        let taken = most.min(length);
        Some(batch.slice(length - taken, taken))
    }
}

/// What the rows of a batch take, which may be a part of larger arrays.
fn bytes_of(batch: &RecordBatch) -> usize {
    let array = |array: &dyn Array| {
        let data = array.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| data.get_array_memory_size())
    };
    batch.columns().iter().map(|column| array(column.as_ref())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;
    use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    fn batch(numbers: std::ops::Range<i64>) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    fn numbers(batch: &RecordBatch) -> Vec<i64> {
        batch.column(0).as_primitive::<Int64Type>().values().to_vec()
    }

    fn pool(bytes: usize) -> Arc<dyn MemoryPool> {
        Arc::new(GreedyMemoryPool::new(bytes))
    }

    #[test]
    fn rows_are_found_from_every_place_in_both_directions() {
        let mut kept = KeptRows::new("cursor \"c\"".to_owned(), &pool(1 << 20));
        for part in [0..3, 3..3, 3..4, 4..9] {
            kept.push(batch(part)).unwrap();
        }
        assert_eq!(kept.count(), 9);
        for place in 0..=9 {
            for most in 0..=4 {
                let mut forward = Vec::new();
                let mut at = place;
                while let Some(rows) = kept.from(at, most) {
                    assert!((1..=most).contains(&rows.num_rows()), "{most} from {at}");
                    at += rows.num_rows();
                    forward.extend(numbers(&rows));
                }
                let mut back = Vec::new();
                let mut at = place;
                while let Some(rows) = kept.before(at, most) {
                    assert!((1..=most).contains(&rows.num_rows()), "{most} before {at}");
                    at -= rows.num_rows();
                    back.extend(numbers(&rows).into_iter().rev());
                }
                let wanted = |rows: Vec<i64>| if most == 0 { Vec::new() } else { rows };
                assert_eq!(forward, wanted((place as i64..9).collect()), "{most} from {place}");
                assert_eq!(back, wanted((0..place as i64).rev().collect()), "{most} to {place}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_given_back() {
        let pool = pool(100 * 8);
        let mut kept = KeptRows::new("cursor \"c\"".to_owned(), &pool);
        kept.push(batch(0..90)).unwrap();
        assert_eq!(*kept.push(batch(90..120)).unwrap_err().fault(), Fault::OutOfMemory);
        assert_eq!(kept.count(), 90);
        drop(kept);
        assert_eq!(pool.reserved(), 0);
    }
}
