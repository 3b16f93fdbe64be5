//! The settings of a session: SET, RESET, SHOW, and what they fall back to.
//!
//! Owns three layers: what a session starts with, what it is set to, and what holds now (SET LOCAL
//! ends with its block). A block that is rolled back leaves no trace in any of them.

mod answer;
mod check;
mod definition;
mod startup;

use crate::moment::{self, Moment};
use crate::statement::Isolation;
use crate::{Error, Fault, Result};
pub(crate) use answer::{ConfigChange, ConfigSelect, show, show_columns, text_rows};
pub(crate) use check::{boolean, invalid as invalid_value};
use chrono_tz::Tz;
use definition::{DEFINITIONS, Definition, Kind};
use ledger::BookName;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One row of SHOW ALL and `pg_settings`.
#[derive(Debug)]
pub(crate) struct SettingRow<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Cow<'a, str>,
    pub(crate) reset_value: &'a str,
    pub(crate) type_name: &'static str,
    pub(crate) description: &'static str,
}

/// All settings of a session.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    user: String,
    database: String,
    /// What RESET goes back to.
    initial: Arc<Values>,
    /// What holds after the block, if it commits.
    session: Arc<Values>,
    /// What holds now.
    effective: Arc<Values>,
    /// What a rollback goes back to.
    before_block: Option<Arc<Values>>,
    /// What the client was last told.
    reported: Arc<Values>,
    /// The modes of the current block.
    block_modes: Option<(Isolation, bool)>,
}

/// A value for every setting; the ones that are read for every statement also in their own type.
#[derive(Debug, Clone)]
struct Values {
    /// By place in [`DEFINITIONS`].
    texts: Vec<Cow<'static, str>>,
    /// Names with a dot that are not ours: anything goes, as in Postgres.
    custom: BTreeMap<String, String>,
    book: Option<BookName>,
    moment: Option<Moment>,
    time_zone: Tz,
    search_path: Vec<String>,
    timeouts: Timeouts,
    /// What a query may hold, and what the server lets it.
    query_bytes: usize,
    query_bytes_max: usize,
    iso_intervals: bool,
    extra_float_digits: i32,
}

/// What a server has to watch over; `None` is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timeouts {
    pub(crate) statement: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) idle_in_transaction: Option<Duration>,
}

fn timeout(text: &str) -> Option<Duration> {
    let milliseconds = check::milliseconds(text).filter(|milliseconds| *milliseconds > 0)?;
    Some(Duration::from_millis(milliseconds.unsigned_abs()))
}

/// The most settings of their own that a session may invent, and the longest value.
const CUSTOM_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What a query may hold: Postgres bounds each step of one by it.
const WORK_MEM: &str = "work_mem";

/// As many digits as it takes to read the same number again.
const EXTRA_FLOAT_DIGITS: i32 = 1;

impl Values {
    fn new(query_bytes_max: usize) -> Self {
        let mut texts: Vec<_> =
            DEFINITIONS.iter().map(|definition| Cow::Borrowed(definition.default)).collect();
        let work_mem = definition::find(WORK_MEM).expect("work_mem is defined");
        texts[work_mem] = Cow::Owned(check::memory_text(query_bytes_max));
        Values {
            texts,
            custom: BTreeMap::new(),
            book: None,
            moment: None,
            time_zone: Tz::UTC,
            search_path: vec!["$user".to_owned(), "public".to_owned()],
            timeouts: Timeouts::default(),
            query_bytes: query_bytes_max,
            query_bytes_max,
            iso_intervals: false,
            extra_float_digits: EXTRA_FLOAT_DIGITS,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        match definition::find(name) {
            Some(index) => Some(&self.texts[index]),
            None => self.custom.get(&name.to_lowercase()).map(String::as_str),
        }
    }

    /// Sets a value that has been checked.
    fn set(&mut self, place: &Place, text: String) -> Result<()> {
        let index = match place {
            Place::Custom(name) => {
                if self.custom.len() >= CUSTOM_MAX && !self.custom.contains_key(name) {
                    return Err(Error::new(
                        Fault::ProgramLimitExceeded,
                        format!("a session can have at most {CUSTOM_MAX} settings of its own"),
                    ));
                }
                self.custom.insert(name.clone(), text);
                return Ok(());
            }
            Place::Known(index) => *index,
        };
        match DEFINITIONS[index].name {
            moment::AS_OF => {
                let lsn = self.get(moment::AS_OF_LSN).unwrap_or_default();
                self.moment = moment::of_settings(&text, lsn)?;
            }
            moment::AS_OF_LSN => {
                let time = self.get(moment::AS_OF).unwrap_or_default();
                self.moment = moment::of_settings(time, &text)?;
            }
            "tallybook.book" => {
                self.book = BookName::user(&text).ok();
            }
            WORK_MEM => {
                self.query_bytes = check::query_bytes(WORK_MEM, &text, self.query_bytes_max)?;
            }
            "statement_timeout" => self.timeouts.statement = timeout(&text),
            "idle_session_timeout" => self.timeouts.idle = timeout(&text),
            "idle_in_transaction_session_timeout" => {
                self.timeouts.idle_in_transaction = timeout(&text);
            }
            "IntervalStyle" => self.iso_intervals = text == "iso_8601",
            "extra_float_digits" => {
                self.extra_float_digits = text.parse().unwrap_or(EXTRA_FLOAT_DIGITS);
            }
            "TimeZone" => self.time_zone = check::zone(&text).unwrap_or(Tz::UTC),
            "search_path" => {
                self.search_path = check::split_names(&text)
                    .ok_or_else(|| check::invalid("search_path", &text))?;
            }
            _ => {}
        }
        self.texts[index] = Cow::Owned(text);
        Ok(())
    }
}

#[derive(Debug)]
enum Place {
    Known(usize),
    Custom(String),
}

impl Place {
    fn find(name: &str) -> Result<Self> {
        if let Some(index) = definition::find(name) {
            return Ok(Place::Known(index));
        }
        let name = name.to_lowercase();
        match name.split_once('.') {
            Some((owner, rest))
                if owner != "tallybook" && !owner.is_empty() && !rest.is_empty() =>
            {
                Ok(Place::Custom(name))
            }
            _ => Err(unknown(&name)),
        }
    }
}

fn unknown(name: &str) -> Error {
    Error::new(Fault::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""))
}

