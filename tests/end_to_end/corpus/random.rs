//! Random queries over the same rows on both servers: same rows, same types, same SQLSTATE.
//!
//! The same queries at every run; `TALLYBOOK_SEED` gives others, `TALLYBOOK_QUERIES` more.

use super::answer::Answer;
use super::differences::Difference;
use super::ledger::Both;
use super::random_parameters::Bound;
use tests::Dice;

/// Classes that a random query may fall into. Any other difference is a bug.
const ALLOWED: [&str; 3] = ["38 digits", "scale", "wider integers"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Money,
    Text,
    Time,
    Bool,
}

const KINDS: [Kind; 5] = [Kind::Int, Kind::Money, Kind::Text, Kind::Time, Kind::Bool];

/// A table under a name of one letter, and the columns that are the same on both servers.
struct Source {
    from: &'static str,
    columns: &'static [(&'static str, Kind)],
}

const SOURCES: [Source; 5] = [
    Source {
        from: "postings p",
        columns: &[
            ("p.idx", Kind::Int),
            ("p.seq", Kind::Int),
            ("p.amount", Kind::Money),
            ("p.balance_after", Kind::Money),
            ("p.account", Kind::Text),
            ("p.asset", Kind::Text),
            ("p.direction", Kind::Text),
            ("p.occurred_at", Kind::Time),
        ],
    },
    Source {
        from: "accounts a",
        columns: &[
            ("a.opened_seq", Kind::Int),
            ("a.min_balance", Kind::Money),
            ("a.balance", Kind::Money),
            ("a.debits", Kind::Money),
            ("a.path", Kind::Text),
            ("a.kind", Kind::Text),
            ("a.normal_side", Kind::Text),
            ("a.closed", Kind::Bool),
        ],
    },
    Source {
        from: "transactions t",
        columns: &[
            ("t.seq", Kind::Int),
            ("t.idempotency_key", Kind::Text),
            ("t.book", Kind::Text),
            ("(t.metadata ->> 'channel')", Kind::Text),
            ("t.occurred_at", Kind::Time),
            ("(t.metadata ? 'order')", Kind::Bool),
        ],
    },
    Source {
        from: "postings p JOIN accounts a ON a.book = p.book AND a.path = p.account",
        columns: &[
            ("p.seq", Kind::Int),
            ("p.amount", Kind::Money),
            ("a.balance", Kind::Money),
            ("a.min_balance", Kind::Money),
            ("a.kind", Kind::Text),
            ("p.direction", Kind::Text),
            ("p.occurred_at", Kind::Time),
            ("a.closed", Kind::Bool),
        ],
    },
    Source {
        from: "accounts a LEFT JOIN postings p ON p.book = a.book AND p.account = a.path AND p.amount > 1000",
        columns: &[
            ("p.idx", Kind::Int),
            ("p.amount", Kind::Money),
            ("a.credits", Kind::Money),
            ("a.path", Kind::Text),
            ("p.direction", Kind::Text),
            ("p.occurred_at", Kind::Time),
            ("a.closed", Kind::Bool),
        ],
    },
];

const DOCUMENTS: [&str; 10] = [
    "'1'::jsonb",
    "'1.0'::jsonb",
    "'-1.50'::jsonb",
    "'\"a\"'::jsonb",
    "'[1, {\"a\": 2.0}]'::jsonb",
    "'[1.00, {\"a\": 2}]'::jsonb",
    "'{\"b\": 1, \"a\": null}'::jsonb",
    "'{\"a\": null, \"b\": 1.0}'::jsonb",
    "'true'::jsonb",
    "NULL::jsonb",
];

/// Writes one query.
pub(super) struct Writer<'a> {
    pub(super) dice: &'a mut Dice,
    source: &'static Source,
}

