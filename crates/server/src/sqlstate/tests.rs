//! Every row of the table of SQLSTATEs, written a second time.

use super::*;
use sql::store::{AccountPath, AssetId, BookName, IdempotencyKey, Lsn, Seq, Uuid};

fn path() -> AccountPath {
    AccountPath::new("cash").unwrap()
}

fn eur() -> AssetId {
    AssetId::new("EUR").unwrap()
}

/// A rejection, its SQLSTATE, the table and the constraint it names.
type Row = (Rejection, &'static str, &'static str, &'static str);

/// Alone, and as what a commit of a group came to.
fn check(rows: impl IntoIterator<Item = Row>) {
    for (rejection, state, table, constraint) in rows {
        let direct = Fault::Rejected(rejection.clone());
        let nested = Fault::Commit(CommitError::Rejected { index: 0, rejection });
        for fault in [direct, nested] {
            assert_eq!(SqlState::of(&fault).as_str(), state, "{fault:?}");
            let place = Place::of(&fault);
            assert_eq!(place.table.unwrap_or_default(), table, "{fault:?}");
            assert_eq!(place.constraint.unwrap_or_default(), constraint, "{fault:?}");
        }
    }
}

#[test]
fn what_exists_already_or_not_yet() {
    let (asset, tx_id) = (eur(), Uuid::nil());
    let key = IdempotencyKey::new("k").unwrap();
    let taken = "23505";
    let missing = "23503";
    check([
        (Rejection::AssetExists { asset: eur(), differs: vec![] }, taken, "assets", "assets_pkey"),
        (
            Rejection::AccountExists { path: path(), differs: vec![] },
            taken,
            "accounts",
            "accounts_pkey",
        ),
        (
            Rejection::IdempotencyKeyConflict { key, differs: vec![], seq: Seq(1) },
            taken,
            "transactions",
            "transactions_idempotency_key",
        ),
        (Rejection::TxIdTaken { tx_id, seq: Seq(1) }, taken, "transactions", "transactions_pkey"),
        (
            Rejection::AlreadyReversed { tx_id, by: tx_id },
            taken,
            "transactions",
            "transactions_reverses_key",
        ),
        (Rejection::UnknownAsset { asset }, missing, "accounts", "accounts_asset_fkey"),
        (
            Rejection::UnknownReversed { tx_id },
            missing,
            "transactions",
            "transactions_reverses_fkey",
        ),
        (Rejection::UnknownAccount { path: path() }, missing, "postings", "postings_account_fkey"),
    ]);
}

#[test]
fn what_the_rules_forbid() {
    let mismatch = Rejection::AssetMismatch { path: path(), holds: eur(), given: eur() };
    let unbalanced = Rejection::Unbalanced { asset: eur(), debits: 1, credits: 2 };
    let below = Rejection::BelowMinBalance { path: path(), balance: -1, min_balance: 0 };
    let not_positive = Rejection::AmountNotPositive { path: path(), amount: 0 };
    let check_violation = "23514";
    check([
        (mismatch, check_violation, "postings", "postings_asset_matches_account"),
        (unbalanced, check_violation, "transactions", "transactions_balanced"),
        (
            Rejection::TooFewPostings { count: 1 },
            check_violation,
            "transactions",
            "transactions_balanced",
        ),
        (below, check_violation, "accounts", "accounts_min_balance"),
        (not_positive, check_violation, "postings", "postings_amount_positive"),
        (Rejection::AccountClosed { path: path() }, "55000", "accounts", ""),
        (Rejection::TooManyPostings { count: 5_000 }, "54000", "transactions", ""),
        (Rejection::PrecisionOutOfRange { precision: 99 }, "22003", "assets", ""),
        (Rejection::AmountOutOfRange { path: path() }, "22003", "postings", ""),
        (Rejection::BalanceOutOfRange { path: path() }, "22003", "accounts", ""),
        (Rejection::BookTotalOutOfRange { asset: eur() }, "22003", "", ""),
    ]);
}

#[test]
fn every_other_fault_has_its_row() {
    let book = BookName::user("b").unwrap();
    let rows = [
        (Fault::Commit(CommitError::Busy { book }), "53000"),
        (Fault::Commit(CommitError::FrameTooLarge { bytes: 2, bytes_max: 1 }), "54000"),
        (Fault::Commit(CommitError::OutcomeUnknown), "08007"),
        (Fault::Commit(CommitError::Stopped { durable: Lsn(1) }), "58030"),
        (Fault::Commit(CommitError::DiskFull { durable: Lsn(1) }), "53100"),
        (Fault::Commit(CommitError::ShuttingDown), "57P01"),
        (Fault::Commit(CommitError::Moved { book: None }), "40001"),
        (Fault::SyntaxError, "42601"),
        (Fault::UndefinedTable, "42P01"),
        (Fault::UndefinedColumn, "42703"),
        (Fault::InvalidColumnReference, "42P10"),
        (Fault::UndefinedFunction, "42883"),
        (Fault::UndefinedObject, "42704"),
        (Fault::AmbiguousColumn, "42702"),
        (Fault::AmbiguousFunction, "42725"),
        (Fault::InvalidEscapeSequence, "22025"),
        (Fault::DuplicateColumn, "42701"),
        (Fault::GroupingError, "42803"),
        (Fault::WindowingError, "42P20"),
        (Fault::UndefinedParameter, "42P02"),
        (Fault::InvalidLimit, "2201W"),
        (Fault::InvalidOffset, "2201X"),
        (Fault::NullValueNotAllowed, "22004"),
        (Fault::DatatypeMismatch, "42804"),
        (Fault::IndeterminateDatatype, "42P18"),
        (Fault::InvalidTextRepresentation, "22P02"),
        (Fault::InvalidParameterValue, "22023"),
        (Fault::UntranslatableCharacter, "22P05"),
        (Fault::NumericValueOutOfRange, "22003"),
        (Fault::DatetimeFieldOverflow, "22008"),
        (Fault::IntervalFieldOverflow, "22015"),
        (Fault::InvalidArgumentForLogarithm, "2201E"),
        (Fault::InvalidArgumentForWidthBucket, "2201G"),
        (Fault::NullValueNotAllowed, "22004"),
        (Fault::ArrayElement, "2202E"),
        (Fault::InvalidDatetimeFormat, "22007"),
        (Fault::CardinalityViolation, "21000"),
        (Fault::SubstringError, "22011"),
        (Fault::InvalidRegularExpression, "2201B"),
        (Fault::InvalidArgumentForPower, "2201F"),
        (Fault::DuplicateAlias, "42712"),
        (Fault::DivisionByZero, "22012"),
        (Fault::NotNullViolation, "23502"),
        (Fault::ObjectNotInPrerequisiteState, "55000"),
        (Fault::InvalidSavepoint, "3B001"),
        (Fault::InsufficientResources, "53000"),
        (Fault::InvalidName, "42602"),
        (Fault::BadCopyFileFormat, "22P04"),
        (Fault::ProgramLimitExceeded, "54000"),
        (Fault::FeatureNotSupported, "0A000"),
        (Fault::ReadOnly, "25006"),
        (Fault::NoActiveBlock, "25P01"),
        (Fault::ActiveBlock, "25001"),
        (Fault::InFailedBlock, "25P02"),
        (Fault::UndefinedDatabase, "3D000"),
        (Fault::UndefinedCursor, "34000"),
        (Fault::UndefinedStatement, "26000"),
        (Fault::DuplicateStatement, "42P05"),
        (Fault::OutOfMemory, "53200"),
        (Fault::Unreadable, "58030"),
        (Fault::TemporaryDiskFull, "53100"),
        (Fault::QueryCanceled, "57014"),
        (Fault::Internal, "XX000"),
    ];
    for (fault, state) in rows {
        assert_eq!(SqlState::of(&fault).as_str(), state, "{fault:?}");
        assert_eq!(Place::of(&fault), Place::default(), "{fault:?}");
    }
}
