//! Names as types: a value of one of these types has already passed the door.
//!
//! Owns the rule for what a name may be: 1 to 255 bytes of UTF-8 without control characters
//! (DESIGN "limits, enforced at the door"); book names that start with `_` belong to tallybook.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// The longest book name, account path, asset id or idempotency key, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    /// What the text was meant to be, in words: `book name`, `account path`…
    pub what: &'static str,
    pub problem: NameProblem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProblem {
    Empty,
    /// Longer than 255 bytes; holds the length.
    TooLong(usize),
    /// Holds a control character.
    ControlCharacter,
    /// A book name that starts with `_`.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            NameProblem::Empty => write!(f, "{} must not be empty", self.what),
            NameProblem::TooLong(bytes) => {
                write!(f, "{} has {bytes} bytes, at most {NAME_BYTES_MAX} are allowed", self.what)
            }
            NameProblem::ControlCharacter => {
                write!(f, "{} must not contain control characters", self.what)
            }
            NameProblem::Reserved => {
                write!(f, "{} must not start with \"_\": those names are reserved", self.what)
            }
        }
    }
}

impl std::error::Error for NameError {}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    let problem = if text.is_empty() {
        NameProblem::Empty
    } else if text.len() > NAME_BYTES_MAX {
        NameProblem::TooLong(text.len())
    } else if text.chars().any(char::is_control) {
        NameProblem::ControlCharacter
    } else {
        return Ok(());
    };
    Err(NameError { what, problem })
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: &str) -> Result<Self, NameError> {
                check($what, text)?;
                Ok(Self(Arc::from(text)))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// An account's place in its book, such as `treasury:btc:hot`.
    AccountPath,
    "account path"
);
name_type!(
    /// The id of a currency or token, such as `CZK`.
    AssetId,
    "asset id"
);
name_type!(
    /// What makes a transaction happen once: unique in its book, for ever.
    IdempotencyKey,
    "idempotency key"
);
name_type!(
    /// A book's name. [`BookName::user`] is the door for names that come from outside.
    BookName,
    "book name"
);

impl BookName {
    /// A name that a user may give a book: anything but the reserved ones.
    pub fn user(text: &str) -> Result<Self, NameError> {
        if text.starts_with('_') {
            return Err(NameError { what: "book name", problem: NameProblem::Reserved });
        }
        Self::new(text)
    }

    /// The book that holds what belongs to no tenant: assets.
    pub fn system() -> Self {
        Self::system_name().clone()
    }

    /// The same, made once.
    pub fn system_name() -> &'static BookName {
        static SYSTEM: LazyLock<BookName> = LazyLock::new(|| BookName(Arc::from("_system")));
        &SYSTEM
    }

    pub fn is_system(&self) -> bool {
        &*self.0 == "_system"
    }
}