impl Writer<'_> {
    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.dice.below(from.len() as u64) as usize].clone()
    }

    pub(super) fn one_in(&mut self, sides: u64) -> bool {
        self.dice.below(sides) == 0
    }

    pub(super) fn column(&mut self, kind: Kind) -> String {
        let source = self.source;
        let of_kind: Vec<&str> = source
            .columns
            .iter()
            .filter(|column| column.1 == kind)
            .map(|column| column.0)
            .collect();
        match of_kind.is_empty() {
            true => self.constant(kind),
            false => self.pick(&of_kind).to_owned(),
        }
    }

    pub(super) fn constant(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int => {
                self.pick(&["0", "1", "2", "17", "40", "NULL::int", "2147483647"]).to_owned()
            }
            Kind::Money => self
                .pick(&[
                    "0::numeric",
                    "1500.00",
                    "0.5",
                    "-7.25",
                    "99999999999999999999999999999999999999",
                    "10000000000000000000000000000000000000",
                    "NULL::numeric",
                ])
                .to_owned(),
            Kind::Text => self
                .pick(&["'cash'", "'sales:books'", "'debit'", "'web'", "''", "NULL::text", "'Z'"])
                .to_owned(),
            Kind::Time => self
                .pick(&[
                    "timestamptz '2025-01-31 23:59:59.999999+00'",
                    "timestamptz '2025-04-15 00:00:00+00'",
                    "timestamptz '2024-02-29 12:00:00+02'",
                    "NULL::timestamptz",
                ])
                .to_owned(),
            Kind::Bool => self.pick(&["true", "false", "NULL::bool"]).to_owned(),
        }
    }

    fn value(&mut self, kind: Kind, depth: u32) -> String {
        if depth == 0 || self.one_in(3) {
            return if self.one_in(4) { self.constant(kind) } else { self.column(kind) };
        }
        let d = depth - 1;
        match self.dice.below(4) {
            0 => {
                let (condition, a, b) =
                    (self.condition(d), self.value(kind, d), self.value(kind, d));
                format!("CASE WHEN {condition} THEN {a} ELSE {b} END")
            }
            1 => format!("coalesce({}, {})", self.value(kind, d), self.value(kind, d)),
            2 => format!("nullif({}, {})", self.value(kind, d), self.value(kind, d)),
            _ => self.computed(kind, d),
        }
    }

    fn computed(&mut self, kind: Kind, d: u32) -> String {
        match kind {
            Kind::Int => match self.dice.below(4) {
                0 => format!("length({})", self.value(Kind::Text, d)),
                1 => format!("({} % 7)", self.value(Kind::Int, d)),
                2 => format!("({} / 3)", self.value(Kind::Int, d)),
                _ => {
                    let op = self.pick(&["+", "-", "*"]);
                    // Postgres computes constants before there is a row that asks for them.
                    format!("({} {op} {})", self.column(Kind::Int), self.value(Kind::Int, d))
                }
            },
            Kind::Money => match self.dice.below(5) {
                0 => format!("abs({})", self.value(Kind::Money, d)),
                1 => format!("round({}, 1)", self.value(Kind::Money, d)),
                2 => format!("(-{})", self.value(Kind::Money, d)),
                3 => format!("({} + {})", self.value(Kind::Money, d), self.value(Kind::Int, d)),
                _ => {
                    let op = self.pick(&["+", "-", "*"]);
                    format!("({} {op} {})", self.value(Kind::Money, d), self.value(Kind::Money, d))
                }
            },
            Kind::Text => match self.dice.below(5) {
                0 => format!("upper({})", self.value(Kind::Text, d)),
                1 => format!(
                    "({} || '-' || {})",
                    self.value(Kind::Text, d),
                    self.value(Kind::Text, d)
                ),
                2 => format!("left({}, 3)", self.value(Kind::Text, d)),
                3 => format!("split_part({}, ':', 2)", self.value(Kind::Text, d)),
                _ => format!("replace({}, 'a', 'xy')", self.value(Kind::Text, d)),
            },
            Kind::Time => {
                let unit = self.pick(&["month", "day", "hour", "year"]);
                format!("date_trunc('{unit}', {})", self.value(Kind::Time, d))
            }
            Kind::Bool => format!("({})", self.condition(d)),
        }
    }

    pub(super) fn condition(&mut self, depth: u32) -> String {
        if depth > 0 && self.one_in(2) {
            let d = depth - 1;
            return match self.dice.below(3) {
                0 => format!("({} AND {})", self.condition(d), self.condition(d)),
                1 => format!("({} OR {})", self.condition(d), self.condition(d)),
                _ => format!("(NOT {})", self.condition(d)),
            };
        }
        let kind = self.pick(&KINDS);
        let d = depth.saturating_sub(1);
        let left = self.value(kind, d);
        match self.dice.below(9) {
            6 => {
                let op = self.pick(&["IN", "NOT IN", "= ANY", "<> ALL"]);
                // A subquery on the left of another is refused.
                let left = if left.contains("SELECT") { self.column(kind) } else { left };
                format!("({left} {op} ({}))", self.members(kind))
            }
            7 => {
                let not = self.pick(&["", "NOT "]);
                format!("({not}EXISTS ({}))", self.members(kind))
            }
            8 => self.documents(),
            0 => format!("{left} IS NULL"),
            1 => format!("{left} IS DISTINCT FROM {}", self.value(kind, d)),
            2 => format!("{left} IN ({}, {})", self.constant(kind), self.value(kind, d)),
            3 => format!("{left} BETWEEN {} AND {}", self.value(kind, d), self.constant(kind)),
            5 if depth == 0 && self.one_in(3) => {
                let constants = [self.constant(kind), self.constant(kind), self.constant(kind)];
                let op = self.pick(&["= ANY", "<> ALL", "< ANY"]);
                format!("{left} {op} (ARRAY[{}])", constants.join(", "))
            }
            4 if kind == Kind::Text => {
                let pattern = self.pick(&["%a%", "s%", "_a%", "%:%", ""]);
                let like = self.pick(&["LIKE", "NOT LIKE", "ILIKE"]);
                format!("{left} {like} '{pattern}'")
            }
            _ => {
                let op = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{left} {op} {}", self.value(kind, d))
            }
        }
    }

    /// A subquery of values of a kind: with NULLs or without, or with no row at all.
    fn members(&mut self, kind: Kind) -> String {
        let (column, table) = match kind {
            Kind::Int => ("m.idx", "postings m"),
            Kind::Money => ("m.min_balance", "accounts m"),
            Kind::Text => ("m.normal_side", "accounts m"),
            Kind::Time => ("m.occurred_at", "transactions m"),
            Kind::Bool => ("m.closed", "accounts m"),
        };
        let constant = self.constant(kind);
        let filter = self.pick(&[
            String::new(),
            format!(" WHERE {column} IS NOT NULL"),
            " WHERE false".to_owned(),
            format!(" WHERE {column} = {constant}"),
        ]);
        format!("SELECT {column} FROM {table}{filter}")
    }

    /// Documents that are compared: their texts say nothing.
    fn documents(&mut self) -> String {
        let left = self.pick(&DOCUMENTS);
        let right = self.pick(&DOCUMENTS);
        match self.dice.below(4) {
            0 => format!("{left} IN ({right}, {})", self.pick(&DOCUMENTS)),
            1 => format!("{left} IS DISTINCT FROM {right}"),
            2 => format!("nullif({left}, {right}) IS NULL"),
            _ => {
                let op = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{left} {op} {right}")
            }
        }
    }

    fn aggregate(&mut self) -> String {
        let filter = match self.one_in(4) {
            true => format!(" FILTER (WHERE {})", self.condition(0)),
            false => String::new(),
        };
        let distinct = if self.one_in(5) { "DISTINCT " } else { "" };
        let money = self.value(Kind::Money, 1);
        let call = match self.dice.below(7) {
            0 => "count(*)".to_owned(),
            1 => format!("count({distinct}{})", self.value(Kind::Text, 1)),
            2 => format!("sum({distinct}{money})"),
            3 => format!("min({money})"),
            4 => format!("max({})", self.value(Kind::Time, 1)),
            5 => format!("sum({})", self.column(Kind::Int)),
            _ => format!("bool_or({})", self.condition(0)),
        };
        call + &filter
    }

    /// A query, every fourth of them with parameters or of whole rows.
    fn bound_query(&mut self) -> Bound {
        let from = self.source.from;
        let query = match self.dice.below(8) {
            0 => return self.bound(from),
            1 => self.whole_rows(from),
            _ => self.query(),
        };
        Bound { query, parameters: Vec::new() }
    }

    fn query(&mut self) -> String {
        let filter = match self.one_in(3) {
            true => String::new(),
            false => format!(" WHERE {}", self.condition(2)),
        };
        let from = self.source.from;
        let count = 1 + self.dice.below(3);
        match self.dice.below(10) {
            5 => self.with_subqueries(from),
            6 => self.lateral(from),
            7 => self.set_operation(from),
            8 => self.windows(from),
            0 | 1 => {
                let items: Vec<String> = (0..count)
                    .map(|_| {
                        let kind = self.pick(&KINDS);
                        self.value(kind, 2)
                    })
                    .collect();
                let distinct = if self.one_in(3) { "DISTINCT " } else { "" };
                let query = format!("SELECT {distinct}{} FROM {from}{filter}", named(&items));
                format!("{query}{}", self.ordered(items.len()))
            }
            2 => {
                let kind = self.pick(&[Kind::Text, Kind::Time, Kind::Bool, Kind::Int]);
                let key = self.value(kind, 1);
                let mut items = vec![key.clone()];
                items.extend((0..count).map(|_| self.aggregate()));
                let having = if self.one_in(4) { " HAVING count(*) > 2" } else { "" };
                let query =
                    format!("SELECT {} FROM {from}{filter} GROUP BY {key}{having}", named(&items));
                // A constant key is no key to Postgres.
                let grouped = query.replace(&format!("GROUP BY {key}"), "GROUP BY 1");
                format!("{grouped}{}", self.ordered(items.len()))
            }
            3 => {
                let items: Vec<String> = (0..count).map(|_| self.aggregate()).collect();
                format!("SELECT {} FROM {from}{filter}", named(&items))
            }
            _ => {
                let (partition, money) = (self.column(Kind::Text), self.column(Kind::Money));
                // Ties are broken by all there is, so that a running sum has one order.
                let items = [
                    partition.clone(),
                    money.clone(),
                    format!("sum({money}) OVER (PARTITION BY {partition} ORDER BY {money})"),
                    format!("rank() OVER (PARTITION BY {partition} ORDER BY {money} DESC)"),
                ];
                let query = format!("SELECT {} FROM {from}{filter}", named(&items));
                format!("{query}{}", self.ordered(items.len()))
            }
        }
    }

    /// By every column, so that a limit takes the same rows on both sides.
    pub(super) fn ordered(&mut self, columns: usize) -> String {
        let direction = self.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        let keys: Vec<String> =
            (1..=columns).map(|number| format!("{number}{direction}")).collect();
        let limit = self.pick(&["", " LIMIT 5", " LIMIT 3 OFFSET 2"]);
        format!(" ORDER BY {}{limit}", keys.join(", "))
    }
}

