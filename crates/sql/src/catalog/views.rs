//! Views: SQL text over the tables, planned once and inlined where they are named.

use super::{PUBLIC_NAMESPACE, TALEA_NAMESPACE};
use crate::Column;

/// A view as it is defined.
#[derive(Debug, Clone)]
pub(crate) struct ViewDefinition {
    pub(crate) schema: &'static str,
    pub(crate) name: String,
    /// The query alone, without `CREATE VIEW`.
    pub(crate) query: String,
}

/// A view with what its query gives.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) schema: &'static str,
    pub(crate) name: String,
    pub(crate) oid: u32,
    pub(crate) query: String,
    pub(crate) columns: Vec<Column>,
    /// The comment its text begins with.
    pub(crate) comment: Option<String>,
}

/// Schema, name, query.
const OWN: [(&str, &str, &str); 6] = [
    ("public", "trial_balance", include_str!("../../../../sql/views/trial_balance.sql")),
    ("public", "account_rollup", include_str!("../../../../sql/views/account_rollup.sql")),
    ("public", "account_statement", include_str!("../../../../sql/views/account_statement.sql")),
    (TALEA, "accounts", include_str!("../../../../sql/views/talea/accounts.sql")),
    (TALEA, "balances", include_str!("../../../../sql/views/talea/balances.sql")),
    (TALEA, "postings", include_str!("../../../../sql/views/talea/postings.sql")),
];

/// The schema whose views have the names and codes of talea's SQL backend.
pub(crate) const TALEA: &str = "talea";

/// The names of its views.
pub(crate) const TALEA_VIEWS: [&str; 3] = ["accounts", "balances", "postings"];

/// Views are numbered from here, in the order they are defined.
const VIEW_OIDS: u32 = 16_701;

impl ViewDefinition {
    pub(crate) fn new(
        schema: &'static str,
        name: impl Into<String>,
        query: impl Into<String>,
    ) -> Self {
        ViewDefinition { schema, name: name.into(), query: query.into() }
    }

    /// The views every ledger has. Their texts are in `sql/views/`. New ones come last: a view's
    /// oid is its place.
    pub(crate) fn own() -> Vec<Self> {
        OWN.map(|(schema, name, query)| ViewDefinition::new(schema, name, query)).into()
    }
}

impl View {
    pub(super) fn new(definition: ViewDefinition, columns: Vec<Column>, place: usize) -> Self {
        let place = u32::try_from(place).expect("nobody defines four billion views");
        let query = without_comments(&definition.query);
        let comment = comment(&definition.query);
        let ViewDefinition { schema, name, .. } = definition;
        View { schema, name, oid: VIEW_OIDS + place, query, columns, comment }
    }
}

impl View {
    pub(super) fn namespace(&self) -> u32 {
        match self.schema {
            TALEA => TALEA_NAMESPACE,
            _ => PUBLIC_NAMESPACE,
        }
    }

    /// The name as `regclass` shows it, with its schema unless that is found without.
    pub(super) fn shown_name(&self) -> String {
        match self.schema {
            "public" => self.name.clone(),
            schema => format!("{schema}.{}", self.name),
        }
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
