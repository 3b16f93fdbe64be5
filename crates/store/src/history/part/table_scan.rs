//! Scans of a table: columns of whole row groups out of the cache, beside those from the file.
//!
//! Owns which columns are worth keeping. Refuses to know which rows are wanted.
//!
//! Invariant: a column out of the cache comes in the batches in which the file gives it.

use super::super::column_cache::{ColumnCache, Place, Values};
use super::table::{Table, TableReader, bad};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// More columns than this are a look at rows, of which often only the first are wanted.
const KEPT_COLUMNS_MAX: usize = 6;

pub(super) type Batches = Box<dyn Iterator<Item = io::Result<RecordBatch>> + Send>;

/// Reads columns, named by their places in rising order, of ranges of rows, which rise too. Texts
/// come as the file codes them.
pub(super) fn scan(
    table: &Table,
    ranges: &[Range<u64>],
    columns: &[usize],
    cache: &ColumnCache,
) -> io::Result<Batches> {
    let whole = table.groups().position(|group| [group] == *ranges);
    let Some(group) = whole.filter(|_| columns.len() <= KEPT_COLUMNS_MAX) else {
        return Ok(Box::new(table.read_coded(ranges, columns)?));
    };
    let kept = columns.iter().map(|column| kept(table, group, *column, cache));
    let kept = kept.collect::<io::Result<Vec<_>>>()?;
    let others = columns.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
    let others: Vec<usize> = others.map(|(column, _)| *column).collect();
    if others.len() == columns.len() {
        return Ok(Box::new(table.read_coded(ranges, columns)?));
    }
    let read = match others.is_empty() {
        true => None,
        false => Some(table.read_coded(ranges, &others)?),
    };
    let schema = table.coded_schema(group)?.project(columns).map_err(io::Error::other)?;
    Ok(Box::new(Together { schema: Arc::new(schema), kept, read, index: 0 }))
}

/// A column of a row group out of the cache, or read into it if it is to stay there.
fn kept(
    table: &Table,
    group: usize,
    column: usize,
    cache: &ColumnCache,
) -> io::Result<Option<Values>> {
    let place = Place { table: table.id(), group, column };
    if let Some(values) = cache.get(place) {
        return Ok(Some(values));
    }
    if !cache.wants(place, table.decoded_bytes(group, column)) {
        return Ok(None);
    }
    let rows = table.groups().nth(group).ok_or_else(|| bad("lacks rows"))?;
    let batches = table.read_coded(std::slice::from_ref(&rows), &[column])?;
    let values = batches.map(|batch| batch.map(|batch| batch.column(0).clone()));
    let values = values.collect::<io::Result<Values>>()?;
    cache.keep(place, &values);
    Ok(Some(values))
}

/// Columns of the same rows as batches.
struct Together {
    schema: SchemaRef,
    /// `None` for what is read.
    kept: Vec<Option<Values>>,
    read: Option<TableReader>,
    index: usize,
}

impl Together {
    fn batch(&self, read: Option<&RecordBatch>) -> io::Result<RecordBatch> {
        let mut read = read.into_iter().flat_map(|batch| batch.columns().iter());
        let columns = self.kept.iter().map(|kept| match kept {
            Some(values) => values.get(self.index).cloned(),
            None => read.next().cloned(),
        });
        let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| bad("lacks rows"))?;
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl Iterator for Together {
    type Item = io::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.kept.iter().flatten().map(|values| values.len()).max();
        if self.index >= batches.unwrap_or_default() {
            return None;
        }
        let read = self
            .read
            .as_mut()
            .map(|reader| reader.next().unwrap_or_else(|| Err(bad("lacks rows"))));
        let batch = read.transpose().and_then(|read| self.batch(read.as_ref()));
        self.index += 1;
        Some(batch)
    }
}
