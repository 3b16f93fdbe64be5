//! Shapes of random queries that have more than one SELECT in them: subqueries as conditions and
//! values, LATERAL, set operations; and windows with frames.

use super::random::{Kind, Writer, named};

/// Tables to look into from another query, under the name `i`, and which text of theirs the other
/// query may know.
const INNER: [(&str, &[(&str, Kind)]); 3] = [
    (
        "postings i",
        &[
            ("i.idx", Kind::Int),
            ("i.seq", Kind::Int),
            ("i.amount", Kind::Money),
            ("i.account", Kind::Text),
            ("i.direction", Kind::Text),
            ("i.occurred_at", Kind::Time),
        ],
    ),
    (
        "accounts i",
        &[
            ("i.opened_seq", Kind::Int),
            ("i.min_balance", Kind::Money),
            ("i.balance", Kind::Money),
            ("i.path", Kind::Text),
            ("i.kind", Kind::Text),
            ("i.closed", Kind::Bool),
        ],
    ),
    (
        "(VALUES (1, 'cash', 0.5, true), (2, NULL, 1500, NULL), (NULL, 'debit', NULL, false), (2, 'cash', 0.5, true)) AS i (vn, vt, vm, vb)",
        &[("i.vn", Kind::Int), ("i.vt", Kind::Text), ("i.vm", Kind::Money), ("i.vb", Kind::Bool)],
    ),
];