impl SessionSettings {
    /// The settings of a new session, whose queries may hold `query_bytes_max` each; `startup` holds
    /// what the client asks for with it.
    pub(crate) fn new(
        user: String,
        database: String,
        query_bytes_max: usize,
        startup: &[(String, String)],
    ) -> Result<Self> {
        let mut values = Values::new(query_bytes_max);
        let authorization =
            definition::find("session_authorization").expect("session_authorization is defined");
        values.texts[authorization] = Cow::Owned(user.clone());
        let mut assignments = Vec::with_capacity(startup.len());
        for (name, value) in startup {
            match name.as_str() {
                "options" => assignments.extend(startup::options(value)?),
                _ => assignments.push((name.clone(), value.clone())),
            }
        }
        // A time may need the zone, which may come behind it.
        assignments.sort_by_key(|(name, _)| name.eq_ignore_ascii_case(moment::AS_OF));
        for (name, value) in assignments {
            assign(&mut values, &name, &[value])?;
        }
        let values = Arc::new(values);
        Ok(SessionSettings {
            user,
            database,
            initial: values.clone(),
            session: values.clone(),
            effective: values.clone(),
            before_block: None,
            reported: values,
            block_modes: None,
        })
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    /// The book that writes without one go to.
    pub(crate) fn book(&self) -> Option<&BookName> {
        self.effective.book.as_ref()
    }

    pub fn time_zone(&self) -> Tz {
        self.effective.time_zone
    }

    /// Whether `IntervalStyle` is `iso_8601`.
    pub fn shows_iso_intervals(&self) -> bool {
        self.effective.iso_intervals
    }

    pub fn extra_float_digits(&self) -> i32 {
        self.effective.extra_float_digits
    }

    /// The schemas of `search_path` as they are written, `$user` included.
    pub(crate) fn search_path(&self) -> &[String] {
        &self.effective.search_path
    }

    /// Whether names without a schema reach the tables, which are in `public`.
    pub(crate) fn sees_public(&self) -> bool {
        self.search_path().iter().any(|schema| schema == "public")
    }

    /// The moment of the past that is read, if it is not the present.
    pub(crate) fn moment(&self) -> Option<Moment> {
        self.effective.moment
    }

    /// What a query may hold.
    pub(crate) fn query_bytes(&self) -> usize {
        self.effective.query_bytes
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.effective.timeouts
    }

    /// The value that holds now; `None` for a setting that does not exist.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let (isolation, read_only) = self.modes();
        let read_only = read_only || self.moment().is_some();
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => Some(Cow::Borrowed(isolation.as_str())),
            "transaction_read_only" => Some(Cow::Borrowed(if read_only { "on" } else { "off" })),
            name => self.effective.get(name).map(Cow::Borrowed),
        }
    }

    /// The canonical spelling of a name and its value, for SHOW.
    pub(crate) fn show(&self, name: &str) -> Result<(String, Cow<'_, str>)> {
        let shown = definition::find(name)
            .map_or_else(|| name.to_lowercase(), |index| DEFINITIONS[index].name.to_owned());
        let value = self.get(name).ok_or_else(|| unknown(name))?;
        Ok((shown, value))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = SettingRow<'_>> {
        DEFINITIONS.iter().enumerate().map(|(index, definition)| SettingRow {
            name: definition.name,
            value: self.get(definition.name).unwrap_or_default(),
            reset_value: &self.initial.texts[index],
            type_name: definition.kind.type_name(),
            description: definition.description,
        })
    }

    /// SET: for the session (undone if the block is rolled back), or for the block only. `None`
    /// is DEFAULT.
    pub(crate) fn set(&mut self, name: &str, values: Option<&[String]>, local: bool) -> Result<()> {
        let place = Place::find(name)?;
        let text = match values {
            Some(values) => checked(&place, name, values, self.time_zone())?,
            None => self.reset_value(&place),
        };
        // Both or neither: a value may not fit beside another of one of the two layers.
        let (mut session, mut effective) = (self.session.clone(), self.effective.clone());
        if !local {
            Arc::make_mut(&mut session).set(&place, text.clone())?;
        }
        Arc::make_mut(&mut effective).set(&place, text)?;
        (self.session, self.effective) = (session, effective);
        Ok(())
    }

    pub(crate) fn reset(&mut self, name: &str) -> Result<()> {
        self.set(name, None, false)
    }

    fn reset_value(&self, place: &Place) -> String {
        match place {
            Place::Known(index) => self.initial.texts[*index].clone().into_owned(),
            Place::Custom(name) => self.initial.custom.get(name).cloned().unwrap_or_default(),
        }
    }

    pub(crate) fn reset_all(&mut self) {
        self.effective = self.initial.clone();
        self.session = self.initial.clone();
    }

    pub(crate) fn begin_block(&mut self, isolation: Isolation, read_only: bool) {
        self.before_block = Some(self.session.clone());
        self.block_modes = Some((isolation, read_only));
    }

    /// The block goes back to what held at `before` if it is rolled back.
    pub(crate) fn begin_block_at(&mut self, before: &SessionSettings) {
        self.before_block = Some(before.session.clone());
    }

    /// What was set for a block only holds no longer.
    pub(crate) fn end_local(&mut self) {
        self.effective = self.session.clone();
    }

    pub(crate) fn set_block_modes(&mut self, isolation: Isolation, read_only: bool) {
        self.block_modes = Some((isolation, read_only));
    }

    pub(crate) fn commit_block(&mut self) {
        self.before_block = None;
        self.block_modes = None;
        self.effective = self.session.clone();
    }

    /// Also called when a block fails: what it set is gone from then on.
    pub(crate) fn roll_back_block(&mut self) {
        if let Some(before) = self.before_block.take() {
            self.session = before;
        }
        self.effective = self.session.clone();
        self.block_modes = None;
    }

    /// Goes back to what held at a savepoint of the block.
    pub(crate) fn roll_back_to(&mut self, savepoint: &SessionSettings) {
        self.session = savepoint.session.clone();
        self.effective = savepoint.effective.clone();
        self.block_modes = savepoint.block_modes;
    }

    /// The modes of the current block, or those a block would get.
    pub(crate) fn modes(&self) -> (Isolation, bool) {
        self.block_modes.unwrap_or_else(|| {
            let isolation = self.effective.get("default_transaction_isolation");
            (
                isolation.and_then(Isolation::parse).unwrap_or(Isolation::ReadCommitted),
                self.effective.get("default_transaction_read_only") == Some("on"),
            )
        })
    }

    /// What a client is told when it connects.
    pub(crate) fn reported(&self) -> Vec<(String, String)> {
        self.effective
            .texts
            .iter()
            .zip(&DEFINITIONS)
            .filter(|(_, definition)| definition.reported)
            .map(|(text, definition)| (definition.name.to_owned(), text.clone().into_owned()))
            .collect()
    }

    /// What changed since the client was last told.
    pub(crate) fn drain_changes(&mut self) -> Vec<(String, String)> {
        if Arc::ptr_eq(&self.reported, &self.effective) {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.reported, self.effective.clone());
        let texts = self.effective.texts.iter().zip(&before.texts).zip(&DEFINITIONS);
        texts
            .filter(|((now, before), definition)| definition.reported && now != before)
            .map(|((now, _), definition)| (definition.name.to_owned(), now.clone().into_owned()))
            .collect()
    }
}

