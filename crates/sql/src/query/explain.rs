//! EXPLAIN: the plan as lines of text, in the one column Postgres uses.

mod expression;
mod operator;

pub(super) use expression::spelled;

use super::nullable_side::Untold;
use super::point::PointRead;
use crate::provider::PinnedView;
use crate::{Column, Error, Fault, PgType, Result, Value};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::sql::sqlparser::ast::{
    AnalyzeFormat, AnalyzeFormatKind, Expr, Statement, UtilityOption, Value as Literal,
};
use futures::{TryStreamExt, stream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What an EXPLAIN asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explain {
    analyze: bool,
    verbose: bool,
    /// How long each operator took, with ANALYZE.
    timing: Option<bool>,
    /// The last lines; there are some with ANALYZE unless they are not wanted.
    summary: Option<bool>,
}

/// The EXPLAIN in front of a statement, if there is one, and the statement itself.
pub(super) fn split(statement: &Statement) -> Result<(Option<Explain>, &Statement)> {
    let Statement::Explain { analyze, verbose, statement, format, options, .. } = statement else {
        return Ok((None, statement));
    };
    let mut explain = Explain { analyze: *analyze, verbose: *verbose, timing: None, summary: None };
    if let Some(AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format)) = format
        && !matches!(format, AnalyzeFormat::TEXT)
    {
        return Err(Error::unsupported("EXPLAIN gives text only"));
    }
    for option in options.iter().flatten() {
        explain.set(option)?;
    }
    if explain.timing == Some(true) && !explain.analyze {
        return Err(Error::new(
            Fault::InvalidParameterValue,
            "EXPLAIN option TIMING requires ANALYZE",
        ));
    }
    Ok((Some(explain), statement.as_ref()))
}

pub(super) fn columns() -> Vec<Column> {
    vec![Column {
        name: "QUERY PLAN".to_owned(),
        pg_type: PgType::Text,
        typmod: -1,
        table_oid: 0,
        attribute_number: 0,
    }]
}

impl Explain {
    fn set(&mut self, option: &UtilityOption) -> Result<()> {
        let name = option.name.value.to_ascii_lowercase();
        let value = match &option.arg {
            None => "true".to_owned(),
            Some(Expr::Value(value)) => match &value.value {
                Literal::SingleQuotedString(text) => text.clone(),
                value => value.to_string(),
            },
            Some(other) => other.to_string(),
        };
        if name == "format" {
            return match value.eq_ignore_ascii_case("text") {
                true => Ok(()),
                false => Err(Error::unsupported("EXPLAIN gives text only")),
            };
        }
        let on = match value.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => true,
            "false" | "off" | "0" => false,
            _ => {
                let message = format!("{name} requires a Boolean value");
                return Err(Error::new(Fault::SyntaxError, message));
            }
        };
        match name.as_str() {
            "analyze" => self.analyze = on,
            "verbose" => self.verbose = on,
            "timing" => self.timing = Some(on),
            "summary" => self.summary = Some(on),
            // They ask for detail that there is none of; leaving it out changes no answer.
            "costs" | "buffers" | "settings" | "wal" => {}
            other => {
                let message = format!("unrecognized EXPLAIN option \"{other}\"");
                return Err(Error::new(Fault::SyntaxError, message));
            }
        }
        Ok(())
    }

    /// `None` if the read has to be planned with these parameters.
    pub(super) fn answer_point(
        self,
        point: &Arc<PointRead>,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Result<Option<SendableRecordBatchStream>> {
        let Some(mut text) = point.describe(parameter_types, parameters, view)? else {
            return Ok(None);
        };
        if self.analyze {
            match point.count(parameter_types, parameters, view)? {
                Some(rows) => text.push_str(&format!("\nRows: {rows}")),
                None => return Ok(None),
            }
        }
        lines(&text).map(Some)
    }

    /// The plan as lines; with ANALYZE they come when the query has run, and reading them runs it.
    pub(super) fn answer(
        self,
        logical: &LogicalPlan,
        physical: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut text = String::new();
        if self.verbose {
            text.push_str(&logical.display_indent().to_string());
            text.push_str("\n\n");
        }
        if !self.analyze {
            tree(physical.as_ref(), 0, &mut text, &|_| String::new());
            return lines(&text);
        }
        let lines = async move {
            let text = self.analysed(physical, context, text).await?;
            line_batch(&text)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(line_schema(), stream::once(lines))))
    }

    async fn analysed(
        self,
        physical: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        mut text: String,
    ) -> datafusion::error::Result<String> {
        let started = Instant::now();
        let mut rows = 0;
        let mut batches = execute_stream(Arc::clone(&physical), context)?;
        // One batch at a time: what is not shown need not be kept.
        while let Some(batch) = batches.try_next().await? {
            rows += batch.num_rows();
        }
        let took = started.elapsed();
        let timing = self.timing.unwrap_or(true);
        tree(physical.as_ref(), 0, &mut text, &|plan| actual(plan, timing));
        if self.summary.unwrap_or(true) {
            text.push_str(&format!("Execution Time: {}\n", milliseconds(took)));
        }
        text.push_str(&format!("Rows: {rows}\n"));
        Ok(text)
    }
}

/// One line for each operator, with what it reads from further in.
fn tree(
    plan: &dyn ExecutionPlan,
    depth: usize,
    text: &mut String,
    note: &dyn Fn(&dyn ExecutionPlan) -> String,
) {
    if let Some(giving_way) = plan.downcast_ref::<CooperativeExec>() {
        // It does nothing to rows.
        return tree(giving_way.input().as_ref(), depth, text, note);
    }
    if let Some(untold) = plan.downcast_ref::<Untold>() {
        return tree(untold.input().as_ref(), depth, text, note);
    }
    let (line, indent) = (operator::line(plan), 2 * depth);
    text.push_str(&format!("{:indent$}{line}{}\n", "", note(plan)));
    for child in plan.children() {
        tree(child.as_ref(), depth + 1, text, note);
    }
}

/// What an operator gave, and how long it worked itself: threads added up, inputs not included.
fn actual(plan: &dyn ExecutionPlan, timing: bool) -> String {
    let Some(metrics) = plan.metrics() else { return String::new() };
    let rows = metrics.output_rows().map(|rows| format!("rows={rows}"));
    let time = metrics.elapsed_compute().filter(|_| timing).map(|nanoseconds| {
        let time = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        format!("time={}", milliseconds(time))
    });
    let parts: Vec<String> = rows.into_iter().chain(time).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" (actual {})", parts.join(" ")),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1_000.0)
}

fn lines(text: &str) -> Result<SendableRecordBatchStream> {
    let batch = line_batch(text)?;
    Ok(Box::pin(RecordBatchStreamAdapter::new(line_schema(), stream::iter([Ok(batch)]))))
}

fn line_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8, false)]))
}

fn line_batch(text: &str) -> datafusion::error::Result<RecordBatch> {
    let lines: StringArray = text.trim_end().lines().map(Some).collect();
    Ok(RecordBatch::try_new(line_schema(), vec![Arc::new(lines)])?)
}
