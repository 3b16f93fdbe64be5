//! What a result column is called when the statement does not say: Postgres' rules.
//!
//! DataFusion wants the names of a projection to be unique and Postgres does not, so a repeated
//! name carries a suffix while a statement is planned and [`shown`] takes it off again.

use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType as SqlType, Expr, Ident, OrderBy, OrderByKind, Query,
    Select, SelectItem, SetExpr, TableFactor, TrimWhereField, Value, Visit, Visitor,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

const REPEATED: char = '\u{1}';

/// The name without the suffix that kept it unique.
pub(super) fn shown(name: &str) -> &str {
    name.split(REPEATED).next().unwrap_or(name)
}

/// Gives every expression of the query's select lists the name Postgres would show.
pub(super) fn name_columns(query: &mut Query) {
    let mut reserved = query.order_by.as_ref().map(qualified_names).unwrap_or_default();
    if let SetExpr::Select(select) = query.body.as_ref()
        && let Some(having) = &select.having
    {
        let asked = unqualified_names(having);
        if let Some(order_by) = &mut query.order_by {
            by_place(order_by, &select.projection, &asked);
        }
        reserved.extend(asked);
    }
    name_body(&mut query.body, &reserved);
}

/// HAVING knows columns of tables only: no computed column may be called like one meanwhile.
fn unqualified_names(having: &Expr) -> HashSet<String> {
    struct Names(HashSet<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Identifier(name) = expr {
                self.0.insert(folded(name));
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(HashSet::new());
    let _: ControlFlow<()> = having.visit(&mut names);
    names.0
}

/// `ORDER BY` the place of a computed column that is called otherwise meanwhile.
fn by_place(order_by: &mut OrderBy, items: &[SelectItem], renamed: &HashSet<String>) {
    let OrderByKind::Expressions(keys) = &mut order_by.kind else { return };
    for key in keys {
        let Expr::Identifier(name) = &key.expr else { continue };
        let name = folded(name);
        let place = items.iter().position(
            |item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if folded(alias) == name),
        );
        if let Some(place) = place.filter(|_| renamed.contains(&name)) {
            let place = Value::Number((place + 1).to_string(), false);
            key.expr = Expr::Value(place.with_empty_span());
        }
    }
}

/// Names that a subquery gives to several of its columns.
fn repeated_names(query: &Query) -> HashSet<String> {
    let SetExpr::Select(select) = query.body.as_ref() else { return HashSet::new() };
    let mut once = HashSet::new();
    let names = select.projection.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) => {
            bare_name(expr).or_else(|| figure(expr).map(|(name, _)| name))
        }
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    });
    names.filter(|name| !once.insert(name.clone())).collect()
}

/// A name that stands for several columns of a subquery in FROM.
pub(super) fn check_ambiguous(query: &Query) -> Result<(), Error> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
    let with = query.with.iter().flat_map(|with| &with.cte_tables);
    let named: Vec<(String, HashSet<String>)> = with
        .filter(|cte| cte.alias.columns.is_empty())
        .map(|cte| (folded(&cte.alias.name), repeated_names(&cte.query)))
        .collect();
    let tables = select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    });
    let mut repeated = HashSet::new();
    for table in tables {
        let (alias, names) = match table {
            TableFactor::Derived { subquery, alias: Some(alias), .. }
                if alias.columns.is_empty() =>
            {
                (folded(&alias.name), repeated_names(subquery))
            }
            TableFactor::Table { name, alias, args: None, .. } => {
                let Some(own) = name.0.last().and_then(|part| part.as_ident()) else { continue };
                let Some((_, names)) = named.iter().find(|(cte, _)| *cte == folded(own)) else {
                    continue;
                };
                (folded(alias.as_ref().map_or(own, |alias| &alias.name)), names.clone())
            }
            _ => continue,
        };
        for name in names {
            repeated.insert(format!("{alias}.{name}"));
            repeated.insert(name);
        }
    }
    if repeated.is_empty() {
        return Ok(());
    }
    let mut finder = Ambiguous { repeated, depth: 0 };
    match select.visit(&mut finder) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Leaves subqueries alone: a name may be of their own tables.
struct Ambiguous {
    repeated: HashSet<String>,
    depth: usize,
}

impl Visitor for Ambiguous {
    type Break = Error;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let name = match expr {
            Expr::Identifier(name) => folded(name),
            Expr::CompoundIdentifier(parts) => {
                parts.iter().map(folded).collect::<Vec<_>>().join(".")
            }
            _ => return ControlFlow::Continue(()),
        };
        if self.depth > 0 || !self.repeated.contains(&name) {
            return ControlFlow::Continue(());
        }
        let message = format!("column reference \"{name}\" is ambiguous");
        ControlFlow::Break(Error::new(Fault::AmbiguousColumn, message))
    }
}

