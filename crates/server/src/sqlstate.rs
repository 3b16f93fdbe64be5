//! The table of SQLSTATEs: what kind of fault has which code, and which constraint it names.
//!
//! Drivers branch on these codes. The matches are exhaustive on purpose: a new fault, rejection or
//! commit error does not compile before it has its row here.

use sql::store::{CommitError, Rejection};
use sql::{Fault, NoticeKind};

/// A code of five characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SqlState(&'static str);

impl SqlState {
    pub(crate) const SUCCESSFUL_COMPLETION: SqlState = SqlState("00000");
    pub(crate) const OUTCOME_UNKNOWN: SqlState = SqlState("08007");
    pub(crate) const PROTOCOL_VIOLATION: SqlState = SqlState("08P01");
    pub(crate) const FEATURE_NOT_SUPPORTED: SqlState = SqlState("0A000");
    pub(crate) const CARDINALITY_VIOLATION: SqlState = SqlState("21000");
    pub(crate) const SUBSTRING_ERROR: SqlState = SqlState("22011");
    pub(crate) const INVALID_REGULAR_EXPRESSION: SqlState = SqlState("2201B");
    pub(crate) const INVALID_ARGUMENT_FOR_POWER: SqlState = SqlState("2201F");
    pub(crate) const DUPLICATE_ALIAS: SqlState = SqlState("42712");
    pub(crate) const NUMERIC_VALUE_OUT_OF_RANGE: SqlState = SqlState("22003");
    pub(crate) const NULL_VALUE_NOT_ALLOWED: SqlState = SqlState("22004");
    pub(crate) const INVALID_DATETIME_FORMAT: SqlState = SqlState("22007");
    pub(crate) const DATETIME_FIELD_OVERFLOW: SqlState = SqlState("22008");
    pub(crate) const ARRAY_ELEMENT_ERROR: SqlState = SqlState("2202E");
    pub(crate) const INVALID_ARGUMENT_FOR_LOGARITHM: SqlState = SqlState("2201E");
    pub(crate) const INVALID_ARGUMENT_FOR_WIDTH_BUCKET: SqlState = SqlState("2201G");
    pub(crate) const INTERVAL_FIELD_OVERFLOW: SqlState = SqlState("22015");
    pub(crate) const DIVISION_BY_ZERO: SqlState = SqlState("22012");
    pub(crate) const CHARACTER_NOT_IN_REPERTOIRE: SqlState = SqlState("22021");
    pub(crate) const INVALID_PARAMETER_VALUE: SqlState = SqlState("22023");
    pub(crate) const INVALID_ESCAPE_SEQUENCE: SqlState = SqlState("22025");
    pub(crate) const INVALID_TEXT_REPRESENTATION: SqlState = SqlState("22P02");
    pub(crate) const INVALID_BINARY_REPRESENTATION: SqlState = SqlState("22P03");
    pub(crate) const BAD_COPY_FILE_FORMAT: SqlState = SqlState("22P04");
    pub(crate) const UNTRANSLATABLE_CHARACTER: SqlState = SqlState("22P05");
    pub(crate) const NOT_NULL_VIOLATION: SqlState = SqlState("23502");
    pub(crate) const FOREIGN_KEY_VIOLATION: SqlState = SqlState("23503");
    pub(crate) const UNIQUE_VIOLATION: SqlState = SqlState("23505");
    pub(crate) const CHECK_VIOLATION: SqlState = SqlState("23514");
    pub(crate) const ACTIVE_SQL_TRANSACTION: SqlState = SqlState("25001");
    pub(crate) const READ_ONLY_SQL_TRANSACTION: SqlState = SqlState("25006");
    pub(crate) const NO_ACTIVE_SQL_TRANSACTION: SqlState = SqlState("25P01");
    pub(crate) const IN_FAILED_SQL_TRANSACTION: SqlState = SqlState("25P02");
    pub(crate) const IDLE_IN_TRANSACTION_TIMEOUT: SqlState = SqlState("25P03");
    pub(crate) const INVALID_SQL_STATEMENT_NAME: SqlState = SqlState("26000");
    pub(crate) const INVALID_AUTHORIZATION: SqlState = SqlState("28000");
    pub(crate) const INVALID_CURSOR_NAME: SqlState = SqlState("34000");
    pub(crate) const INVALID_CATALOG_NAME: SqlState = SqlState("3D000");
    pub(crate) const SERIALIZATION_FAILURE: SqlState = SqlState("40001");
    pub(crate) const SYNTAX_ERROR: SqlState = SqlState("42601");
    pub(crate) const INVALID_NAME: SqlState = SqlState("42602");
    pub(crate) const DUPLICATE_COLUMN: SqlState = SqlState("42701");
    pub(crate) const AMBIGUOUS_COLUMN: SqlState = SqlState("42702");
    pub(crate) const UNDEFINED_COLUMN: SqlState = SqlState("42703");
    pub(crate) const UNDEFINED_OBJECT: SqlState = SqlState("42704");
    pub(crate) const AMBIGUOUS_FUNCTION: SqlState = SqlState("42725");
    pub(crate) const GROUPING_ERROR: SqlState = SqlState("42803");
    pub(crate) const WINDOWING_ERROR: SqlState = SqlState("42P20");
    pub(crate) const INVALID_ROW_COUNT_IN_LIMIT: SqlState = SqlState("2201W");
    pub(crate) const INVALID_ROW_COUNT_IN_OFFSET: SqlState = SqlState("2201X");
    pub(crate) const UNDEFINED_PARAMETER: SqlState = SqlState("42P02");
    pub(crate) const DATATYPE_MISMATCH: SqlState = SqlState("42804");
    pub(crate) const WRONG_OBJECT_TYPE: SqlState = SqlState("42809");
    pub(crate) const UNDEFINED_FUNCTION: SqlState = SqlState("42883");
    pub(crate) const UNDEFINED_TABLE: SqlState = SqlState("42P01");
    pub(crate) const DUPLICATE_CURSOR: SqlState = SqlState("42P03");
    pub(crate) const DUPLICATE_PREPARED_STATEMENT: SqlState = SqlState("42P05");
    pub(crate) const INVALID_CURSOR_DEFINITION: SqlState = SqlState("42P11");
    pub(crate) const INDETERMINATE_DATATYPE: SqlState = SqlState("42P18");
    pub(crate) const INSUFFICIENT_RESOURCES: SqlState = SqlState("53000");
    pub(crate) const DISK_FULL: SqlState = SqlState("53100");
    pub(crate) const OUT_OF_MEMORY: SqlState = SqlState("53200");
    pub(crate) const TOO_MANY_CONNECTIONS: SqlState = SqlState("53300");
    pub(crate) const PROGRAM_LIMIT_EXCEEDED: SqlState = SqlState("54000");
    pub(crate) const OBJECT_NOT_IN_PREREQUISITE_STATE: SqlState = SqlState("55000");
    pub(crate) const INVALID_SAVEPOINT: SqlState = SqlState("3B001");
    pub(crate) const INVALID_COLUMN_REFERENCE: SqlState = SqlState("42P10");
    pub(crate) const QUERY_CANCELED: SqlState = SqlState("57014");
    pub(crate) const ADMIN_SHUTDOWN: SqlState = SqlState("57P01");
    pub(crate) const IDLE_SESSION_TIMEOUT: SqlState = SqlState("57P05");
    pub(crate) const IO_ERROR: SqlState = SqlState("58030");
    pub(crate) const INTERNAL_ERROR: SqlState = SqlState("XX000");

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    pub(crate) fn of(fault: &Fault) -> SqlState {
        match fault {
            Fault::Rejected(rejection) => Self::of_rejection(rejection),
            Fault::Commit(error) => Self::of_commit_error(error),
            Fault::SyntaxError => Self::SYNTAX_ERROR,
            Fault::UndefinedTable => Self::UNDEFINED_TABLE,
            Fault::InvalidColumnReference => Self::INVALID_COLUMN_REFERENCE,
            Fault::UndefinedColumn => Self::UNDEFINED_COLUMN,
            Fault::UndefinedFunction => Self::UNDEFINED_FUNCTION,
            Fault::InvalidEscapeSequence => Self::INVALID_ESCAPE_SEQUENCE,
            Fault::AmbiguousFunction => Self::AMBIGUOUS_FUNCTION,
            Fault::UndefinedObject => Self::UNDEFINED_OBJECT,
            Fault::WrongObjectType => Self::WRONG_OBJECT_TYPE,
            Fault::AmbiguousColumn => Self::AMBIGUOUS_COLUMN,
            Fault::DuplicateColumn => Self::DUPLICATE_COLUMN,
            Fault::GroupingError => Self::GROUPING_ERROR,
            Fault::WindowingError => Self::WINDOWING_ERROR,
            Fault::InvalidLimit => Self::INVALID_ROW_COUNT_IN_LIMIT,
            Fault::InvalidOffset => Self::INVALID_ROW_COUNT_IN_OFFSET,
            Fault::UndefinedParameter => Self::UNDEFINED_PARAMETER,
            Fault::DatatypeMismatch => Self::DATATYPE_MISMATCH,
            Fault::IndeterminateDatatype => Self::INDETERMINATE_DATATYPE,
            Fault::InvalidTextRepresentation => Self::INVALID_TEXT_REPRESENTATION,
            Fault::InvalidParameterValue => Self::INVALID_PARAMETER_VALUE,
            Fault::NullValueNotAllowed => Self::NULL_VALUE_NOT_ALLOWED,
            Fault::UntranslatableCharacter => Self::UNTRANSLATABLE_CHARACTER,
            Fault::CharacterNotInRepertoire => Self::CHARACTER_NOT_IN_REPERTOIRE,
            Fault::NumericValueOutOfRange => Self::NUMERIC_VALUE_OUT_OF_RANGE,
            Fault::DatetimeFieldOverflow => Self::DATETIME_FIELD_OVERFLOW,
            Fault::IntervalFieldOverflow => Self::INTERVAL_FIELD_OVERFLOW,
            Fault::InvalidArgumentForLogarithm => Self::INVALID_ARGUMENT_FOR_LOGARITHM,
            Fault::InvalidArgumentForWidthBucket => Self::INVALID_ARGUMENT_FOR_WIDTH_BUCKET,
            Fault::ArrayElement => Self::ARRAY_ELEMENT_ERROR,
            Fault::InvalidDatetimeFormat => Self::INVALID_DATETIME_FORMAT,
            Fault::CardinalityViolation => Self::CARDINALITY_VIOLATION,
            Fault::SubstringError => Self::SUBSTRING_ERROR,
            Fault::InvalidRegularExpression => Self::INVALID_REGULAR_EXPRESSION,
            Fault::InvalidArgumentForPower => Self::INVALID_ARGUMENT_FOR_POWER,
            Fault::DuplicateAlias => Self::DUPLICATE_ALIAS,
            Fault::DivisionByZero => Self::DIVISION_BY_ZERO,
            Fault::NotNullViolation => Self::NOT_NULL_VIOLATION,
            Fault::UnknownTransaction => Self::FOREIGN_KEY_VIOLATION,
            Fault::ObjectNotInPrerequisiteState => Self::OBJECT_NOT_IN_PREREQUISITE_STATE,
            Fault::InvalidName => Self::INVALID_NAME,
            Fault::BadCopyFileFormat => Self::BAD_COPY_FILE_FORMAT,
            Fault::ProgramLimitExceeded => Self::PROGRAM_LIMIT_EXCEEDED,
            Fault::FeatureNotSupported => Self::FEATURE_NOT_SUPPORTED,
            Fault::ReadOnly => Self::READ_ONLY_SQL_TRANSACTION,
            Fault::NoActiveBlock => Self::NO_ACTIVE_SQL_TRANSACTION,
            Fault::ActiveBlock => Self::ACTIVE_SQL_TRANSACTION,
            Fault::InFailedBlock => Self::IN_FAILED_SQL_TRANSACTION,
            Fault::InvalidSavepoint => Self::INVALID_SAVEPOINT,
            Fault::UndefinedDatabase => Self::INVALID_CATALOG_NAME,
            Fault::UndefinedCursor => Self::INVALID_CURSOR_NAME,
            Fault::DuplicateCursor => Self::DUPLICATE_CURSOR,
            Fault::InvalidCursorDefinition => Self::INVALID_CURSOR_DEFINITION,
            Fault::UndefinedStatement => Self::INVALID_SQL_STATEMENT_NAME,
            Fault::DuplicateStatement => Self::DUPLICATE_PREPARED_STATEMENT,
            Fault::OutOfMemory => Self::OUT_OF_MEMORY,
            Fault::InsufficientResources => Self::INSUFFICIENT_RESOURCES,
            Fault::Unreadable => Self::IO_ERROR,
            Fault::TemporaryDiskFull => Self::DISK_FULL,
            Fault::QueryCanceled => Self::QUERY_CANCELED,
            Fault::Internal => Self::INTERNAL_ERROR,
        }
    }

