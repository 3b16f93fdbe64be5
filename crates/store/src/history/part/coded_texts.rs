//! Texts with few values in a row, as the file has them: numbers into a dictionary.
//!
//! Owns which columns of a row group come so, and what they are as texts. A dictionary is of one
//! row group, and it holds for all its rows or the column comes as plain texts: making a dictionary
//! of texts would cost more than it saves.

use super::file_chunks::from_parquet;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int32Type;
use arrow_array::{Array as _, ArrayRef, Int32Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::take::take;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;
use std::io;
use std::sync::Arc;

/// Which columns of each row group a dictionary holds for.
#[derive(Debug)]
pub(super) struct CodedTexts(Vec<Vec<bool>>);

impl CodedTexts {
    pub(super) fn of(metadata: &ArrowReaderMetadata) -> Self {
        let fields = metadata.schema().fields();
        let groups = metadata.metadata().row_groups().iter().map(|group| {
            let columns = group.columns().iter().zip(fields);
            let is_coded = |(chunk, field): (&ColumnChunkMetaData, &Arc<Field>)| {
                let encodings = chunk.page_encoding_stats_mask();
                *field.data_type() == DataType::Utf8
                    && encodings.is_some_and(|mask| mask.is_only(Encoding::RLE_DICTIONARY))
            };
            columns.map(is_coded).collect()
        });
        CodedTexts(groups.collect())
    }

    pub(super) fn is_coded(&self, group: usize, column: usize) -> bool {
        self.0.get(group).and_then(|columns| columns.get(column)).copied().unwrap_or_default()
    }

    /// How to read row groups, all of them alike.
    pub(super) fn metadata(
        &self,
        plain: &ArrowReaderMetadata,
        groups: &[usize],
    ) -> io::Result<ArrowReaderMetadata> {
        let fields = plain.schema().fields().iter().enumerate().map(|(column, field)| match groups
            .iter()
            .all(|group| self.is_coded(*group, column))
        {
            true => field.as_ref().clone().with_data_type(coded_type()),
            false => field.as_ref().clone(),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        ArrowReaderMetadata::try_new(plain.metadata().clone(), options).map_err(from_parquet)
    }
}

fn coded_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The texts of one column, batch after batch.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The last batch that had one text in all rows. Often the next one has the same.
    repeated: Option<StringArray>,
}

impl Texts {
    /// What is not coded stays what it is.
    pub(super) fn of(&mut self, column: &ArrayRef) -> io::Result<ArrayRef> {
        let Some(coded) = column.as_dictionary_opt::<Int32Type>() else {
            return Ok(column.clone());
        };
        let texts = coded.values().as_string::<i32>();
        match only_key(coded.keys()) {
            Some(key) => Ok(self.repeated(texts.value(key), coded.len())),
            None => take(coded.values(), coded.keys(), None).map_err(io::Error::other),
        }
    }

    fn repeated(&mut self, text: &str, rows: usize) -> ArrayRef {
        let fits = |last: &StringArray| last.len() >= rows && last.value(0) == text;
        let last = self.repeated.take().filter(fits);
        let last = last.unwrap_or_else(|| StringArray::new_repeated(text, rows));
        Arc::new(self.repeated.insert(last).slice(0, rows))
    }
}

fn only_key(keys: &Int32Array) -> Option<usize> {
    let (first, others) = keys.values().split_first()?;
    let is_only = keys.null_count() == 0 && others.iter().all(|key| key == first);
    is_only.then(|| usize::try_from(*first).ok()).flatten()
}

/// Whether each text of a column, coded or not, is one that is wanted.
pub(super) fn matching(column: &ArrayRef, is_wanted: impl Fn(&str) -> bool) -> Option<Vec<bool>> {
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Some((0..texts.len()).map(|row| is_wanted(texts.value(row))).collect());
    }
    let coded = column.as_dictionary_opt::<Int32Type>()?;
    let texts = coded.values().as_string_opt::<i32>()?;
    let wanted: Vec<bool> = (0..texts.len()).map(|key| is_wanted(texts.value(key))).collect();
    let keys = coded.keys().values().iter();
    keys.map(|key| wanted.get(usize::try_from(*key).ok()?).copied()).collect()
}
