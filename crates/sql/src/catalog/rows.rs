//! A builder of catalog tables: rows of any kind, a column at a time.

use super::relation::PG_TYPE_KEY;
use crate::Result;
use datafusion::arrow::array::builder::{Int16Builder, Int32Builder};
use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, RecordBatchOptions, StringArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) struct CatalogRows<R> {
    rows: Vec<R>,
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl<R> CatalogRows<R> {
    pub(super) fn new(rows: Vec<R>) -> Self {
        CatalogRows { rows, fields: Vec::new(), columns: Vec::new() }
    }

    fn column(mut self, name: &str, pg_type: Option<&str>, column: ArrayRef) -> Self {
        let field = Field::new(name, column.data_type().clone(), true);
        self.fields.push(match pg_type {
            Some(pg_type) => {
                field.with_metadata(HashMap::from([(PG_TYPE_KEY.to_owned(), pg_type.to_owned())]))
            }
            None => field,
        });
        self.columns.push(column);
        self
    }

    pub(super) fn oid(self, name: &str, value: impl Fn(&R) -> Option<u32>) -> Self {
        let column: Int32Array = self
            .rows
            .iter()
            .map(|row| value(row).and_then(|oid| i32::try_from(oid).ok()))
            .collect();
        self.column(name, Some("oid"), Arc::new(column))
    }

    fn strings<S: AsRef<str>>(&self, value: impl Fn(&R) -> Option<S>) -> ArrayRef {
        Arc::new(self.rows.iter().map(value).collect::<StringArray>())
    }

    pub(super) fn name<S: AsRef<str>>(self, name: &str, value: impl Fn(&R) -> S) -> Self {
        let column = self.strings(|row| Some(value(row)));
        self.column(name, Some("name"), column)
    }

    pub(super) fn text<S: AsRef<str>>(self, name: &str, value: impl Fn(&R) -> Option<S>) -> Self {
        let column = self.strings(value);
        self.column(name, None, column)
    }

    pub(super) fn char(self, name: &str, value: impl Fn(&R) -> &'static str) -> Self {
        let column = self.strings(|row| Some(value(row)));
        self.column(name, Some("char"), column)
    }

    pub(super) fn int2(self, name: &str, value: impl Fn(&R) -> i16) -> Self {
        let column: Int16Array = self.rows.iter().map(|row| Some(value(row))).collect();
        self.column(name, None, Arc::new(column))
    }

    pub(super) fn int4(self, name: &str, value: impl Fn(&R) -> Option<i32>) -> Self {
        let column: Int32Array = self.rows.iter().map(value).collect();
        self.column(name, None, Arc::new(column))
    }

    pub(super) fn int8(self, name: &str, value: impl Fn(&R) -> Option<i64>) -> Self {
        let column: Int64Array = self.rows.iter().map(value).collect();
        self.column(name, None, Arc::new(column))
    }

    pub(super) fn float4(self, name: &str, value: impl Fn(&R) -> f32) -> Self {
        let column: Float32Array = self.rows.iter().map(|row| Some(value(row))).collect();
        self.column(name, None, Arc::new(column))
    }

    pub(super) fn bool(self, name: &str, value: impl Fn(&R) -> bool) -> Self {
        let column: BooleanArray = self.rows.iter().map(|row| Some(value(row))).collect();
        self.column(name, None, Arc::new(column))
    }

    /// A column that is NULL in every row.
    pub(super) fn nothing(self, name: &str, data_type: &DataType) -> Self {
        let column = datafusion::arrow::array::new_null_array(data_type, self.rows.len());
        self.column(name, None, column)
    }

    pub(super) fn no_texts(self, name: &str) -> Self {
        self.nothing(name, &DataType::new_list(DataType::Utf8, true))
    }

    pub(super) fn no_instant(self, name: &str) -> Self {
        self.nothing(name, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
    }

    pub(super) fn int2s(self, name: &str, value: impl Fn(&R) -> Vec<i16>) -> Self {
        let mut lists = ListBuilder::new(Int16Builder::new());
        for row in &self.rows {
            lists.append_value(value(row).into_iter().map(Some));
        }
        let column: ArrayRef = Arc::new(lists.finish());
        self.column(name, None, column)
    }

    /// An `int2vector` such as `indkey`: an array whose subscripts begin with 0.
    pub(super) fn int2_vector(self, name: &str, value: impl Fn(&R) -> Vec<i16>) -> Self {
        self.int2s(name, value).marked_vector("int2vector")
    }

    /// An `oidvector` such as `indclass`.
    pub(super) fn oid_vector(self, name: &str, value: impl Fn(&R) -> Vec<u32>) -> Self {
        let oid = Field::new_list_field(DataType::Int32, true)
            .with_metadata(HashMap::from([(PG_TYPE_KEY.to_owned(), "oid".to_owned())]));
        let mut lists = ListBuilder::new(Int32Builder::new()).with_field(oid);
        for row in &self.rows {
            lists.append_value(value(row).into_iter().map(|oid| i32::try_from(oid).ok()));
        }
        let column: ArrayRef = Arc::new(lists.finish());
        self.column(name, None, column).marked_vector("oidvector")
    }

    fn marked_vector(mut self, pg_type: &str) -> Self {
        if let Some(field) = self.fields.pop() {
            let metadata = HashMap::from([(PG_TYPE_KEY.to_owned(), pg_type.to_owned())]);
            self.fields.push(field.with_metadata(metadata));
        }
        self
    }

    pub(super) fn finish(self) -> Result<Arc<dyn TableProvider>> {
        let schema = Arc::new(Schema::new(self.fields));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), self.columns, &options)
            .map_err(DataFusionError::from)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}