    fn of_rejection(rejection: &Rejection) -> SqlState {
        match rejection {
            Rejection::AssetExists { .. }
            | Rejection::AccountExists { .. }
            | Rejection::IdempotencyKeyConflict { .. }
            | Rejection::TxIdTaken { .. }
            | Rejection::AlreadyReversed { .. } => Self::UNIQUE_VIOLATION,
            Rejection::UnknownAsset { .. }
            | Rejection::UnknownReversed { .. }
            | Rejection::UnknownAccount { .. } => Self::FOREIGN_KEY_VIOLATION,
            Rejection::AccountClosed { .. } => Self::OBJECT_NOT_IN_PREREQUISITE_STATE,
            Rejection::AssetMismatch { .. }
            | Rejection::TooFewPostings { .. }
            | Rejection::AmountNotPositive { .. }
            | Rejection::Unbalanced { .. }
            | Rejection::BelowMinBalance { .. } => Self::CHECK_VIOLATION,
            Rejection::TooManyPostings { .. } => Self::PROGRAM_LIMIT_EXCEEDED,
            Rejection::PrecisionOutOfRange { .. }
            | Rejection::AmountOutOfRange { .. }
            | Rejection::BalanceOutOfRange { .. }
            | Rejection::BookTotalOutOfRange { .. } => Self::NUMERIC_VALUE_OUT_OF_RANGE,
        }
    }

