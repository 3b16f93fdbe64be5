//! The parameters of random queries: values that take the place of constants, of all kinds and as
//! arrays, with their types told to the server or left to it to find out.

use super::answer::Answer;
use super::random::{Kind, Writer};
use tests::RawClient;

/// A parameter as it is bound: the type that is told (0: none), and its text.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) type_oid: u32,
    pub(super) value: Option<String>,
}

/// A query with the values of its parameters.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) query: String,
    pub(super) parameters: Vec<Parameter>,
}

impl Bound {
    pub(super) fn answer(&self, client: &mut RawClient) -> Answer {
        if self.parameters.is_empty() {
            return Answer::to(client, &self.query);
        }
        let types: Vec<u32> = self.parameters.iter().map(|each| each.type_oid).collect();
        let values: Vec<Option<&str>> =
            self.parameters.iter().map(|each| each.value.as_deref()).collect();
        Answer::of(&client.query_bound(&self.query, &types, &values))
    }

    /// For a message of a failing test.
    pub(super) fn told(&self) -> String {
        match self.parameters.is_empty() {
            true => self.query.clone(),
            false => format!("{}\n  with {:?}", self.query, self.parameters),
        }
    }
}

/// The type of a kind, the type of its arrays, and values of it.
fn values(kind: Kind) -> (u32, u32, &'static [&'static str]) {
    match kind {
        Kind::Int => (20, 1016, &["0", "1", "2", "17", "40"]),
        Kind::Money => (1700, 1231, &["0", "1500.00", "0.5", "-7.25", "250"]),
        Kind::Text => (25, 1009, &["cash", "debit", "sales:books", "Z"]),
        Kind::Time => (1184, 1185, &["2025-01-31 23:59:59.999999+00", "2025-04-15 00:00:00+00"]),
        Kind::Bool => (16, 1000, &["t", "f"]),
    }
}

impl Writer<'_> {
    /// Rows of the source by parameters: beside columns, in lists, as arrays, as limits.
    pub(super) fn bound(&mut self, from: &str) -> Bound {
        let mut parameters = Vec::new();
        let count = 1 + self.dice.below(3);
        let conditions: Vec<String> =
            (0..count).map(|_| self.bound_condition(&mut parameters)).collect();
        let joined = self.pick(&[" AND ", " OR "]);
        let items = [self.column(Kind::Text), self.column(Kind::Money), self.column(Kind::Int)];
        let items = super::random::named(&items);
        let filter = conditions.join(joined);
        let shown = match self.one_in(3) {
            true => {
                let kind = self.pick(&[Kind::Int, Kind::Money, Kind::Text, Kind::Time]);
                let column = self.column(kind);
                let name = self.parameter(kind, &mut parameters);
                format!(", coalesce({column}, {name}) AS c3")
            }
            false => String::new(),
        };
        let ordered = self.ordered(if shown.is_empty() { 3 } else { 4 });
        Bound {
            query: format!("SELECT {items}{shown} FROM {from} WHERE {filter}{ordered}"),
            parameters,
        }
    }

    fn bound_condition(&mut self, parameters: &mut Vec<Parameter>) -> String {
        let kind = self.pick(&[Kind::Int, Kind::Money, Kind::Text, Kind::Time]);
        let column = self.column(kind);
        match self.dice.below(7) {
            0 => {
                let names = [self.parameter(kind, parameters), self.parameter(kind, parameters)];
                let not = self.pick(&["", "NOT "]);
                format!("{column} {not}IN ({})", names.join(", "))
            }
            1 => {
                let names = [self.parameter(kind, parameters), self.parameter(kind, parameters)];
                format!("{column} BETWEEN {}", names.join(" AND "))
            }
            2 | 3 => {
                let op = self.pick(&["= ANY", "<> ALL", "< ANY", ">= ALL"]);
                format!("{column} {op} ({})", self.array_parameter(kind, parameters))
            }
            4 => {
                let text = self.column(Kind::Text);
                let names =
                    [self.parameter(kind, parameters), self.parameter(Kind::Text, parameters)];
                let op = self.pick(&["=", "<>", "<", ">="]);
                format!("({column}, {text}) {op} ({})", names.join(", "))
            }
            5 => format!("{column} IS DISTINCT FROM {}", self.parameter(kind, parameters)),
            _ => {
                let op = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{column} {op} {}", self.parameter(kind, parameters))
            }
        }
    }

    fn parameter(&mut self, kind: Kind, parameters: &mut Vec<Parameter>) -> String {
        let (type_oid, _, values) = values(kind);
        let value = (!self.one_in(8)).then(|| self.pick(values).to_owned());
        let type_oid = if self.one_in(2) { type_oid } else { 0 };
        parameters.push(Parameter { type_oid, value });
        format!("${}", parameters.len())
    }

    fn array_parameter(&mut self, kind: Kind, parameters: &mut Vec<Parameter>) -> String {
        let (_, type_oid, values) = values(kind);
        // An array of numerics has whole ones only.
        let values = if kind == Kind::Money { &["0", "1500", "-7", "250"][..] } else { values };
        let count = self.dice.below(4);
        let items: Vec<String> = (0..count)
            .map(|_| match self.one_in(5) {
                true => "NULL".to_owned(),
                false => format!("\"{}\"", self.pick(values)),
            })
            .collect();
        let type_oid = if self.one_in(2) { type_oid } else { 0 };
        parameters.push(Parameter { type_oid, value: Some(format!("{{{}}}", items.join(","))) });
        format!("${}", parameters.len())
    }

    /// Tables' names as rows, `t.*` through subqueries, rows that are compared.
    pub(super) fn whole_rows(&mut self, from: &str) -> String {
        let items = [self.column(Kind::Text), self.column(Kind::Money), self.column(Kind::Int)];
        let items = super::random::named(&items);
        let filter = self.condition(1);
        let rows = format!("(SELECT {items} FROM {from} WHERE {filter})");
        match self.dice.below(6) {
            0 => format!("SELECT to_jsonb(s) FROM {rows} s ORDER BY s.c0, s.c1, s.c2"),
            1 => format!("SELECT row_to_json(s) FROM {rows} s ORDER BY s.c0, s.c1, s.c2"),
            2 => format!("SELECT s.*, 1 AS one FROM (SELECT r.* FROM {rows} r) s ORDER BY 1, 2, 3"),
            3 => {
                let op = self.pick(&["=", "<>", "<", ">="]);
                let (text, number) = (self.constant(Kind::Text), self.constant(Kind::Int));
                format!(
                    "SELECT s.* FROM {rows} s WHERE (s.c0, s.c2) {op} ({text}, {number}) \
                     ORDER BY 1, 2, 3"
                )
            }
            4 => format!(
                "SELECT json_agg(s) FROM (SELECT r.* FROM {rows} r ORDER BY r.c0, r.c1, r.c2) s"
            ),
            _ => format!("SELECT count(*), count(s.c0) FROM {rows} s WHERE s IS NOT NULL"),
        }
    }
}
