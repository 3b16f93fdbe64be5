//! Views: SQL text over the tables, planned once and inlined where they are named.

use crate::Column;

/// A view as it is defined.
#[derive(Debug, Clone)]
pub(crate) struct ViewDefinition {
    pub(crate) name: String,
    /// The query alone, without `CREATE VIEW`.
    pub(crate) query: String,
}

/// A view with what its query gives.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) oid: u32,
    pub(crate) query: String,
    pub(crate) columns: Vec<Column>,
    /// The comment its text begins with.
    pub(crate) comment: Option<String>,
}

/// Views are numbered from here, in the order they are defined.
const VIEW_OIDS: u32 = 16_701;

impl ViewDefinition {
    pub(crate) fn new(name: impl Into<String>, query: impl Into<String>) -> Self {
        ViewDefinition { name: name.into(), query: query.into() }
    }

    /// The views every ledger has.
    pub(crate) fn own() -> Vec<Self> {
        vec![ViewDefinition::new("trial_balance", include_str!("views/trial_balance.sql"))]
    }
}

impl View {
    pub(super) fn new(definition: ViewDefinition, columns: Vec<Column>, place: usize) -> Self {
        let place = u32::try_from(place).expect("nobody defines four billion views");
        let query = without_comments(&definition.query);
        let comment = comment(&definition.query);
        View { name: definition.name, oid: VIEW_OIDS + place, query, columns, comment }
    }
}

/// The text as `pg_get_viewdef` shows it.
fn without_comments(query: &str) -> String {
    let lines = query.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    format!("{};", text.trim().trim_end_matches(';'))
}

/// The lines of comment in front of the query, as one text.
fn comment(query: &str) -> Option<String> {
    let lines = query.lines().map_while(|line| line.trim_start().strip_prefix("--"));
    let text = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}
