//! The last step of every result: batches whose arrow types are exactly what the columns say.

use crate::catalog::PG_TYPE_KEY;
use crate::{Column, PgType};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;

/// Wraps a stream so that its schema names the Postgres types and holds no type without one.
pub(super) fn presented(
    rows: SendableRecordBatchStream,
    columns: &[Column],
) -> SendableRecordBatchStream {
    let schema = presented_schema(&rows.schema(), columns);
    let target = Arc::clone(&schema);
    let batches = rows.map(move |batch| present(&batch?, &target));
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

fn presented_schema(schema: &SchemaRef, columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(columns)
        .map(|(field, column)| {
            let metadata =
                HashMap::from([(PG_TYPE_KEY.to_owned(), column.pg_type.name().to_owned())]);
            Field::new(&column.name, presented_type(field.data_type(), column.pg_type), true)
                .with_metadata(metadata)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn presented_type(data_type: &DataType, pg_type: PgType) -> DataType {
    match (data_type, pg_type) {
        (DataType::Dictionary(_, value), _) => presented_type(value, pg_type),
        (DataType::Null, _) => DataType::Utf8,
        (_, PgType::Int2) => DataType::Int16,
        (_, PgType::Int4) => DataType::Int32,
        (_, PgType::Int8) => DataType::Int64,
        (DataType::Int32 | DataType::Int64, PgType::Oid) => DataType::Int64,
        (DataType::Date64, _) => DataType::Date32,
        (DataType::Decimal32(p, s) | DataType::Decimal64(p, s), _) => DataType::Decimal128(*p, *s),
        (DataType::Timestamp(_, zone), _) => {
            let zone = zone.as_ref().map(|_| "UTC".into());
            DataType::Timestamp(TimeUnit::Microsecond, zone)
        }
        (other, _) => other.clone(),
    }
}

fn present(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            Ok(cast_with_options(column, field.data_type(), &strict)?)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
