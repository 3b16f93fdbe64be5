//! From a store's rows and columns to the arrow types that queries see.

use crate::function::jsonb_text;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, RecordBatchOptions, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use ledger::Uuid;
use std::sync::Arc;

/// Rows per batch.
pub(super) const BATCH_ROWS: usize = 8_192;

pub(super) fn money(values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
    let amounts: Decimal128Array = values.collect();
    Arc::new(amounts.with_precision_and_scale(38, 0).expect("scale 0 fits precision 38"))
}

pub(super) fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let instants: TimestampMicrosecondArray = values.collect();
    Arc::new(instants.with_timezone("UTC"))
}

pub(super) fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// The store keeps uuids as 16 bytes; queries see their text.
pub(super) fn uuid_texts(array: &ArrayRef) -> Result<ArrayRef> {
    let DataType::FixedSizeBinary(16) = array.data_type() else {
        return Ok(Arc::clone(array));
    };
    let bytes = array.as_fixed_size_binary();
    let mut texts = StringBuilder::with_capacity(bytes.len(), bytes.len() * 36);
    let mut text = [0u8; 36];
    for value in bytes.iter() {
        match value {
            Some(value) => {
                let id = Uuid::from_slice(value).map_err(|error| {
                    DataFusionError::Internal(format!("a stored uuid is none: {error}"))
                })?;
                texts.append_value(id.hyphenated().encode_lower(&mut text));
            }
            None => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// JSON in any spelling, as jsonb.
pub(super) fn jsonb_texts(array: &ArrayRef) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>().iter();
    let texts = texts.map(|text| text.map(jsonb_text).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

pub(super) fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