fn assign(target: &mut Values, name: &str, values: &[String]) -> Result<()> {
    let place = Place::find(name)?;
    let text = checked(&place, name, values, target.time_zone)?;
    target.set(&place, text)
}

/// The text that a setting keeps for what it is set to.
fn checked(place: &Place, name: &str, values: &[String], zone: Tz) -> Result<String> {
    let definition = match place {
        Place::Known(index) => Some(&DEFINITIONS[*index]),
        Place::Custom(_) => None,
    };
    let text = match (definition, values) {
        (Some(Definition { kind: Kind::NameList, .. }), [one])
            // A single text may be a list already, as set_config and startup packets have it.
            if check::split_names(one).is_some() =>
        {
            one.clone()
        }
        (Some(Definition { kind: Kind::NameList, .. }), names) => check::join_names(names),
        (Some(definition), [one]) => check::normalise(definition, one, zone)?,
        (Some(definition), many) if definition.name == "DateStyle" => {
            check::normalise(definition, &many.join(", "), zone)?
        }
        (None, [one]) => one.clone(),
        _ => {
            return Err(Error::new(
                Fault::InvalidParameterValue,
                format!("SET {name} takes only one argument"),
            ));
        }
    };
    if text.len() > VALUE_BYTES_MAX {
        return Err(Error::new(
            Fault::ProgramLimitExceeded,
            format!("value of parameter \"{name}\" is longer than {VALUE_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