pub(super) fn named(items: &[String]) -> String {
    let items = items.iter().enumerate().map(|(index, item)| format!("{item} AS c{index}"));
    items.collect::<Vec<_>>().join(", ")
}

/// The same answer without sizes, which a computed column need not tell.
fn without_sizes(mut answer: Answer) -> Answer {
    if let Answer::Rows { columns, .. } = &mut answer {
        columns.iter_mut().for_each(|column| column.typmod = -1);
    }
    answer
}

/// Tells the query that no answer came to.
struct Running<'a>(&'a str);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was being answered:\n{}", self.0);
        }
    }
}

#[test]
fn random_queries_are_answered_as_by_postgres() {
    let (seed, mut dice) = Dice::seeded_or(5);
    let queries = std::env::var("TALLYBOOK_QUERIES");
    let queries = queries.map_or(300, |text| text.parse().expect("TALLYBOOK_QUERIES is a number"));
    let both = Both::start();
    let (mut ours, mut theirs) = both.sessions();
    let mut differing = Vec::new();
    let mut answered = 0;
    for number in 0..queries {
        let source = &SOURCES[dice.below(SOURCES.len() as u64) as usize];
        let query = Writer { dice: &mut dice, source }.bound_query();
        let told = query.told();
        let running = Running(&told);
        let theirs = without_sizes(query.answer(&mut theirs));
        let ours = without_sizes(query.answer(&mut ours));
        drop(running);
        answered += usize::from(matches!(theirs, Answer::Rows { .. }));
        let allowed = || {
            let class = Difference::between(&ours, &theirs);
            class.is_some_and(|class| ALLOWED.contains(&class.name))
        };
        if !ours.agrees_with(&theirs) && !allowed() {
            differing.push(format!(
                "query {number} of TALLYBOOK_SEED={seed}:\n{told}\n  PostgreSQL: {}  tallybook:  {}",
                theirs.told(),
                ours.told()
            ));
        }
    }
    let told = differing.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differing.is_empty(), "{told}\n{} of {queries} queries differ", differing.len());
    assert!(answered * 2 > queries, "most queries mean something: {answered} of {queries}");
}
