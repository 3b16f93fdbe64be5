//! The settings there are: name, default, what a value may be, whether clients are told.
//!
//! A setting is here because it does something, or because drivers set it and every value it takes
//! here is harmless. What would change an answer and is not implemented takes one value only.

use super::check;
use crate::{Error, moment};
use chrono_tz::Tz;

#[derive(Debug)]
pub(crate) struct Definition {
    /// As SHOW prints it; names compare without case.
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) kind: Kind,
    /// Sent to the client whenever it changes.
    pub(crate) reported: bool,
    pub(crate) description: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Integer {
        min: i64,
        max: i64,
    },
    /// Milliseconds, written with or without a unit.
    Duration,
    /// Bytes, written with a unit or in kilobytes.
    Memory,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// A list of names, each quoted where it must be.
    NameList,
    /// Whatever `check` makes of it.
    Checked(fn(&str, &str) -> Result<String, Error>),
    /// The same, where a text may mean local time of the session's zone.
    Zoned(fn(&str, &str, Tz) -> Result<String, Error>),
    /// Cannot be set.
    Fixed,
}

impl Kind {
    /// As `pg_settings.vartype` has it.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Integer { .. } | Kind::Duration | Kind::Memory => "integer",
            Kind::Word(_) => "enum",
            Kind::Text | Kind::NameList | Kind::Checked(_) | Kind::Zoned(_) | Kind::Fixed => {
                "string"
            }
        }
    }
}

/// Compatible with this release of Postgres.
const SERVER_VERSION: &str = "15.18";
const SERVER_VERSION_NUM: &str = "150018";

const ISOLATION: Kind =
    Kind::Word(&["read uncommitted", "read committed", "repeatable read", "serializable"]);
const MESSAGE_LEVELS: Kind = Kind::Word(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "info", "notice", "warning",
    "error",
]);

const fn setting(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    description: &'static str,
) -> Definition {
    Definition { name, default, kind, reported: false, description }
}

const fn reported(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    description: &'static str,
) -> Definition {
    Definition { name, default, kind, reported: true, description }
}

