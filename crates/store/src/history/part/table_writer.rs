//! Writes one table of a part: Parquet, laid out for reading few rows as well as all.
//!
//! Owns the layout: pages of 2,048 rows, so that a point read decodes little; encodings by type;
//! row groups bounded in bytes, so that neither writing nor reading one takes much memory. There
//! are no statistics: [`Fences`] are exact where statistics would be truncated.
//!
//! Invariant: blocks between fences begin where pages begin.

use super::super::checked_file::{CheckedWriter, Checks};
use super::fences::Fences;
use super::file_chunks::from_parquet;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::io;

/// How many rows stand together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Rows of a page, and of a block between two fences.
    pub(super) page_rows: usize,
    /// A row group ends when it has this many rows, or this many bytes before encoding.
    pub(super) group_rows: usize,
    pub(super) group_bytes: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { page_rows: 2_048, group_rows: 128 * 2_048, group_bytes: 32 * 1024 * 1024 }
    }
}

/// A dictionary is read with every point read of its column: it must stay small.
const DICTIONARY_BYTES: usize = 8 * 1024;

/// Columns with few values in a row.
const REPETITIVE: [&str; 6] = ["book", "account", "asset", "direction", "kind", "path"];

pub(super) struct TableWriter {
    parquet: ArrowWriter<CheckedWriter>,
    fences: Fences,
    layout: Layout,
    /// Rows of the row group so far, and their bytes.
    group_rows: usize,
    group_bytes: usize,
}

impl TableWriter {
    pub(super) fn new(file: CheckedWriter, schema: SchemaRef, layout: Layout) -> io::Result<Self> {
        let properties = properties(&schema, &layout);
        let parquet = ArrowWriter::try_new(file, schema, Some(properties)).map_err(from_parquet)?;
        Ok(TableWriter {
            parquet,
            fences: Fences::default(),
            layout,
            group_rows: 0,
            group_bytes: 0,
        })
    }

    /// Appends rows, which must go on in the table's order.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let bytes = batch.get_array_memory_size();
        let mut offset = 0;
        while offset < batch.num_rows() {
            // What is handed over together ends where a page does, or with the batch.
            let in_page = self.group_rows % self.layout.page_rows;
            let rows = (self.layout.page_rows - in_page).min(batch.num_rows() - offset);
            let piece = batch.slice(offset, rows);
            if in_page == 0 {
                self.fences.begin_block(&piece, 0);
            }
            self.fences.add_rows(&piece);
            self.parquet.write(&piece).map_err(from_parquet)?;
            self.group_rows += rows;
            offset += rows;
        }
        self.group_bytes += bytes;
        if self.group_rows >= self.layout.group_rows || self.group_bytes >= self.layout.group_bytes
        {
            self.parquet.flush().map_err(from_parquet)?;
            self.group_rows = 0;
            self.group_bytes = 0;
        }
        Ok(())
    }

    /// Completes the file and makes its bytes durable.
    pub(super) fn finish(self) -> io::Result<(Checks, Fences)> {
        let file = self.parquet.into_inner().map_err(from_parquet)?;
        Ok((file.finish()?, self.fences))
    }
}

fn properties(schema: &Schema, layout: &Layout) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(layout.page_rows)
        .set_write_batch_size(layout.page_rows)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_compression(Compression::LZ4_RAW);
    for field in schema.fields() {
        let column = ColumnPath::from(field.name().as_str());
        properties = match field.data_type() {
            // Neighbours differ little: the differences are packed into few bits, and nothing is
            // left for a compressor to find.
            DataType::Int32 | DataType::Int64 | DataType::Timestamp(..) => properties
                .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_compression(column, Compression::UNCOMPRESSED),
            // Random bits of ids.
            DataType::FixedSizeBinary(_) => {
                properties.set_column_compression(column, Compression::UNCOMPRESSED)
            }
            DataType::Utf8 if REPETITIVE.contains(&field.name().as_str()) => properties
                .set_column_dictionary_enabled(column.clone(), true)
                .set_column_dictionary_page_size_limit(column, DICTIONARY_BYTES),
            _ => properties,
        };
    }
    properties.build()
}
