//! `ON CONFLICT … DO NOTHING`: which uniqueness a row may meet without being an error.

use super::{Table, identifier};
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::ast;
use store::{Conflict, UniqueKey};

/// What the clause asks for; `None` without one.
pub(super) fn resolve(clause: Option<&ast::OnInsert>, table: Table) -> Result<Option<Conflict>> {
    let Some(clause) = clause else { return Ok(None) };
    let ast::OnInsert::OnConflict(clause) = clause else {
        return Err(Error::new(Fault::SyntaxError, "syntax error at or near \"ON\""));
    };
    if let ast::OnConflictAction::DoUpdate(_) = clause.action {
        return Err(Error::unsupported("ON CONFLICT DO UPDATE is not supported").with_hint(
            "History is never changed. DO NOTHING skips what is there already; an account changes \
             by UPDATE accounts SET … WHERE book = … AND path = ….",
        ));
    }
    if table == Table::Postings {
        return Err(Error::unsupported("ON CONFLICT on \"postings\" is not supported")
            .with_hint("What makes a transaction unique is its idempotency_key."));
    }
    match &clause.conflict_target {
        None => Ok(Some(Conflict::Any)),
        Some(ast::ConflictTarget::Columns(columns)) => {
            let mut columns: Vec<String> = columns.iter().map(identifier).collect();
            if let Some(unknown) = columns.iter().find(|name| table.column(name).is_none()) {
                let message = format!("column \"{unknown}\" does not exist");
                return Err(Error::new(Fault::UndefinedColumn, message));
            }
            columns.sort_unstable();
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let found = unique_keys(table).iter().find(|(wanted, _, _)| *wanted == columns);
            found.map(|(_, _, key)| Some(Conflict::On(*key))).ok_or_else(no_such_key)
        }
        Some(ast::ConflictTarget::OnConstraint(name)) => {
            let name = name.0.last().and_then(|part| part.as_ident()).map(identifier);
            let name = name.unwrap_or_default();
            let found = unique_keys(table).iter().find(|(_, wanted, _)| *wanted == name);
            found.map(|(_, _, key)| Some(Conflict::On(*key))).ok_or_else(|| {
                let message =
                    format!("constraint \"{name}\" for table \"{}\" does not exist", table.name());
                Error::new(Fault::UndefinedObject, message)
            })
        }
    }
}

type Unique = (&'static [&'static str], &'static str, UniqueKey);

/// Columns in alphabetical order, the constraint's name, and what it is.
fn unique_keys(table: Table) -> &'static [Unique] {
    match table {
        Table::Assets => &[(&["id"], "assets_pkey", UniqueKey::Asset)],
        Table::Accounts => &[(&["book", "path"], "accounts_pkey", UniqueKey::Account)],
        Table::Transactions | Table::Transfers => &[
            (
                &["book", "idempotency_key"],
                "transactions_idempotency_key",
                UniqueKey::IdempotencyKey,
            ),
            (&["book", "tx_id"], "transactions_pkey", UniqueKey::TxId),
            (&["tx_id"], "transactions_pkey", UniqueKey::TxId),
            (&["book", "reverses"], "transactions_reverses_key", UniqueKey::Reverses),
        ],
        Table::Postings => &[],
    }
}

fn no_such_key() -> Error {
    Error::new(
        Fault::InvalidColumnReference,
        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    )
    .with_hint("Leave the target out, or name (book, idempotency_key).")
}