    fn of_commit_error(error: &CommitError) -> SqlState {
        match error {
            CommitError::Rejected { rejection, .. } => Self::of_rejection(rejection),
            CommitError::Busy { .. } => Self::INSUFFICIENT_RESOURCES,
            CommitError::FrameTooLarge { .. } => Self::PROGRAM_LIMIT_EXCEEDED,
            CommitError::Moved { .. } => Self::SERIALIZATION_FAILURE,
            CommitError::OutcomeUnknown => Self::OUTCOME_UNKNOWN,
            CommitError::Stopped { .. } | CommitError::Read(_) => Self::IO_ERROR,
            CommitError::DiskFull { .. } => Self::DISK_FULL,
            CommitError::ShuttingDown => Self::ADMIN_SHUTDOWN,
        }
    }

    pub(crate) fn of_notice(kind: NoticeKind) -> SqlState {
        match kind {
            NoticeKind::ActiveBlock => Self::ACTIVE_SQL_TRANSACTION,
            NoticeKind::NoActiveBlock => Self::NO_ACTIVE_SQL_TRANSACTION,
            NoticeKind::Other => Self::SUCCESSFUL_COMPLETION,
        }
    }
}

/// The table and the constraint that an error names, as far as it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) table: Option<&'static str>,
    pub(crate) constraint: Option<&'static str>,
}

