//! What is understood and refused: each with the way to reach the same end here.

use super::cursor::Cursor;
use crate::Error;

const REVERSAL_HINT: &str = "History is never changed. Post a reversal: \
    INSERT INTO transactions (book, idempotency_key, reverses) VALUES (…).";

/// Why a statement that starts with `keyword` (in upper case) is refused; `None` where no Postgres
/// statement starts like that. `cursor` stands behind the keyword.
pub(super) fn refusal(keyword: &str, cursor: &mut Cursor<'_>) -> Option<Error> {
    let plain = |hint: &str| {
        Some(Error::unsupported(format!("{keyword} is not supported")).with_hint(hint))
    };
    match keyword {
        "DELETE" => {
            cursor.take_word("from");
            cursor.take_word("only");
            Some(change_of("DELETE", cursor))
        }
        "TRUNCATE" => {
            cursor.take_word("table");
            Some(change_of("TRUNCATE", cursor))
        }
        "MERGE" => {
            cursor.take_word("into");
            Some(change_of("MERGE", cursor))
        }
        "CREATE" | "ALTER" | "DROP" | "COMMENT" | "IMPORT" | "SECURITY" => plain(
            "The tables are fixed: assets, books, accounts, transactions, postings, \
                 transfers, events. Asset and account rows are added with INSERT.",
        ),
        "GRANT" | "REVOKE" | "REASSIGN" => plain("Roles and rights are not supported yet."),
        "LISTEN" | "NOTIFY" => plain("Notifications are not supported yet."),
        "LOCK" => plain("Readers see a consistent cut and writers never wait for them."),
        "VACUUM" | "ANALYZE" | "ANALYSE" | "REINDEX" | "CLUSTER" | "CHECKPOINT" => {
            plain("The log needs no such maintenance.")
        }
        "DO" | "CALL" | "LOAD" => plain("The server runs no stored code."),
        "REFRESH" => plain("Views are always up to date."),
        _ => None,
    }
}

/// Of every table but `accounts`.
pub(crate) fn update_refused(table: &str) -> Error {
    let error = Error::unsupported(format!("UPDATE on \"{table}\" is not supported"));
    match table {
        "assets" => error.with_hint("An asset never changes once it is registered."),
        _ => error.with_hint(REVERSAL_HINT),
    }
}

fn change_of(verb: &str, cursor: &mut Cursor<'_>) -> Error {
    let table = cursor.expect_dotted_name().ok().and_then(|mut parts| parts.pop());
    let error = match &table {
        Some(table) => Error::unsupported(format!("{verb} on \"{table}\" is not supported")),
        None => Error::unsupported(format!("{verb} is not supported")),
    };
    match table.as_deref() {
        Some("accounts") => error.with_hint(
            "An account is never removed; it can be closed: UPDATE accounts SET closed = true \
             WHERE book = … AND path = ….",
        ),
        Some("assets") => error.with_hint("An asset never changes once it is registered."),
        _ => error.with_hint(REVERSAL_HINT),
    }
}

pub(super) fn data_modifying_with() -> Error {
    Error::unsupported("INSERT, UPDATE and DELETE inside WITH are not supported")
        .with_hint("Send the write as a statement of its own, with RETURNING.")
}

pub(super) fn row_locks() -> Error {
    Error::unsupported("FOR UPDATE and FOR SHARE are not supported").with_hint(
        "Rows cannot be locked. Let the ledger decide: give the account a min_balance and post; \
         a posting that would go below it is rejected.",
    )
}

pub(super) fn select_into() -> Error {
    Error::unsupported("SELECT INTO is not supported").with_hint("The tables are fixed.")
}

pub(super) fn explain_analyze_write() -> Error {
    Error::unsupported("EXPLAIN ANALYZE of a statement that writes is not supported")
        .with_hint("It would write. EXPLAIN without ANALYZE shows what would be done.")
}
