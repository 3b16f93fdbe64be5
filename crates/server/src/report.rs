//! An error or a notice in the form in which a client gets it.
//!
//! Owns the fields of ErrorResponse and NoticeResponse. Refuses to know which SQLSTATE a fault of
//! `sql` has: that is the table in [`crate::sqlstate`].

use crate::sqlstate::{Place, SqlState};
use crate::wire::{Malformed, backend};
use bytes::BytesMut;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Notice,
    Warning,
    Error,
    /// The connection ends with it.
    Fatal,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        }
    }
}

/// What is reported to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    // Boxed: reports are rare and results travel a lot.
    inner: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    severity: Severity,
    state: SqlState,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<usize>,
    context: Option<String>,
    place: Place,
}

impl Report {
    pub(crate) fn new(state: SqlState, message: impl Into<String>) -> Self {
        Report {
            inner: Box::new(Inner {
                severity: Severity::Error,
                state,
                message: message.into(),
                detail: None,
                hint: None,
                position: None,
                context: None,
                place: Place::default(),
            }),
        }
    }

    pub(crate) fn protocol_violation(message: impl Into<String>) -> Self {
        Self::new(SqlState::PROTOCOL_VIOLATION, message)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection because the server is shutting down",
        )
        .fatal()
    }

    /// A notice of a session.
    pub(crate) fn notice(notice: &sql::Notice) -> Self {
        let mut report = Self::new(SqlState::of_notice(notice.kind), notice.message.as_str());
        report.inner.severity = match notice.severity {
            sql::Severity::Notice => Severity::Notice,
            sql::Severity::Warning => Severity::Warning,
        };
        report
    }

    pub(crate) fn fatal(mut self) -> Self {
        self.inner.severity = Severity::Fatal;
        self
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.inner.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_context(mut self, context: impl Into<String>) -> Self {
        self.inner.context = Some(context.into());
        self
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.inner.severity == Severity::Fatal
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> SqlState {
        self.inner.state
    }

    #[cfg(test)]
    pub(crate) fn context(&self) -> Option<&str> {
        self.inner.context.as_deref()
    }

    fn fields(self) -> Vec<(u8, String)> {
        let Inner { severity, state, message, detail, hint, position, context, place } =
            *self.inner;
        let severity = severity.as_str().to_owned();
        let fields = [
            (b'S', Some(severity.clone())),
            (b'V', Some(severity)),
            (b'C', Some(state.as_str().to_owned())),
            (b'M', Some(message)),
            (b'D', detail),
            (b'H', hint),
            (b'P', position.map(|position| position.to_string())),
            (b'W', context),
            (b's', place.table.map(|_| "public".to_owned())),
            (b't', place.table.map(str::to_owned)),
            (b'n', place.constraint.map(str::to_owned)),
        ];
        fields
            .into_iter()
            // A zero byte would end the field, and with it the message, early.
            .filter_map(|(kind, text)| Some((kind, text?.replace('\0', ""))))
            .collect()
    }

    pub(crate) fn write_error(self, out: &mut BytesMut) {
        backend::error_response(out, self.fields());
    }

    pub(crate) fn write_notice(self, out: &mut BytesMut) {
        backend::notice_response(out, self.fields());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.state.as_str(), self.inner.message)
    }
}

impl From<sql::Error> for Report {
    fn from(error: sql::Error) -> Self {
        let fault = error.fault();
        let state = SqlState::of(fault);
        if state == SqlState::INTERNAL_ERROR {
            // What broke inside is for the operator. The client learns that it did.
            tracing::error!(error = error.message(), detail = error.detail(), "internal error");
            return Report::new(state, "internal error").with_detail("The server's log has more.");
        }
        let mut report = Report::new(state, error.message());
        report.inner.detail = error.detail().map(str::to_owned);
        report.inner.hint = error.hint().map(str::to_owned);
        report.inner.position = error.position();
        report.inner.context = error.context().map(str::to_owned);
        report.inner.place = Place::of(fault);
        report
    }
}

impl From<Malformed> for Report {
    fn from(malformed: Malformed) -> Self {
        let state = match malformed {
            Malformed::InvalidText { .. } => SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            _ => SqlState::PROTOCOL_VIOLATION,
        };
        Report::new(state, malformed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sql::{Error, Fault};

    #[test]
    fn every_part_of_an_error_has_its_field() {
        let error = Error::new(Fault::SyntaxError, "syntax error at or near \"x\"")
            .with_detail("d\0e")
            .with_hint("h")
            .with_context("COPY t, line 3")
            .at_position(7);
        let fields = Report::from(error).fields();
        let expected = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', "42601"),
            (b'M', "syntax error at or near \"x\""),
            (b'D', "de"),
            (b'H', "h"),
            (b'P', "7"),
            (b'W', "COPY t, line 3"),
        ];
        assert_eq!(fields.len(), expected.len());
        for ((kind, text), (expected_kind, expected_text)) in fields.iter().zip(expected) {
            assert_eq!((*kind, text.as_str()), (expected_kind, expected_text));
        }
    }

    #[test]
    fn what_broke_inside_is_not_sent() {
        let report = Report::from(Error::new(Fault::Internal, "secret path /x"));
        assert_eq!(report.state(), SqlState::INTERNAL_ERROR);
        assert!(report.fields().iter().all(|(_, text)| !text.contains("secret")));
    }
}
