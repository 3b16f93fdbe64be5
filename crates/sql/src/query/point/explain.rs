//! What EXPLAIN says of a point read.

use super::rows::Checked;
use super::{Access, PointRead, ROWS_AT_ONCE};
use crate::provider::{PinnedView, describe, describe_reach};
use crate::{PgType, Result, Value};
use store::PageOrder;

impl PointRead {
    /// One line; `None` if the statement has to be planned with these parameters.
    pub(in crate::query) fn describe(
        &self,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Result<Option<String>> {
        let Some(bound) = self.bind(parameter_types, parameters, view) else { return Ok(None) };
        if bound.is_empty {
            return Ok(Some("PointRead: no rows, a condition is NULL".to_owned()));
        }
        let is_long = self.is_too_long(&bound);
        let scan = self.open(&bound, view, if is_long { ROWS_AT_ONCE + 1 } else { usize::MAX })?;
        if is_long && scan.rows_max > ROWS_AT_ONCE {
            return Ok(None);
        }
        let relation = self.table.relation();
        let names: Vec<&str> =
            self.shown.iter().map(|place| relation.columns[self.scanned[*place]].name).collect();
        let mut text = format!(
            "PointRead: table={}, access={}, selection=[{}], columns=[{}]",
            relation.name,
            scan.access_path,
            describe(self.table.as_ref(), &bound.selection),
            names.join(", ")
        );
        match self.access {
            Access::Page(PageOrder::OldestFirst) => text.push_str(", oldest first"),
            Access::Page(PageOrder::NewestFirst) => text.push_str(", newest first"),
            Access::Scan | Access::Seqs => {}
        }
        if bound.offset > 0 {
            text.push_str(&format!(", offset={}", bound.offset));
        }
        if let Some(limit) = bound.limit {
            text.push_str(&format!(", limit={limit}"));
        }
        let sealed = self.table.sealed(&view.view, &bound.selection);
        text.push_str(&describe_reach(sealed));
        text.push_str(&format!(", cut={}", view.view.cut()));
        Ok(Some(text))
    }

    /// How many rows it gives.
    pub(in crate::query) fn count(
        &self,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Result<Option<usize>> {
        let Some(bound) = self.bind(parameter_types, parameters, view) else { return Ok(None) };
        if bound.is_empty {
            return Ok(Some(0));
        }
        let scan = self.open(&bound, view, usize::MAX)?;
        let mut rows = 0;
        for batch in Checked::new(self, &bound, scan.in_order()) {
            rows += batch?.num_rows();
        }
        Ok(Some(rows))
    }
}
