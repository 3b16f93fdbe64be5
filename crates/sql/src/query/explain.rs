//! EXPLAIN: the plan as lines of text, in the one column Postgres uses.

use super::point::PointRead;
use crate::provider::PinnedView;
use crate::{Column, Error, PgType, Result, Value};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::sql::sqlparser::ast::{
    AnalyzeFormat, AnalyzeFormatKind, Expr, Statement, UtilityOption, Value as Literal,
};
use futures::stream;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Explain {
    analyze: bool,
    verbose: bool,
}

/// The EXPLAIN in front of a statement, if there is one, and the statement itself.
pub(super) fn split(statement: &Statement) -> Result<(Option<Explain>, &Statement)> {
    let Statement::Explain { analyze, verbose, statement, format, options, .. } = statement else {
        return Ok((None, statement));
    };
    let mut explain = Explain { analyze: *analyze, verbose: *verbose };
    if let Some(AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format)) = format
        && !matches!(format, AnalyzeFormat::TEXT)
    {
        return Err(Error::unsupported("EXPLAIN gives text only"));
    }
    for option in options.iter().flatten() {
        explain.set(option)?;
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
        let value = option.arg.as_ref().map(ToString::to_string).unwrap_or_default();
        let on = match &option.arg {
            None => true,
            Some(Expr::Value(value)) => !matches!(value.value, Literal::Boolean(false)),
            Some(_) => !value.eq_ignore_ascii_case("off"),
        };
        match option.name.value.to_ascii_lowercase().as_str() {
            "analyze" => self.analyze = on,
            "verbose" => self.verbose = on,
            // They ask for detail that there is none of; leaving them out changes no answer.
            "costs" | "timing" | "summary" | "buffers" | "settings" | "wal" => {}
            "format" if value.eq_ignore_ascii_case("text") => {}
            "format" => return Err(Error::unsupported("EXPLAIN gives text only")),
            other => {
                return Err(Error::unsupported(format!("EXPLAIN option \"{other}\"")));
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

    pub(super) async fn answer(
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
        if self.analyze {
            let batches = collect(Arc::clone(&physical), context).await?;
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let plan = DisplayableExecutionPlan::with_metrics(physical.as_ref());
            text.push_str(&format!("{}Rows: {rows}", plan.indent(self.verbose)));
        } else {
            text.push_str(&displayable(physical.as_ref()).indent(self.verbose).to_string());
        }
        lines(&text)
    }
}

fn lines(text: &str) -> Result<SendableRecordBatchStream> {
    let schema = Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8, false)]));
    let lines: StringArray = text.trim_end().lines().map(Some).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lines)])
        .map_err(datafusion::error::DataFusionError::from)?;
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter([Ok(batch)]))))
}
