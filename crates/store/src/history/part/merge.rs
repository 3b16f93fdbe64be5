//! Adjacent parts into one.
//!
//! Tables are streams: of each part a few batches are in memory, whatever its size. Rows of one
//! key stand together in every part, and the parts follow each other in the log, so whole runs of
//! rows are copied, those of the earlier part first.

use super::Part;
use super::builder::PartBuilder;
use super::content::RegisteredAsset;
use super::manifest::Covered;
use super::names::TableName;
use super::run_merge::{Duplicates, RunMerge};
use super::schema::{self, Money};
use super::table::Table;
use super::table_writer::{Layout, TableWriter};
use super::values::widened;
use crate::history::keys::{self, Run};
use crate::storage::Storage;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Merges adjacent parts, given in order, into a new one. The old ones stay.
pub(crate) fn merge_parts(
    storage: &dyn Storage,
    history_dir: &Path,
    parts: &[Arc<Part>],
) -> io::Result<Part> {
    merge_laid_out(storage, history_dir, parts, Layout::default())
}

pub(super) fn merge_laid_out(
    storage: &dyn Storage,
    history_dir: &Path,
    parts: &[Arc<Part>],
    layout: Layout,
) -> io::Result<Part> {
    let ([first, _, ..], [.., last]) = (parts, parts) else {
        return Err(invalid("merging needs two parts"));
    };
    let follow = |pair: &[Arc<Part>]| {
        pair[0].range.last.next() == pair[1].range.first
            && pair[0].range.store == pair[1].range.store
    };
    if !parts.windows(2).all(follow) {
        return Err(invalid("the parts do not follow each other"));
    }
    PartBuilder::build(storage, history_dir, (first.first(), last.last()), layout, |merged| {
        let tables = |table: fn(&Part) -> &Table| parts.iter().map(move |part| table(part));
        merged.table(TableName::Postings, postings_schema(parts), |out| {
            let tables = tables(|part| &part.postings);
            by_key(tables, postings_schema(parts), &["book", "account"], Duplicates::All, out)
        })?;
        merged.table(TableName::Transactions, schema::transactions(), |out| {
            in_turn(tables(|part| &part.transactions), out)
        })?;
        merged.table(TableName::Sequence, schema::sequence(), |out| {
            let tables = tables(|part| &part.sequence);
            by_key(tables, schema::sequence(), &["book"], Duplicates::All, out)
        })?;
        merged.table(TableName::Accounts, schema::accounts(), |out| {
            let tables = tables(|part| &part.accounts);
            by_key(tables, schema::accounts(), &["book", "account"], Duplicates::Newest, out)
        })?;
        merged.table(TableName::Positions, schema::positions(), |out| {
            in_turn(tables(|part| &part.positions_table), out)
        })?;
        let runs: Vec<&Run<_>> = parts.iter().map(|part| &part.keys).collect();
        merged.keys(keys::merge(&runs))?;
        let range = Covered {
            first: first.range.first,
            first_at: first.range.first_at,
            ..last.range.clone()
        };
        let assets: Vec<RegisteredAsset> =
            parts.iter().flat_map(|part| part.assets.iter().cloned()).collect();
        Ok((range, assets))
    })
}

/// Narrow only if all parts are.
fn postings_schema(parts: &[Arc<Part>]) -> SchemaRef {
    let narrow = schema::postings(Money::Narrow);
    if parts.iter().all(|part| part.postings.schema().fields() == narrow.fields()) {
        narrow
    } else {
        schema::postings(Money::Wide)
    }
}

/// The rows of each table behind those of the table before.
fn in_turn<'a>(tables: impl Iterator<Item = &'a Table>, out: &mut TableWriter) -> io::Result<()> {
    for table in tables {
        for batch in table.read_all()? {
            out.write(&batch?)?;
        }
    }
    Ok(())
}

/// Tables sorted by a key into one that is.
fn by_key<'a>(
    tables: impl Iterator<Item = &'a Table>,
    schema: SchemaRef,
    key: &[&str],
    duplicates: Duplicates,
    out: &mut TableWriter,
) -> io::Result<()> {
    let sources = tables
        .map(|table| {
            let schema = schema.clone();
            let batches = table.read_all()?;
            Ok(batches.map(move |batch| with_schema(&batch?, &schema)))
        })
        .collect::<io::Result<Vec<_>>>()?;
    RunMerge::new(sources, schema, key)?.run(duplicates, |batch| out.write(&batch))
}

/// The same rows, their amounts as wide as the schema wants them.
fn with_schema(batch: &RecordBatch, schema: &SchemaRef) -> io::Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            let is_wide = matches!(field.data_type(), DataType::Decimal128(..));
            widened(column.clone(), is_wide)
        })
        .collect::<io::Result<_>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
