//! A moment of the past that is read: as a time of the record, or as a position of the log.
//!
//! Owns how such a moment is written, and which view of the ledger it is. A time is *recorded*
//! time: what transactions say of themselves (`occurred_at`) has nothing to do with it.
//!
//! Invariant: a moment means the same view for ever.

use crate::timestamp::{format_timestamptz, parse_timestamptz};
use crate::{Error, Fault, Result, SessionSettings};
use chrono_tz::Tz;
use ledger::{Lsn, Timestamp};
use store::{Ledger, View};

pub(crate) const AS_OF: &str = "tallybook.as_of";
pub(crate) const AS_OF_LSN: &str = "tallybook.as_of_lsn";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Time(Timestamp),
    /// The end of a frame.
    Lsn(Lsn),
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Moment::Time(at) => f.write_str(&format_timestamptz(at.0, Tz::UTC)),
            Moment::Lsn(lsn) => write!(f, "lsn {lsn}"),
        }
    }
}

/// The value of `tallybook.as_of` as it is kept: with its offset, so that it means the same in any
/// zone.
pub(crate) fn time_text(text: &str, zone: Tz) -> Result<String> {
    Ok(format_timestamptz(parse_timestamptz(text, zone)?, zone))
}

/// The value of `tallybook.as_of_lsn` as it is kept.
pub(crate) fn lsn_text(text: &str) -> Option<String> {
    let lsn: i64 = text.trim().parse().ok().filter(|lsn| *lsn >= 0)?;
    Some(lsn.to_string())
}

/// The moment that the two settings name, as they are kept; empty is none.
pub(crate) fn of_settings(as_of: &str, as_of_lsn: &str) -> Result<Option<Moment>> {
    match (as_of, as_of_lsn) {
        ("", "") => Ok(None),
        (time, "") => Ok(Some(Moment::Time(Timestamp(parse_timestamptz(time, Tz::UTC)?)))),
        ("", lsn) => {
            let lsn = lsn.parse().map_err(|_| crate::settings::invalid_value(AS_OF_LSN, lsn))?;
            Ok(Some(Moment::Lsn(Lsn(lsn))))
        }
        _ => Err(Error::new(
            Fault::InvalidParameterValue,
            format!("\"{AS_OF}\" and \"{AS_OF_LSN}\" cannot both be set"),
        )
        .with_hint("RESET one of them first.")),
    }
}

/// Whether a setting says at which moment to read.
pub(crate) fn is_setting(name: &str) -> bool {
    [AS_OF, AS_OF_LSN].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Refuses settings that name a moment at which the ledger never stood.
pub(crate) fn check(settings: &SessionSettings, ledger: &Ledger) -> Result<()> {
    match settings.moment() {
        None => Ok(()),
        Some(Moment::Time(at)) if ledger.has_come(at) => Ok(()),
        Some(Moment::Time(at)) => Err(in_the_future(at)),
        Some(Moment::Lsn(lsn)) => view_at(ledger, lsn).map(|_| ()),
    }
}

/// The ledger at a moment. Waits for what is on its way to the disk with an earlier time.
pub(crate) async fn view(ledger: &Ledger, moment: Moment) -> Result<View> {
    match moment {
        Moment::Lsn(lsn) => view_at(ledger, lsn),
        Moment::Time(at) => {
            let view = ledger.view_as_of(at).await;
            let view = view.map_err(|error| match error {
                store::CommitError::Read(error) => unreadable(&error),
                error => Error::new(Fault::Commit(error.clone()), error.to_string()),
            })?;
            view.ok_or_else(|| in_the_future(at))
        }
    }
}

fn view_at(ledger: &Ledger, lsn: Lsn) -> Result<View> {
    if let Some(view) = ledger.view_at(lsn).map_err(|error| unreadable(&error))? {
        return Ok(view);
    }
    let head = ledger.view().cut();
    let detail = match lsn > head {
        true => format!("The log ends with lsn {head}."),
        false => "It lies inside of a frame, whose events became visible together.".to_owned(),
    };
    let message = format!("the ledger never stood at lsn {lsn}");
    Err(Error::new(Fault::InvalidParameterValue, message).with_detail(detail))
}

fn in_the_future(at: Timestamp) -> Error {
    let at = format_timestamptz(at.0, Tz::UTC);
    Error::new(Fault::InvalidParameterValue, format!("{at} has not come yet")).with_hint(
        "A moment of the past is a time of the record: when the ledger learned of things.",
    )
}

/// What is asked for lies behind the moment that the session or block reads at.
pub(crate) fn beyond(moment: Moment, cut: Lsn) -> Error {
    Error::new(
        Fault::InvalidParameterValue,
        format!("{moment} lies behind what this session reads"),
    )
    .with_detail(format!("It reads the ledger as it stood at lsn {cut}."))
}

fn unreadable(error: &store::ReadError) -> Error {
    Error::new(Fault::Unreadable, error.to_string())
}