type Inner = (&'static str, &'static [(&'static str, Kind)]);

impl Writer<'_> {
    fn inner(&mut self) -> Inner {
        self.pick(&INNER)
    }

    /// A column of the inner table, of a kind if it has one.
    fn inner_column(&mut self, inner: Inner, kind: Kind) -> Option<&'static str> {
        let columns: Vec<&str> =
            inner.1.iter().filter(|column| column.1 == kind).map(|column| column.0).collect();
        if columns.is_empty() { None } else { Some(self.pick(&columns)) }
    }

    /// ` WHERE …` that may look at the outer row.
    fn inner_filter(&mut self, inner: Inner) -> String {
        let kind = self.pick(&[Kind::Int, Kind::Text, Kind::Money]);
        let Some(column) = self.inner_column(inner, kind) else { return String::new() };
        match self.dice.below(4) {
            0 => String::new(),
            1 => format!(" WHERE {column} = {}", self.column(kind)),
            2 => {
                let op = self.pick(&["<", ">=", "<>", "IS NOT DISTINCT FROM"]);
                format!(" WHERE {column} {op} {}", self.column(kind))
            }
            _ => format!(" WHERE {column} >= {}", self.constant(kind)),
        }
    }

    /// A condition on the rows of a subquery.
    pub(super) fn condition_of_rows(&mut self) -> String {
        let inner = self.inner();
        let kind = self.pick(&[Kind::Int, Kind::Text, Kind::Money]);
        let column = self.inner_column(inner, kind).unwrap_or("NULL");
        let filter = self.inner_filter(inner);
        let rows = format!("(SELECT {column} FROM {}{filter})", inner.0);
        let left = self.column(kind);
        match self.dice.below(6) {
            0 => format!("{left} IN {rows}"),
            1 => format!("{left} NOT IN {rows}"),
            2 => {
                let op = self.pick(&["=", "<>", "<", ">="]);
                let some = self.pick(&["ANY", "ALL"]);
                format!("{left} {op} {some} {rows}")
            }
            3 => format!("NOT EXISTS {rows}"),
            4 => {
                let text = self.inner_column(inner, Kind::Text).unwrap_or("NULL");
                let own = self.column(Kind::Text);
                let not = self.pick(&["", "NOT "]);
                format!(
                    "({left}, {own}) {not}IN (SELECT {column}, {text} FROM {}{filter})",
                    inner.0
                )
            }
            _ => format!("EXISTS {rows}"),
        }
    }

    /// A subquery that stands for a value.
    fn value_of_rows(&mut self, kind: Kind) -> String {
        let inner = self.inner();
        let Some(column) = self.inner_column(inner, kind) else { return self.column(kind) };
        let filter = self.inner_filter(inner);
        let from = inner.0;
        match (kind, self.dice.below(3)) {
            (Kind::Int, 0) => format!("(SELECT count({column}) FROM {from}{filter})"),
            (Kind::Int | Kind::Money | Kind::Text, 1) => {
                format!("(SELECT max({column}) FROM {from}{filter})")
            }
            _ => {
                let direction = self.pick(&["", " DESC", " NULLS FIRST"]);
                format!(
                    "(SELECT {column} FROM {from}{filter} ORDER BY {column}{direction} LIMIT 1)"
                )
            }
        }
    }

    /// Values and conditions of subqueries in a select list and in WHERE.
    pub(super) fn with_subqueries(&mut self, from: &str) -> String {
        let kind = self.pick(&[Kind::Int, Kind::Money, Kind::Text]);
        let mut items = vec![self.column(Kind::Text), self.column(Kind::Money)];
        items.push(self.value_of_rows(kind));
        if self.one_in(2) {
            items.push(format!("({})", self.condition_of_rows()));
        }
        let filter = match self.dice.below(3) {
            0 => String::new(),
            1 => format!(" WHERE {}", self.condition_of_rows()),
            _ => format!(" WHERE {} OR {}", self.condition_of_rows(), self.condition(0)),
        };
        let query = format!("SELECT {} FROM {from}{filter}", named(&items));
        format!("{query}{}", self.ordered(items.len()))
    }

    pub(super) fn lateral(&mut self, from: &str) -> String {
        let inner = self.inner();
        let kind = self.pick(&[Kind::Int, Kind::Money, Kind::Text]);
        let column = self.inner_column(inner, kind).unwrap_or("NULL");
        let filter = self.inner_filter(inner);
        let own = self.column(kind);
        let items = match self.dice.below(4) {
            0 => format!("count({column}) AS x, max({column}) AS y FROM {}{filter}", inner.0),
            1 => format!("{column} AS x, {own} AS y FROM {}{filter}", inner.0),
            2 => format!("DISTINCT {column} AS x, 1 AS y FROM {}{filter}", inner.0),
            _ => format!(
                "{column} AS x, row_number() OVER (ORDER BY {column}) AS y FROM {}{filter} ORDER BY {column} LIMIT 3",
                inner.0
            ),
        };
        let join = self.pick(&["CROSS JOIN LATERAL", "LEFT JOIN LATERAL"]);
        let on = if join.starts_with("LEFT") { " ON true" } else { "" };
        let items_of_outer = [self.column(Kind::Text), self.column(Kind::Money)];
        let mut selected = items_of_outer.to_vec();
        selected.extend(["l.x".to_owned(), "l.y".to_owned()]);
        let query =
            format!("SELECT {} FROM {from} {join} (SELECT {items}) AS l{on}", named(&selected));
        format!("{query}{}", self.ordered(selected.len()))
    }

    pub(super) fn set_operation(&mut self, from: &str) -> String {
        let kinds = [self.pick(&[Kind::Int, Kind::Money]), self.pick(&[Kind::Text, Kind::Int])];
        let inner = self.inner();
        let left: Vec<String> = kinds.iter().map(|kind| self.column(*kind)).collect();
        let right: Vec<String> = kinds
            .iter()
            .map(|kind| {
                self.inner_column(inner, *kind).map_or_else(|| self.constant(*kind), str::to_owned)
            })
            .collect();
        let operation = self.pick(&[
            "UNION",
            "UNION ALL",
            "EXCEPT",
            "EXCEPT ALL",
            "INTERSECT",
            "INTERSECT ALL",
        ]);
        let filter = self.condition(1);
        let query = format!(
            "SELECT {} FROM {from} WHERE {filter} {operation} SELECT {} FROM {}",
            named(&left),
            right.join(", "),
            inner.0
        );
        format!("{query}{}", self.ordered(2))
    }

    /// Windows whose order has no ties, so that each row has one answer.
    pub(super) fn windows(&mut self, from: &str) -> String {
        let kind = self.pick(&[Kind::Int, Kind::Money, Kind::Text]);
        let (partition, value) = (self.column(Kind::Text), self.column(kind));
        let number = self.column(Kind::Money);
        let frame = self.pick(&[
            "",
            " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
            " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            " ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING",
        ]);
        let over = format!("PARTITION BY {partition} ORDER BY {value}, {number}");
        let items = [
            partition.clone(),
            value.clone(),
            number.clone(),
            format!("count(*) OVER ({over})"),
            format!("dense_rank() OVER ({over})"),
            format!(
                "sum({number}) OVER (PARTITION BY {partition} ORDER BY {number}, {value}{frame})"
            ),
            format!("lag({number}) OVER (PARTITION BY {partition} ORDER BY {number}, {value})"),
            format!("max({value}) OVER (PARTITION BY {partition})"),
        ];
        let query = format!("SELECT {} FROM {from}", named(&items));
        format!("{query}{}", self.ordered(items.len()))
    }
}