fn name_body(body: &mut SetExpr, sorted_by: &HashSet<String>) {
    match body {
        SetExpr::Select(select) => name_select(select, sorted_by),
        SetExpr::SetOperation { left, right, .. } => {
            name_body(left, sorted_by);
            name_body(right, sorted_by);
        }
        _ => {}
    }
}

/// `ORDER BY t.c` means the table's column: no computed column may be called `c` meanwhile.
fn qualified_names(order_by: &OrderBy) -> HashSet<String> {
    struct Names(HashSet<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::CompoundIdentifier(parts) = expr {
                self.0.extend(parts.last().map(folded));
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(HashSet::new());
    let _: ControlFlow<()> = order_by.visit(&mut names);
    names.0
}

fn name_select(select: &mut Select, sorted_by: &HashSet<String>) {
    let wildcard = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
    let mut taken: HashSet<String> = HashSet::new();
    for (index, item) in select.projection.iter_mut().enumerate() {
        let (expr, name, own) = match item {
            SelectItem::UnnamedExpr(expr) => match bare_name(expr) {
                Some(name) => (expr, name, false),
                None => {
                    let name = figure(expr).map_or_else(|| "?column?".to_owned(), |named| named.0);
                    (expr, name, true)
                }
            },
            SelectItem::ExprWithAlias { expr, alias } => (expr, folded(alias), true),
            _ => continue,
        };
        let clashes = own && sorted_by.contains(&name);
        let repeated = !taken.insert(name.clone()) || (wildcard && !own) || clashes;
        if !own && !repeated {
            continue;
        }
        let name = if repeated { format!("{name}{REPEATED}{index}") } else { name };
        let expr = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
    }
}

/// A column's own name; it needs no alias.
fn bare_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) if is_function(ident) => None,
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        _ => None,
    }
}

/// Functions that look like columns.
fn is_function(ident: &Ident) -> bool {
    let name = ident.value.to_ascii_lowercase();
    ident.quote_style.is_none() && matches!(name.as_str(), "localtime" | "localtimestamp")
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The name and whether it is a strong one, which a cast or CASE around it keeps.
fn figure(expr: &Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(ident) if is_function(ident) => strong(&folded(ident)),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            bare_name(expr).map(|name| (name, true))
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Function(function) => {
            let name = function.name.0.last()?.as_ident()?;
            Some((folded(name), true))
        }
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {
            Some(("bool".to_owned(), false))
        }
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Exists { .. } => strong("exists"),
        Expr::Array(_) => strong("array"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::CompoundFieldAccess { root, access_chain } if is_subscripted(access_chain) => {
            figure(root)
        }
        Expr::Position { .. } => strong("position"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            Some(TrimWhereField::Both) | None => "btrim",
        }),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Tuple(_) => strong("row"),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expr) => figure(expr),
                SelectItem::ExprWithAlias { alias, .. } => Some((folded(alias), true)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// An element of an array has the array's name.
fn is_subscripted(access_chain: &[AccessExpr]) -> bool {
    access_chain.iter().all(|access| matches!(access, AccessExpr::Subscript(_)))
}

/// The name `pg_type` has for it.
fn type_name(data_type: &SqlType) -> String {
    let name = match data_type {
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => "int4",
        SqlType::BigInt(_) | SqlType::Int8(_) => "int8",
        SqlType::SmallInt(_) | SqlType::Int2(_) => "int2",
        SqlType::Text => "text",
        SqlType::Varchar(_) | SqlType::CharacterVarying(_) => "varchar",
        SqlType::Char(_) | SqlType::Character(_) => "bpchar",
        SqlType::Numeric(_) | SqlType::Decimal(_) | SqlType::Dec(_) => "numeric",
        SqlType::Boolean | SqlType::Bool => "bool",
        SqlType::Real | SqlType::Float4 => "float4",
        SqlType::Float(_) | SqlType::Float8 | SqlType::DoublePrecision | SqlType::Double(_) => {
            "float8"
        }
        SqlType::Date => "date",
        SqlType::Timestamp(_, zone) => {
            if zone.to_string().contains("WITH TIME ZONE") || zone.to_string() == "TZ" {
                "timestamptz"
            } else {
                "timestamp"
            }
        }
        SqlType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => return type_name(element),
        SqlType::Custom(name, _) => {
            return name
                .0
                .last()
                .and_then(|part| part.as_ident())
                .map_or_else(|| "?column?".to_owned(), folded);
        }
        other => return other.to_string().to_lowercase(),
    };
    name.to_owned()
}
