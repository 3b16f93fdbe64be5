//! What a checker reports: which rule of its contract was broken, and how.

use std::fmt;

/// A rule of the monitor or of the oracle; their modules say what each one means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    AcknowledgedBeforeDurable,
    VisibleBeforeDurable,
    RenamedBeforeSync,
    SyncRetried,

    RefusedToStart,
    AcknowledgedLost,
    Invented,
    Gap,
    SumsDiffer,
    CacheDiffers,
    RecoveryNotRepeatable,
    RecoveredLost,
    StaleBytes,
    KeyForgotten,
    GoesNotOn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) text: String,
}

impl Violation {
    pub(crate) fn new(rule: Rule, text: impl Into<String>) -> Self {
        Violation { rule, text: text.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}
