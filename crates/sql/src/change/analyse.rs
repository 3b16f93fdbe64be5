//! From the syntax of an UPDATE to its plan.

use super::ChangePlan;
use crate::expression::{Analysis, Expression, ParameterTypes};
use crate::insert::{Returning, Table, identifier, prepare_computed};
use crate::query::QueryEngine;
use crate::settings::SessionSettings;
use crate::{Error, Fault, PgType, Result};
use datafusion::sql::sqlparser::ast;

pub(super) async fn analyse(
    update: &ast::Update,
    given: &[Option<PgType>],
    settings: &SessionSettings,
    query: &QueryEngine,
) -> Result<ChangePlan> {
    refuse_odd_forms(update)?;
    let ast::TableFactor::Table { name, alias, .. } = &update.table.relation else {
        return Err(odd_form());
    };
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| part.as_ident().map(identifier).ok_or_else(odd_form))
        .collect::<Result<_>>()?;
    match Table::resolve(&parts, settings, "UPDATE")? {
        Table::Accounts => {}
        other => return Err(crate::statement::update_refused(other.name())),
    }
    let alias = alias.as_ref().map(|alias| identifier(&alias.name));
    let mut reader = Reader {
        names: vec![alias.clone().unwrap_or_else(|| "accounts".to_owned())],
        analysis: Analysis { parameters: ParameterTypes::new(given), ..Analysis::default() },
        plan: Changes::default(),
    };
    for assignment in &update.assignments {
        reader.assignment(assignment)?;
    }
    reader.condition(update.selection.as_ref().ok_or_else(which_accounts)?)?;
    let Reader {
        mut analysis, plan: Changes { min_balance, metadata, closed, book, paths }, ..
    } = reader;
    if paths.is_empty() {
        return Err(which_accounts());
    }
    let computed = prepare_computed(&mut analysis, settings, query).await;
    let computed = computed.map_err(|error| match error.fault() {
        Fault::UndefinedColumn => computed_from_ledger(),
        _ => error,
    })?;
    let returning = match &update.returning {
        Some(items) => {
            Some(Returning::analyse(Table::Accounts, alias.as_deref(), items, &mut analysis)?)
        }
        None => None,
    };
    let parameter_types = analysis.parameters.finish()?;
    Ok(ChangePlan {
        min_balance,
        metadata,
        closed,
        book,
        paths,
        computed,
        returning,
        parameter_types,
    })
}

#[derive(Debug, Default)]
struct Changes {
    min_balance: Option<Expression>,
    metadata: Option<Expression>,
    closed: Option<Expression>,
    book: Option<Expression>,
    paths: Vec<Expression>,
}

struct Reader {
    /// What may stand before a column's name.
    names: Vec<String>,
    analysis: Analysis,
    plan: Changes,
}

impl Reader {
    fn assignment(&mut self, assignment: &ast::Assignment) -> Result<()> {
        let ast::AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(odd_form());
        };
        let name = match name.0.as_slice() {
            [part] => part.as_ident().map(identifier).ok_or_else(odd_form)?,
            _ => return Err(odd_form()),
        };
        let wanted = match name.as_str() {
            "min_balance" => PgType::Numeric,
            "metadata" => PgType::Jsonb,
            "closed" => PgType::Bool,
            _ => return Err(not_changeable(&name)),
        };
        let value = match &assignment.value {
            ast::Expr::Identifier(word)
                if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") =>
            {
                Expression::Default
            }
            value => self.analysis.value(value, Some(wanted))?,
        };
        let place = match name.as_str() {
            "min_balance" => &mut self.plan.min_balance,
            "metadata" => &mut self.plan.metadata,
            _ => &mut self.plan.closed,
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Fault::SyntaxError,
                format!("multiple assignments to same column \"{name}\""),
            )),
        }
    }

    fn condition(&mut self, condition: &ast::Expr) -> Result<()> {
        match condition {
            ast::Expr::Nested(inner) => self.condition(inner),
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::And, right } => {
                self.condition(left)?;
                self.condition(right)
            }
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right } => {
                match (left.as_ref(), right.as_ref()) {
                    (ast::Expr::Tuple(columns), ast::Expr::Tuple(values))
                        if columns.len() == values.len() =>
                    {
                        columns.iter().zip(values).try_for_each(|(column, value)| {
                            self.equal(column, std::slice::from_ref(value))
                        })
                    }
                    (column, value) if self.column(column).is_some() => {
                        self.equal(column, std::slice::from_ref(value))
                    }
                    (value, column) => self.equal(column, std::slice::from_ref(value)),
                }
            }
            ast::Expr::InList { expr, list, negated: false } => self.equal(expr, list),
            _ => Err(which_accounts()),
        }
    }

    /// `column` is one of `values`.
    fn equal(&mut self, column: &ast::Expr, values: &[ast::Expr]) -> Result<()> {
        let found = self.column(column);
        let mut analysed = values
            .iter()
            .map(|value| self.analysis.value(value, Some(PgType::Text)))
            .collect::<Result<Vec<_>>>()?;
        match (found.as_deref(), analysed.len()) {
            (Some("book"), 1) if self.plan.book.is_none() => self.plan.book = analysed.pop(),
            (Some("path"), 1..) if self.plan.paths.is_empty() => self.plan.paths = analysed,
            _ => return Err(which_accounts()),
        }
        Ok(())
    }

    fn column(&self, expression: &ast::Expr) -> Option<String> {
        match expression {
            ast::Expr::Nested(inner) => self.column(inner),
            ast::Expr::Identifier(name) => Some(identifier(name)),
            ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] if self.names.contains(&identifier(table)) => Some(identifier(name)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn refuse_odd_forms(update: &ast::Update) -> Result<()> {
    let odd = !update.table.joins.is_empty()
        || update.from.is_some()
        || update.or.is_some()
        || update.output.is_some()
        || !update.order_by.is_empty()
        || update.limit.is_some();
    if odd { Err(odd_form()) } else { Ok(()) }
}

fn odd_form() -> Error {
    Error::unsupported("this form of UPDATE is not supported").with_hint(FORM)
}

const FORM: &str = "UPDATE accounts SET min_balance = …, metadata = …, closed = … \
    WHERE book = … AND path = … (or path IN (…)) is supported.";

pub(super) fn which_accounts() -> Error {
    Error::unsupported("UPDATE of accounts by another condition than book and path").with_hint(FORM)
}

fn computed_from_ledger() -> Error {
    Error::unsupported("UPDATE of an account to a value computed from its columns")
        .with_detail("It could be out of date by the time it commits.")
        .with_hint("Read the account, then set the new value itself.")
}

fn not_changeable(column: &str) -> Error {
    match Table::Accounts.column(column) {
        Some(_) => Error::unsupported(format!("column \"{column}\" of accounts cannot be changed"))
            .with_hint("What can be changed: min_balance, metadata, closed."),
        None => Error::new(
            Fault::UndefinedColumn,
            format!("column \"{column}\" of relation \"accounts\" does not exist"),
        ),
    }
}
