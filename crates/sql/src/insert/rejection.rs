//! What a refused write says: the rule's own words, what exactly is in the way, and a way on.

use crate::{Error, Fault};
use ledger::{Draft, Rejection, Seq};
use std::fmt::Display;
use store::CommitError;

/// `group` is what was submitted; `what` names the statement, such as `INSERT` or `COPY`.
pub(crate) fn commit_error(error: CommitError, group: &[Draft], what: &str) -> Error {
    match error {
        CommitError::Rejected { index, rejection } => rejected(rejection, group.get(index)),
        CommitError::FrameTooLarge { bytes, bytes_max } => Error::new(
            Fault::ProgramLimitExceeded,
            format!("{what} of {} rows is too large to be written at once", group.len()),
        )
        .with_detail(format!("It takes {bytes} bytes of the log, at most {bytes_max} are allowed."))
        .with_hint(format!("Nothing was written. Split it into several {what} statements.")),
        other => {
            let message = other.to_string();
            let hint = match &other {
                CommitError::Busy { .. } => {
                    Some("Nothing was written. Try again with the same idempotency key.")
                }
                CommitError::OutcomeUnknown => Some(
                    "After a restart, send it again with the same idempotency key: it is written \
                     once, whether or not it was written now.",
                ),
                CommitError::Stopped { .. } | CommitError::DiskFull { .. } => {
                    Some("Nothing was written. Reads go on; writing again needs a restart.")
                }
                _ => None,
            };
            let error = Error::new(Fault::Commit(other), message);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        }
    }
}

fn rejected(rejection: Rejection, draft: Option<&Draft>) -> Error {
    let message = rejection.to_string();
    let book = draft.map(|draft| draft.book().to_string()).unwrap_or_default();
    let detail = detail(&rejection, &book);
    let hint = hint(&rejection);
    let mut error = Error::new(Fault::Rejected(rejection), message);
    if let Some(detail) = detail {
        error = error.with_detail(detail);
    }
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    error
}

fn listed<T: Display>(parts: &[T]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn detail(rejection: &Rejection, book: &str) -> Option<String> {
    Some(match rejection {
        Rejection::AssetExists { asset, differs } => {
            format!("Key (id)=({asset}) already exists; what differs: {}.", listed(differs))
        }
        Rejection::AccountExists { path, differs } => format!(
            "Key (book, path)=({book}, {path}) already exists; what differs from how it was \
             opened: {}.",
            listed(differs)
        ),
        Rejection::IdempotencyKeyConflict { key, differs, seq } => format!(
            "Key (book, idempotency_key)=({book}, {key}) already exists {}; what differs: {}.",
            whereabouts(*seq),
            listed(differs)
        ),
        Rejection::TxIdTaken { tx_id, seq } => {
            format!("Key (book, tx_id)=({book}, {tx_id}) already exists {}.", whereabouts(*seq))
        }
        Rejection::UnknownAsset { asset } => {
            format!("Key (asset)=({asset}) is not present in table \"assets\".")
        }
        Rejection::UnknownReversed { tx_id } => {
            format!("Key (book, tx_id)=({book}, {tx_id}) is not present in table \"transactions\".")
        }
        Rejection::AlreadyReversed { tx_id, by } => {
            format!("Key (book, reverses)=({book}, {tx_id}) already exists in transaction {by}.")
        }
        Rejection::UnknownAccount { path } => {
            format!("Key (book, path)=({book}, {path}) is not present in table \"accounts\".")
        }
        Rejection::Unbalanced { debits, credits, .. } => {
            let (more, less) =
                if debits > credits { ("Debits", "credits") } else { ("Credits", "debits") };
            format!("{more} exceed {less} by {}.", debits.abs_diff(*credits))
        }
        _ => return None,
    })
}

fn whereabouts(seq: Seq) -> String {
    match seq {
        Seq(0) => "among what is to be committed with it".to_owned(),
        seq => format!("at seq {seq}"),
    }
}

fn hint(rejection: &Rejection) -> Option<&'static str> {
    Some(match rejection {
        Rejection::IdempotencyKeyConflict { .. } => {
            "A key stands for one transaction for ever: use a new key for a new transaction."
        }
        Rejection::UnknownAccount { .. } => {
            "Open it first: INSERT INTO accounts (book, path, asset, kind) VALUES (…)."
        }
        Rejection::UnknownAsset { .. } => {
            "Register it first: INSERT INTO assets (id, class, precision, name) VALUES (…)."
        }
        Rejection::TooFewPostings { .. } => {
            "Give the postings with the transaction, or in the same block: BEGIN; INSERT INTO \
             transactions …; INSERT INTO postings …; COMMIT."
        }
        Rejection::AssetExists { .. } => "An asset never changes once it is registered.",
        Rejection::AmountNotPositive { .. } => {
            "Amounts are positive: to move money the other way, swap the directions."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{AccountPath, BookName, IdempotencyKey, TransactionField, Uuid};
    use ledger::{JsonDocument, TransactionContent, TransactionDraft};

    fn draft() -> Draft {
        Draft::PostTransaction(TransactionDraft {
            book: BookName::user("b0").unwrap(),
            tx_id: Uuid::nil(),
            idempotency_key: IdempotencyKey::new("k1").unwrap(),
            occurred_at: None,
            metadata: JsonDocument::default(),
            external_refs: JsonDocument::default(),
            content: TransactionContent::Postings(Vec::new()),
        })
    }

    #[test]
    fn a_conflict_names_the_key_the_original_and_what_differs() {
        let rejection = Rejection::IdempotencyKeyConflict {
            key: IdempotencyKey::new("k1").unwrap(),
            differs: vec![TransactionField::Postings, TransactionField::Metadata],
            seq: Seq(7),
        };
        let error =
            commit_error(CommitError::Rejected { index: 0, rejection }, &[draft()], "INSERT");
        assert_eq!(
            error.detail().unwrap(),
            "Key (book, idempotency_key)=(b0, k1) already exists at seq 7; what differs: \
             postings, metadata."
        );
    }

    #[test]
    fn other_refusals_say_what_to_do() {
        let rejection = Rejection::UnknownAccount { path: AccountPath::new("cash").unwrap() };
        let error =
            commit_error(CommitError::Rejected { index: 0, rejection }, &[draft()], "INSERT");
        assert!(error.detail().unwrap().contains("(b0, cash)"));
        assert!(error.hint().unwrap().contains("INSERT INTO accounts"));
        let large = CommitError::FrameTooLarge { bytes: 9, bytes_max: 8 };
        let error = commit_error(large, &[draft()], "COPY");
        assert_eq!(*error.fault(), Fault::ProgramLimitExceeded);
        assert!(error.hint().unwrap().contains("several COPY"));
    }
}
