//! What can go wrong between a statement and its answer.
//!
//! Says what kind of fault it was and what to tell the person; which SQLSTATE a kind has is the
//! server's table. Every kind a client could branch on is a variant, so that table is exhaustive.

use store::{CommitError, Rejection};

/// The kinds of fault. Named after what happened, close to Postgres' condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The ledger's rules said no.
    Rejected(Rejection),
    /// The store could not take or finish the write.
    Commit(CommitError),
    SyntaxError,
    UndefinedTable,
    UndefinedColumn,
    /// Columns that are there and do not fit where they stand.
    InvalidColumnReference,
    UndefinedFunction,
    /// A name that several functions have.
    AmbiguousFunction,
    UndefinedObject,
    /// A view where a table is needed, and the like.
    WrongObjectType,
    AmbiguousColumn,
    DuplicateColumn,
    GroupingError,
    /// A window function where there can be none.
    WindowingError,
    /// A LIMIT below zero.
    InvalidLimit,
    /// An OFFSET below zero.
    InvalidOffset,
    /// `$1` where nothing was given for it.
    UndefinedParameter,
    DatatypeMismatch,
    IndeterminateDatatype,
    /// Text that is not a value of its type.
    InvalidTextRepresentation,
    InvalidParameterValue,
    /// NULL where a value must be.
    NullValueNotAllowed,
    /// An ESCAPE of more than one character.
    InvalidEscapeSequence,
    UntranslatableCharacter,
    /// Bytes that are no text.
    CharacterNotInRepertoire,
    NumericValueOutOfRange,
    DatetimeFieldOverflow,
    /// An interval that is longer than any may be.
    IntervalFieldOverflow,
    /// Text that is not a time.
    InvalidDatetimeFormat,
    /// A subquery used as a value has several rows.
    CardinalityViolation,
    /// A length that a text cannot have.
    SubstringError,
    InvalidRegularExpression,
    /// A logarithm of zero or of less.
    InvalidArgumentForLogarithm,
    InvalidArgumentForWidthBucket,
    /// Arguments for which a power or a root is not defined.
    InvalidArgumentForPower,
    DuplicateAlias,
    DivisionByZero,
    NotNullViolation,
    /// A place that an array does not have.
    ArrayElement,
    /// A row of `postings` names a transaction that there is not.
    UnknownTransaction,
    ObjectNotInPrerequisiteState,
    InvalidName,
    BadCopyFileFormat,
    ProgramLimitExceeded,
    FeatureNotSupported,
    ReadOnly,
    NoActiveBlock,
    ActiveBlock,
    InFailedBlock,
    InvalidSavepoint,
    UndefinedDatabase,
    UndefinedCursor,
    DuplicateCursor,
    /// Options of a DECLARE that do not go together.
    InvalidCursorDefinition,
    UndefinedStatement,
    DuplicateStatement,
    OutOfMemory,
    /// Too much is going on; later there may be room.
    InsufficientResources,
    /// The disk failed a read, or gave what was never written there.
    Unreadable,
    /// No room on the disk for what queries have no memory for.
    TemporaryDiskFull,
    QueryCanceled,
    /// Something inside broke: a bug of ours.
    Internal,
}

/// A fault with what to tell the person about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    // Boxed: errors are rare and results travel a lot.
    inner: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    fault: Fault,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<usize>,
    context: Option<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Error {
            inner: Box::new(Inner {
                fault,
                message: message.into(),
                detail: None,
                hint: None,
                position: None,
                context: None,
            }),
        }
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Fault::FeatureNotSupported, message)
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.inner.detail = Some(detail.into());
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// `position` counts characters of the statement's text, from 1.
    pub fn at_position(mut self, position: usize) -> Self {
        self.inner.position = Some(position);
        self
    }

    /// Where it happened, such as `COPY transfers, line 3, column amount: "x"`.
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.inner.context = Some(context.into());
        self
    }

    pub fn fault(&self) -> &Fault {
        &self.inner.fault
    }

    pub fn message(&self) -> &str {
        &self.inner.message
    }

    pub fn detail(&self) -> Option<&str> {
        self.inner.detail.as_deref()
    }

    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    pub fn position(&self) -> Option<usize> {
        self.inner.position
    }

    pub fn context(&self) -> Option<&str> {
        self.inner.context.as_deref()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}
