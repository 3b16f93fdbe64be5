//! DESIGN's tables and their columns, as psql's `\d` names the types.

pub(crate) const TABLES: [(&str, &[(&str, &str)]); 8] = [
    (
        "assets",
        &[
            ("id", "text"),
            ("class", "text"),
            ("network", "text"),
            ("native_id", "text"),
            ("precision", "smallint"),
            ("name", "text"),
            ("registered_at", TIME),
        ],
    ),
    (
        "books",
        &[
            ("book", "text"),
            ("head_seq", "bigint"),
            ("accounts", "bigint"),
            ("transactions", "bigint"),
            ("opened_at", TIME),
            ("last_committed_at", TIME),
        ],
    ),
    (
        "accounts",
        &[
            ("book", "text"),
            ("path", "text"),
            ("asset", "text"),
            ("kind", "text"),
            ("normal_side", "text"),
            ("min_balance", MONEY),
            ("balance", MONEY),
            ("debits", MONEY),
            ("credits", MONEY),
            ("metadata", "jsonb"),
            ("closed", "boolean"),
            ("updated_seq", "bigint"),
            ("opened_seq", "bigint"),
            ("opened_at", TIME),
        ],
    ),
    (
        "transactions",
        &[
            ("tx_id", "uuid"),
            ("book", "text"),
            ("seq", "bigint"),
            ("lsn", "bigint"),
            ("idempotency_key", "text"),
            ("occurred_at", TIME),
            ("committed_at", TIME),
            ("metadata", "jsonb"),
            ("external_refs", "jsonb"),
            ("reverses", "uuid"),
            ("postings", "jsonb"),
        ],
    ),
    (
        "postings",
        &[
            ("tx_id", "uuid"),
            ("idx", "integer"),
            ("book", "text"),
            ("seq", "bigint"),
            ("lsn", "bigint"),
            ("account", "text"),
            ("asset", "text"),
            ("amount", MONEY),
            ("direction", "text"),
            ("balance_after", MONEY),
            ("occurred_at", TIME),
            ("committed_at", TIME),
        ],
    ),
    (
        "transfers",
        &[
            ("tx_id", "uuid"),
            ("book", "text"),
            ("seq", "bigint"),
            ("idempotency_key", "text"),
            ("debit_account", "text"),
            ("credit_account", "text"),
            ("asset", "text"),
            ("amount", MONEY),
            ("occurred_at", TIME),
            ("committed_at", TIME),
            ("metadata", "jsonb"),
        ],
    ),
    (
        "events",
        &[
            ("lsn", "bigint"),
            ("book", "text"),
            ("seq", "bigint"),
            ("at", TIME),
            ("kind", "text"),
            ("payload", "jsonb"),
        ],
    ),
    (
        "trial_balance",
        &[("book", "text"), ("asset", "text"), ("debits", MONEY), ("credits", MONEY)],
    ),
];

const MONEY: &str = "numeric(38,0)";
const TIME: &str = "timestamp with time zone";

/// The name a driver knows a type by.
pub(crate) fn driver_name(psql_name: &str) -> &str {
    match psql_name {
        MONEY => "numeric",
        TIME => "timestamptz",
        "smallint" => "int2",
        "integer" => "int4",
        "bigint" => "int8",
        "boolean" => "bool",
        other => other,
    }
}
