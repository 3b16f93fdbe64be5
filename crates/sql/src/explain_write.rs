//! EXPLAIN of a statement that writes: whose writer gets it, how many rows, what is checked, and
//! where the rows come from. Nothing is written and no row of a query is read.

use crate::insert::{InsertEnvironment, RowWrite, Table, is_values};
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::write_plan::WritePlan;
use crate::{Column, Error, Fault, PgType, Result, Value};
use datafusion::arrow::array::AsArray;
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;
use std::collections::BTreeMap;

/// A writing statement to be explained.
#[derive(Debug)]
pub(crate) struct ExplainWrite {
    plan: WritePlan,
    /// EXPLAIN of the query that gives the rows.
    source: Option<PreparedQuery>,
}

impl ExplainWrite {
    /// `explain` is an EXPLAIN of an INSERT or UPDATE.
    pub(crate) async fn analyse(
        explain: &ast::Statement,
        given: &[Option<PgType>],
        settings: &SessionSettings,
        engine: &QueryEngine,
    ) -> Result<Self> {
        let ast::Statement::Explain { statement, .. } = explain else {
            return Err(Error::new(Fault::Internal, "this is no EXPLAIN"));
        };
        let plan = WritePlan::analyse(statement, given, settings, engine).await?;
        let source = match statement.as_ref() {
            ast::Statement::Insert(ast::Insert { source: Some(source), .. })
                if !is_values(source) =>
            {
                let types: Vec<Option<PgType>> =
                    plan.parameter_types().iter().copied().map(Some).collect();
                let mut explain = explain.clone();
                if let ast::Statement::Explain { statement, .. } = &mut explain {
                    **statement = ast::Statement::Query(source.clone());
                }
                Some(engine.prepare(&explain, &types, settings).await?)
            }
            _ => None,
        };
        Ok(ExplainWrite { plan, source })
    }

    pub(crate) fn parameter_types(&self) -> &[PgType] {
        self.plan.parameter_types()
    }

    pub(crate) fn columns() -> Vec<Column> {
        vec![Column {
            name: "QUERY PLAN".to_owned(),
            pg_type: PgType::Text,
            typmod: -1,
            table_oid: 0,
            attribute_number: 0,
        }]
    }

    pub(crate) async fn lines(
        &self,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
    ) -> Result<Vec<String>> {
        let table = self.plan.table();
        let mut lines = vec![format!("{} on {}", title(&self.plan), table.name())];
        match &self.source {
            None => {
                let rows = self.plan.rows(parameters, environment).await?;
                lines.extend(writers(&rows));
            }
            Some(_) => lines.push("  Writer: the book of each row".to_owned()),
        }
        lines.push(format!("  Checked: {}", checked(&self.plan)));
        if self.plan.skips().is_some() {
            lines.push("  On conflict: the row is left out".to_owned());
        }
        match &self.source {
            Some(source) => {
                lines.push("  Rows from:".to_owned());
                let plan = explained(source, parameters, environment).await?;
                lines.extend(plan.into_iter().map(|line| format!("    {line}")));
            }
            None => lines.push("  Rows from: the statement".to_owned()),
        }
        Ok(lines)
    }
}

fn title(plan: &WritePlan) -> &'static str {
    match plan {
        WritePlan::Insert(_) => "Insert",
        WritePlan::Change(_) => "Update",
    }
}

/// One line for each book, whose writer decides its rows.
fn writers(rows: &[RowWrite]) -> Vec<String> {
    let mut books: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let book = match row {
            RowWrite::Draft(draft) => format!("book \"{}\"", draft.book()),
            RowWrite::Posting(row) => match &row.book {
                Some(book) => format!("book \"{book}\""),
                None => "the book of its transaction".to_owned(),
            },
        };
        *books.entry(book).or_default() += 1;
    }
    if books.is_empty() {
        return vec!["  Writer: none, there are no rows".to_owned()];
    }
    let books = books.into_iter();
    books
        .map(|(book, rows)| match rows {
            1 => format!("  Writer: {book}, 1 row"),
            rows => format!("  Writer: {book}, {rows} rows"),
        })
        .collect()
}

fn checked(plan: &WritePlan) -> &'static str {
    match (plan, plan.table()) {
        (WritePlan::Change(_), _) => "that the account is there",
        (_, Table::Assets) => "id",
        (_, Table::Accounts) => "book and path, asset",
        (_, Table::Transactions | Table::Transfers) => {
            "idempotency key, tx_id, accounts, assets, balance, minimum"
        }
        (_, Table::Postings) => {
            "transaction of the same block, account, asset; balance and minimum at COMMIT"
        }
    }
}

async fn explained(
    source: &PreparedQuery,
    parameters: &[Value],
    environment: &InsertEnvironment<'_>,
) -> Result<Vec<String>> {
    let InsertEnvironment { query, settings, view, .. } = environment;
    let parameters = &parameters[..source.parameter_types.len().min(parameters.len())];
    let batches = query.execute(source, parameters, view.clone(), settings).await?;
    let batches: Vec<_> = batches.try_collect().await.map_err(Error::from)?;
    let mut lines = Vec::new();
    for batch in &batches {
        let texts = batch.column(0).as_string_opt::<i32>();
        lines.extend(texts.into_iter().flatten().flatten().map(str::to_owned));
    }
    Ok(lines)
}
