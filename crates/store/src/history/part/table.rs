//! Reads one table of a part.
//!
//! The footer is parsed once, at opening, and shared by all readers.

use super::super::checked_file::{CheckedFile, Checks};
use super::super::column_cache::ColumnCache;
use super::coded_texts::CodedTexts;
use super::fences::Fences;
use super::file_chunks::{Access, FileChunks, from_parquet};
use crate::storage::Storage;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most rows of a batch.
pub(super) const BATCH_ROWS: usize = 8_192;

/// What a batch should not be much larger than.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// Numbers the tables that are opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub(super) struct Table {
    /// Different for every table that was ever opened.
    id: u64,
    file: Arc<CheckedFile>,
    metadata: ArrowReaderMetadata,
    coded: CodedTexts,
    fences: Fences,
    /// The first row of each row group, and the end of the last.
    group_rows: Vec<u64>,
    batch_rows: usize,
}

impl Table {
    /// Opens a table that must have one of the schemas.
    pub(super) fn open(
        storage: &dyn Storage,
        path: &Path,
        checks: Checks,
        fences: Fences,
        schemas: &[SchemaRef],
    ) -> io::Result<Self> {
        let file = Arc::new(CheckedFile::open(storage, path, checks)?);
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Required)
            .with_column_index_policy(PageIndexPolicy::Skip);
        let chunks = FileChunks::new(file.clone(), Access::Scan);
        let metadata = ArrowReaderMetadata::load(&chunks, options).map_err(from_parquet)?;
        if !schemas.iter().any(|schema| schema.fields() == metadata.schema().fields()) {
            return Err(bad("has other columns"));
        }
        let mut group_rows = vec![0];
        let mut row_bytes_max = 1;
        let mut rows = 0;
        for group in metadata.metadata().row_groups() {
            let group_length = group.num_rows().max(0).cast_unsigned();
            rows += group_length;
            group_rows.push(rows);
            let bytes = group.total_byte_size().max(0).cast_unsigned();
            row_bytes_max = row_bytes_max.max(bytes / group_length.max(1));
        }
        if rows != fences.rows() || !fences.are_sound() {
            return Err(bad("does not have the rows that the manifest names"));
        }
        let batch_rows = (BATCH_BYTES / row_bytes_max).clamp(1, BATCH_ROWS as u64) as usize;
        let id = OPENED.fetch_add(1, Ordering::Relaxed);
        let coded = CodedTexts::of(&metadata);
        Ok(Table { id, file, metadata, coded, fences, group_rows, batch_rows })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    pub(super) fn fences(&self) -> &Fences {
        &self.fences
    }

    pub(super) fn file(&self) -> &CheckedFile {
        &self.file
    }

    /// The rows of each row group.
    pub(super) fn groups(&self) -> impl Iterator<Item = Range<u64>> + use<'_> {
        self.group_rows.windows(2).map(|bounds| bounds[0]..bounds[1])
    }

    /// Reads columns, named by their places in rising order, of ranges of rows, which rise too.
    pub(super) fn read(
        &self,
        ranges: &[Range<u64>],
        columns: &[usize],
        access: Access,
    ) -> io::Result<TableReader> {
        self.read_in_batches(ranges, columns, access, self.batch_rows)
    }

    /// As [`Self::read`] for a scan: from page to page, and with texts as the file codes them.
    pub(super) fn read_coded(
        &self,
        ranges: &[Range<u64>],
        columns: &[usize],
    ) -> io::Result<TableReader> {
        let (groups, selection) = self.select(ranges);
        let metadata = self.coded.metadata(&self.metadata, &groups)?;
        self.reader(metadata, (groups, selection), columns, Access::Scan, self.batch_rows)
    }

    /// Different for every table that was ever opened.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The columns of a row group as [`Self::read_coded`] gives them.
    pub(super) fn coded_schema(&self, group: usize) -> io::Result<SchemaRef> {
        Ok(self.coded.metadata(&self.metadata, &[group])?.schema().clone())
    }

    /// What a column of a row group takes in memory, about.
    pub(super) fn decoded_bytes(&self, group: usize, column: usize) -> usize {
        let chunk = self.metadata.metadata().row_group(group);
        let rows = usize::try_from(chunk.num_rows()).unwrap_or(usize::MAX);
        if self.coded.is_coded(group, column) {
            return rows.saturating_mul(4);
        }
        let texts = usize::try_from(chunk.column(column).uncompressed_size()).unwrap_or(usize::MAX);
        rows.saturating_mul(16).max(texts)
    }

    /// Lets go of what is kept of the table.
    pub(super) fn forget(&self, cache: &ColumnCache) {
        cache.forget(self.id);
    }

    fn read_in_batches(
        &self,
        ranges: &[Range<u64>],
        columns: &[usize],
        access: Access,
        batch_rows: usize,
    ) -> io::Result<TableReader> {
        self.reader(self.metadata.clone(), self.select(ranges), columns, access, batch_rows)
    }

    fn reader(
        &self,
        metadata: ArrowReaderMetadata,
        (groups, selection): (Vec<usize>, RowSelection),
        columns: &[usize],
        access: Access,
        batch_rows: usize,
    ) -> io::Result<TableReader> {
        debug_assert!(columns.is_sorted_by(|a, b| a < b), "columns come in the file's order");
        let chunks = FileChunks::new(self.file.clone(), access);
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), columns.iter().copied());
        let mut reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(batch_rows);
        if selection.skipped_row_count() > 0 {
            reader = reader.with_row_selection(selection);
        }
        Ok(TableReader(reader.build().map_err(from_parquet)?))
    }

    /// Reads every row, in batches that several readers beside each other can afford.
    pub(super) fn read_all(&self) -> io::Result<TableReader> {
        let columns: Vec<usize> = (0..self.schema().fields().len()).collect();
        let batch_rows = (self.batch_rows / 4).max(1);
        let all = 0..self.fences.rows();
        self.read_in_batches(std::slice::from_ref(&all), &columns, Access::Scan, batch_rows)
    }

    /// Row groups, and what to read of them, for ranges of rows.
    fn select(&self, ranges: &[Range<u64>]) -> (Vec<usize>, RowSelection) {
        let mut groups = Vec::new();
        let mut selectors = Vec::new();
        for (group, bounds) in self.group_rows.windows(2).enumerate() {
            let mut at = bounds[0];
            for range in ranges {
                let (start, end) = (range.start.max(at), range.end.min(bounds[1]));
                if start >= end {
                    continue;
                }
                if groups.last() != Some(&group) {
                    groups.push(group);
                }
                selectors.push(RowSelector::skip((start - at) as usize));
                selectors.push(RowSelector::select((end - start) as usize));
                at = end;
            }
            if groups.last() == Some(&group) {
                selectors.push(RowSelector::skip((bounds[1] - at) as usize));
            }
        }
        (groups, RowSelection::from(selectors))
    }
}

/// Batches of a table. After an error it ends.
pub(super) struct TableReader(ParquetRecordBatchReader);

impl Iterator for TableReader {
    type Item = io::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.next()?;
        Some(batch.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

/// The error of a table that is not what it should be.
pub(super) fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a table of a part {problem}"))
}
