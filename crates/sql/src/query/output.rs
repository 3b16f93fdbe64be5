//! The last step of every result: batches whose arrow types are exactly what the columns say.

use crate::catalog::PG_TYPE_KEY;
use crate::{Column, PgType};
use datafusion::arrow::array::{
    ArrayRef, AsArray, IntervalMonthDayNanoArray, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, Field, IntervalMonthDayNano, IntervalUnit, Schema,
    SchemaRef, TimeUnit,
};
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

/// The same for a batch that stands alone.
pub(super) fn presented_batch(batch: &RecordBatch, columns: &[Column]) -> Result<RecordBatch> {
    present(batch, &presented_schema(&batch.schema(), columns))
}

pub(super) fn presented_schema(schema: &SchemaRef, columns: &[Column]) -> SchemaRef {
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
        // Never cut to what was thought to be an integer.
        (
            DataType::Decimal128(..) | DataType::Float64,
            PgType::Int2 | PgType::Int4 | PgType::Int8,
        ) => data_type.clone(),
        // A float beside a numeric, which DataFusion computed as a numeric.
        (DataType::Decimal128(..), PgType::Float8) => DataType::Float64,
        (_, PgType::Int2) => DataType::Int16,
        (_, PgType::Int4) => DataType::Int32,
        (_, PgType::Int8) => DataType::Int64,
        (DataType::Int32 | DataType::Int64, PgType::Oid) => DataType::Int64,
        (DataType::Duration(_) | DataType::Interval(_), _) => {
            DataType::Interval(IntervalUnit::MonthDayNano)
        }
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
            match column.data_type() {
                DataType::Duration(_) => days_and_time(column),
                _ => Ok(cast_with_options(column, field.data_type(), &strict)?),
            }
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The difference of two timestamps counts whole days, as Postgres does.
fn days_and_time(durations: &ArrayRef) -> Result<ArrayRef> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let micros = cast(durations, &DataType::Duration(TimeUnit::Microsecond))?;
    let intervals: IntervalMonthDayNanoArray = micros
        .as_primitive::<DurationMicrosecondType>()
        .iter()
        .map(|micros| {
            let micros = micros?;
            let days = i32::try_from(micros / DAY_MICROS).ok()?;
            Some(IntervalMonthDayNano::new(0, days, micros % DAY_MICROS * 1_000))
        })
        .collect();
    Ok(Arc::new(intervals))
}