impl Place {
    pub(crate) fn of(fault: &Fault) -> Place {
        match fault {
            Fault::Rejected(rejection) | Fault::Commit(CommitError::Rejected { rejection, .. }) => {
                Self::of_rejection(rejection)
            }
            Fault::UnknownTransaction => {
                Place { table: Some("postings"), constraint: Some("postings_tx_id_fkey") }
            }
            _ => Place::default(),
        }
    }

    fn of_rejection(rejection: &Rejection) -> Place {
        let (table, constraint) = match rejection {
            Rejection::AssetExists { .. } => ("assets", Some("assets_pkey")),
            Rejection::AccountExists { .. } => ("accounts", Some("accounts_pkey")),
            Rejection::IdempotencyKeyConflict { .. } => {
                ("transactions", Some("transactions_idempotency_key"))
            }
            Rejection::TxIdTaken { .. } => ("transactions", Some("transactions_pkey")),
            Rejection::UnknownAsset { .. } => ("accounts", Some("accounts_asset_fkey")),
            Rejection::PrecisionOutOfRange { .. } => ("assets", None),
            Rejection::UnknownReversed { .. } => {
                ("transactions", Some("transactions_reverses_fkey"))
            }
            Rejection::AlreadyReversed { .. } => {
                ("transactions", Some("transactions_reverses_key"))
            }
            Rejection::UnknownAccount { .. } => ("postings", Some("postings_account_fkey")),
            Rejection::AccountClosed { .. } => ("accounts", None),
            Rejection::AssetMismatch { .. } => ("postings", Some("postings_asset_matches_account")),
            Rejection::TooManyPostings { .. } => ("transactions", None),
            Rejection::TooFewPostings { .. } | Rejection::Unbalanced { .. } => {
                ("transactions", Some("transactions_balanced"))
            }
            Rejection::AmountNotPositive { .. } => ("postings", Some("postings_amount_positive")),
            Rejection::AmountOutOfRange { .. } => ("postings", None),
            Rejection::BalanceOutOfRange { .. } => ("accounts", None),
            Rejection::BookTotalOutOfRange { .. } => return Place::default(),
            Rejection::BelowMinBalance { .. } => ("accounts", Some("accounts_min_balance")),
        };
        Place { table: Some(table), constraint }
    }
}

#[cfg(test)]
mod tests;
