//! The time that a statement lives in: the zone of its session, and when its block began.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) zone: Tz,
    /// What `now()` says.
    pub(crate) started: DateTime<Utc>,
}