/// In the order of SHOW ALL: by name, without case.
pub(crate) static DEFINITIONS: [Definition; 58] = [
    reported(
        "application_name",
        "",
        Kind::Checked(check::application_name),
        "Sets the application name to be reported in statistics and logs.",
    ),
    setting("array_nulls", "on", Kind::Word(&["on"]), "Enable input of NULL elements in arrays."),
    setting(
        "backslash_quote",
        "safe_encoding",
        Kind::Word(&["safe_encoding", "on", "off"]),
        "Sets whether \"\\'\" is allowed in string literals.",
    ),
    setting("bytea_output", "hex", Kind::Word(&["hex"]), "Sets the output format for bytea."),
    setting(
        "check_function_bodies",
        "on",
        Kind::Bool,
        "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE.",
    ),
    reported(
        "client_encoding",
        "UTF8",
        Kind::Checked(check::client_encoding),
        "Sets the client's character set encoding.",
    ),
    setting(
        "client_min_messages",
        "notice",
        MESSAGE_LEVELS,
        "Sets the message levels that are sent to the client.",
    ),
    reported(
        "DateStyle",
        "ISO, MDY",
        Kind::Checked(check::date_style),
        "Sets the display format for date and time values.",
    ),
    setting(
        "default_table_access_method",
        "heap",
        Kind::Word(&["heap"]),
        "Sets the default table access method for new tables.",
    ),
    setting(
        "default_tablespace",
        "",
        Kind::Checked(check::empty_only),
        "Sets the default tablespace to create tables and indexes in.",
    ),
    setting(
        "default_text_search_config",
        "pg_catalog.simple",
        Kind::Text,
        "Sets default text search configuration.",
    ),
    setting(
        "default_transaction_deferrable",
        "off",
        Kind::Bool,
        "Sets the default deferrable status of new transactions.",
    ),
    setting(
        "default_transaction_isolation",
        "read committed",
        ISOLATION,
        "Sets the transaction isolation level of each new transaction.",
    ),
    reported(
        "default_transaction_read_only",
        "off",
        Kind::Bool,
        "Sets the default read-only status of new transactions.",
    ),
    setting(
        "escape_string_warning",
        "on",
        Kind::Bool,
        "Warn about backslash escapes in ordinary string literals.",
    ),
    setting(
        "extra_float_digits",
        "1",
        Kind::Integer { min: -15, max: 3 },
        "Sets the number of digits displayed for floating-point values.",
    ),
    setting(
        "idle_in_transaction_session_timeout",
        "0",
        Kind::Duration,
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    setting(
        "idle_session_timeout",
        "0",
        Kind::Duration,
        "Sets the maximum allowed idle time between queries, when not in a transaction.",
    ),
    reported(
        "in_hot_standby",
        "off",
        Kind::Fixed,
        "Shows whether hot standby is currently active.",
    ),
    reported("integer_datetimes", "on", Kind::Fixed, "Shows whether datetimes are integer based."),
    reported(
        "IntervalStyle",
        "postgres",
        Kind::Word(&["postgres", "iso_8601"]),
        "Sets the display format for interval values.",
    ),
    reported("is_superuser", "off", Kind::Fixed, "Shows whether the current user is a superuser."),
    setting("jit", "off", Kind::Bool, "Allow JIT compilation."),
    setting("lc_collate", "C", Kind::Fixed, "Shows the collation order locale."),
    setting(
        "lc_ctype",
        "C.UTF-8",
        Kind::Fixed,
        "Shows the character classification and case conversion locale.",
    ),
    setting("lc_messages", "C", Kind::Text, "Sets the language in which messages are displayed."),
    setting("lc_monetary", "C", Kind::Text, "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", "C", Kind::Text, "Sets the locale for formatting numbers."),
    setting("lc_time", "C", Kind::Text, "Sets the locale for formatting date and time values."),
    setting(
        "lock_timeout",
        "0",
        Kind::Duration,
        "Sets the maximum allowed duration of any wait for a lock.",
    ),
    setting("max_identifier_length", "63", Kind::Fixed, "Shows the maximum identifier length."),
    setting("max_index_keys", "32", Kind::Fixed, "Shows the maximum number of index keys."),
    setting(
        "password_encryption",
        "scram-sha-256",
        Kind::Fixed,
        "Chooses the algorithm for encrypting passwords.",
    ),
    setting(
        "quote_all_identifiers",
        "off",
        Kind::Bool,
        "When generating SQL fragments, quote all identifiers.",
    ),
    setting("role", "none", Kind::Checked(check::role), "Sets the current role."),
    setting("row_security", "on", Kind::Bool, "Enable row security."),
    setting(
        "search_path",
        "\"$user\", public",
        Kind::NameList,
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    reported(
        "server_encoding",
        "UTF8",
        Kind::Fixed,
        "Shows the server (database) character set encoding.",
    ),
    reported("server_version", SERVER_VERSION, Kind::Fixed, "Shows the server version."),
    setting(
        "server_version_num",
        SERVER_VERSION_NUM,
        Kind::Fixed,
        "Shows the server version as an integer.",
    ),
    reported(
        "session_authorization",
        "",
        Kind::Checked(check::role),
        "Sets the session user name.",
    ),
    setting(
        "session_replication_role",
        "origin",
        Kind::Word(&["origin"]),
        "Sets the session's behavior for triggers and rewrite rules.",
    ),
    setting("ssl", "off", Kind::Fixed, "Enables SSL connections."),
    reported(
        "standard_conforming_strings",
        "on",
        Kind::Word(&["on"]),
        "Causes '...' strings to treat backslashes literally.",
    ),
    setting(
        "statement_timeout",
        "0",
        Kind::Duration,
        "Sets the maximum allowed duration of any statement.",
    ),
    setting("synchronize_seqscans", "on", Kind::Bool, "Enable synchronized sequential scans."),
    setting(
        "synchronous_commit",
        "on",
        Kind::Word(&["on", "off", "local", "remote_write", "remote_apply"]),
        "Sets the current transaction's synchronization level; commits are always durable here.",
    ),
    setting(
        moment::AS_OF,
        "",
        Kind::Zoned(check::as_of),
        "Reads the ledger as it stood at this time of the record; nothing can be written.",
    ),
    setting(
        moment::AS_OF_LSN,
        "",
        Kind::Checked(check::as_of_lsn),
        "Reads the ledger as it stood at this lsn; nothing can be written.",
    ),
    setting(
        "tallybook.book",
        "",
        Kind::Checked(check::book),
        "The book that an INSERT without one writes to.",
    ),
    reported(
        "TimeZone",
        "UTC",
        Kind::Checked(check::time_zone),
        "Sets the time zone for displaying and interpreting time stamps.",
    ),
    setting(
        "transaction_deferrable",
        "off",
        Kind::Bool,
        "Whether to defer a read-only serializable transaction.",
    ),
    setting(
        "transaction_isolation",
        "read committed",
        ISOLATION,
        "Sets the current transaction's isolation level.",
    ),
    setting(
        "transaction_read_only",
        "off",
        Kind::Bool,
        "Sets the current transaction's read-only status.",
    ),
    setting(
        "transform_null_equals",
        "off",
        Kind::Word(&["off"]),
        "Treats \"expr=NULL\" as \"expr IS NULL\".",
    ),
    // The default is what the server gives: a session starts with it.
    setting("work_mem", "", Kind::Memory, "Sets the maximum memory that a query may hold."),
    setting(
        "xmlbinary",
        "base64",
        Kind::Word(&["base64", "hex"]),
        "Sets how binary values are to be encoded in XML.",
    ),
    setting(
        "xmloption",
        "content",
        Kind::Word(&["content", "document"]),
        "Sets whether XML data is to be considered documents or content fragments.",
    ),
];

/// The place of a setting in [`DEFINITIONS`].
pub(crate) fn find(name: &str) -> Option<usize> {
    DEFINITIONS.iter().position(|definition| definition.name.eq_ignore_ascii_case(name))
}
