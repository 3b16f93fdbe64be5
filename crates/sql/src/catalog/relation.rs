//! The tables of the ledger: names, oids, columns, keys, comments. The one list that providers, `pg_catalog`
//! and `information_schema` are made from, so they cannot disagree.
//!
//! Invariant: oids and column numbers are constants of a released version; clients cache them.

use crate::{MONEY_TYPMOD, PgType};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Field metadata that names the Postgres type where the arrow type does not tell it.
pub(crate) const PG_TYPE_KEY: &str = "pg";

#[derive(Debug, Clone, Copy)]
pub(crate) struct RelationColumn {
    pub(crate) name: &'static str,
    pub(crate) pg_type: PgType,
    pub(crate) nullable: bool,
    /// Given by the commit: a block that reads what it has staged finds NULL.
    pub(crate) assigned: bool,
    /// One sentence, shown by `\d+` and `col_description`.
    pub(crate) comment: &'static str,
}

#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) name: &'static str,
    pub(crate) oid: u32,
    /// One sentence, shown by `\d+` and `obj_description`.
    pub(crate) comment: &'static str,
    pub(crate) columns: &'static [RelationColumn],
    pub(crate) keys: &'static [Key],
}

/// A uniqueness the ledger keeps, shown as an index.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) index_oid: u32,
    pub(crate) constraint_oid: u32,
    pub(crate) primary: bool,
    pub(crate) columns: &'static [&'static str],
}

const fn required(name: &'static str, pg_type: PgType, comment: &'static str) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: false, assigned: false, comment }
}

const fn optional(name: &'static str, pg_type: PgType, comment: &'static str) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: true, assigned: false, comment }
}

const fn assigned(name: &'static str, pg_type: PgType, comment: &'static str) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: false, assigned: true, comment }
}

const fn primary(name: &'static str, index_oid: u32, columns: &'static [&'static str]) -> Key {
    Key { name, index_oid, constraint_oid: index_oid + 100, primary: true, columns }
}

const fn unique(name: &'static str, index_oid: u32, columns: &'static [&'static str]) -> Key {
    Key { name, index_oid, constraint_oid: index_oid + 100, primary: false, columns }
}

pub(crate) static ASSETS: Relation = Relation {
    name: "assets",
    oid: 16_401,
    comment: "Currencies and tokens, each with an immutable number of decimals.",
    columns: &[
        required("id", PgType::Text, "Name of the asset, unique in the whole ledger."),
        required("class", PgType::Text, "fiat or crypto."),
        optional("network", PgType::Text, "Network a crypto asset lives on."),
        optional("native_id", PgType::Text, "What the network calls the asset."),
        required(
            "precision",
            PgType::Int2,
            "Number of decimals; amounts are integers in units of 10 to the minus precision.",
        ),
        required("name", PgType::Text, "Name for people."),
        assigned("registered_at", PgType::TimestampTz, "When the asset was recorded."),
    ],
    keys: &[primary("assets_pkey", 16_501, &["id"])],
};

pub(crate) static BOOKS: Relation = Relation {
    name: "books",
    oid: 16_402,
    comment: "Named, isolated sets of accounts, each with a gapless sequence of events.",
    columns: &[
        required("book", PgType::Text, "Name of the book."),
        required("head_seq", PgType::Int8, "Position of the last event of the book."),
        required("accounts", PgType::Int8, "Number of accounts."),
        required("transactions", PgType::Int8, "Number of transactions."),
        required(
            "opened_at",
            PgType::TimestampTz,
            "When the first account of the book was opened.",
        ),
        required(
            "last_committed_at",
            PgType::TimestampTz,
            "When the last event of the book was recorded.",
        ),
    ],
    keys: &[primary("books_pkey", 16_502, &["book"])],
};

pub(crate) static ACCOUNTS: Relation = Relation {
    name: "accounts",
    oid: 16_403,
    comment: "Accounts of all books with their balances; each holds exactly one asset.",
    columns: &[
        required("book", PgType::Text, "Book the account belongs to."),
        required(
            "path",
            PgType::Text,
            "Name of the account, unique in its book; parts are separated by colons.",
        ),
        required("asset", PgType::Text, "The one asset the account holds."),
        required("kind", PgType::Text, "asset, liability, income, expense, equity or clearing."),
        optional(
            "normal_side",
            PgType::Text,
            "Side on which the balance grows: debit or credit; NULL for clearing accounts.",
        ),
        optional(
            "min_balance",
            PgType::Numeric,
            "Lowest balance allowed, in minor units; NULL where there is no bound.",
        ),
        required(
            "balance",
            PgType::Numeric,
            "Balance in minor units, turned to the normal side; debit-positive for clearing accounts.",
        ),
        required("debits", PgType::Numeric, "Sum of all debits ever, in minor units."),
        required("credits", PgType::Numeric, "Sum of all credits ever, in minor units."),
        required("metadata", PgType::Jsonb, "What the application keeps with the account."),
        required("closed", PgType::Bool, "Whether postings to the account are refused."),
        assigned(
            "updated_seq",
            PgType::Int8,
            "Position of the last event of the book that touched the account.",
        ),
        assigned("opened_seq", PgType::Int8, "Position of the event that opened the account."),
        assigned("opened_at", PgType::TimestampTz, "When the account was opened."),
    ],
    keys: &[primary("accounts_pkey", 16_503, &["book", "path"])],
};

pub(crate) static TRANSACTIONS: Relation = Relation {
    name: "transactions",
    oid: 16_404,
    comment: "Posted transactions: an idempotency key and two or more postings that balance per asset.",
    columns: &[
        required("tx_id", PgType::Uuid, "Identifier of the transaction, unique in its book."),
        required("book", PgType::Text, "Book the transaction belongs to."),
        assigned(
            "seq",
            PgType::Int8,
            "Gapless position in the book, from 1; NULL until the block commits.",
        ),
        assigned("lsn", PgType::Int8, "Position in the whole log; NULL until the block commits."),
        required(
            "idempotency_key",
            PgType::Text,
            "Key by which a repeated posting is recognised, unique in its book for ever.",
        ),
        optional(
            "occurred_at",
            PgType::TimestampTz,
            "When it happened, as the application says; NULL if it does not say.",
        ),
        assigned(
            "committed_at",
            PgType::TimestampTz,
            "When it was recorded; NULL until the block commits.",
        ),
        required("metadata", PgType::Jsonb, "What the application keeps with the transaction."),
        required("external_refs", PgType::Jsonb, "References to other systems."),
        optional("reverses", PgType::Uuid, "The transaction that this one reverses."),
        required(
            "postings",
            PgType::Jsonb,
            "The postings as an array of objects; amounts are strings.",
        ),
    ],
    keys: &[
        primary("transactions_pkey", 16_504, &["book", "tx_id"]),
        unique("transactions_idempotency_key", 16_505, &["book", "idempotency_key"]),
        unique("transactions_reverses_key", 16_506, &["book", "reverses"]),
        unique("transactions_seq_key", 16_507, &["book", "seq"]),
    ],
};

pub(crate) static POSTINGS: Relation = Relation {
    name: "postings",
    oid: 16_405,
    comment: "The legs of all transactions, in the order they were recorded.",
    columns: &[
        required("tx_id", PgType::Uuid, "Transaction the posting belongs to."),
        required("idx", PgType::Int4, "Place in its transaction, from 0."),
        required("book", PgType::Text, "Book the posting belongs to."),
        assigned(
            "seq",
            PgType::Int8,
            "Position of the transaction in the book; NULL until the block commits.",
        ),
        assigned(
            "lsn",
            PgType::Int8,
            "Position of the transaction in the whole log; NULL until the block commits.",
        ),
        required("account", PgType::Text, "Path of the account."),
        required("asset", PgType::Text, "Asset of the account."),
        required("amount", PgType::Numeric, "Positive amount in minor units."),
        required("direction", PgType::Text, "debit or credit."),
        required(
            "balance_after",
            PgType::Numeric,
            "Balance of the account after this posting, turned to its normal side.",
        ),
        optional("occurred_at", PgType::TimestampTz, "When it happened, as the application says."),
        assigned(
            "committed_at",
            PgType::TimestampTz,
            "When it was recorded; NULL until the block commits.",
        ),
    ],
    keys: &[primary("postings_pkey", 16_508, &["book", "seq", "idx"])],
};

pub(crate) static TRANSFERS: Relation = Relation {
    name: "transfers",
    oid: 16_406,
    comment: "Transactions of exactly two legs, as scalars.",
    columns: &[
        required("tx_id", PgType::Uuid, "Identifier of the transaction."),
        required("book", PgType::Text, "Book the transaction belongs to."),
        assigned(
            "seq",
            PgType::Int8,
            "Gapless position in the book; NULL until the block commits.",
        ),
        required("idempotency_key", PgType::Text, "Key by which a repeated posting is recognised."),
        required("debit_account", PgType::Text, "Account that is debited."),
        required("credit_account", PgType::Text, "Account that is credited."),
        required("asset", PgType::Text, "Asset of both accounts."),
        required("amount", PgType::Numeric, "Positive amount in minor units."),
        optional("occurred_at", PgType::TimestampTz, "When it happened, as the application says."),
        assigned(
            "committed_at",
            PgType::TimestampTz,
            "When it was recorded; NULL until the block commits.",
        ),
        required("metadata", PgType::Jsonb, "What the application keeps with the transaction."),
    ],
    keys: &[primary("transfers_pkey", 16_509, &["book", "tx_id"])],
};

pub(crate) static EVENTS: Relation = Relation {
    name: "events",
    oid: 16_407,
    comment: "Everything that happened, in the order of the log.",
    columns: &[
        required("lsn", PgType::Int8, "Gapless position in the whole log, from 1."),
        required("book", PgType::Text, "Book of the event."),
        required("seq", PgType::Int8, "Gapless position in the book, from 1."),
        required("at", PgType::TimestampTz, "When the event was recorded."),
        required("kind", PgType::Text, "What happened."),
        required("payload", PgType::Jsonb, "The event itself."),
    ],
    keys: &[
        primary("events_pkey", 16_510, &["lsn"]),
        unique("events_seq_key", 16_511, &["book", "seq"]),
    ],
};

pub(crate) static RELATIONS: LazyLock<[&'static Relation; 7]> =
    LazyLock::new(|| [&ASSETS, &BOOKS, &ACCOUNTS, &TRANSACTIONS, &POSTINGS, &TRANSFERS, &EVENTS]);

/// Made once: reads ask for them at every execution.
static SCHEMAS: LazyLock<[SchemaRef; 7]> =
    LazyLock::new(|| RELATIONS.map(|relation| Arc::new(relation.new_schema())));

impl Relation {
    pub(crate) fn schema(&self) -> SchemaRef {
        let known = RELATIONS.iter().position(|relation| relation.oid == self.oid);
        known.map_or_else(|| Arc::new(self.new_schema()), |index| SCHEMAS[index].clone())
    }

    fn new_schema(&self) -> Schema {
        Schema::new(self.columns.iter().map(RelationColumn::field).collect::<Vec<_>>())
    }

    pub(crate) fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl RelationColumn {
    fn field(&self) -> Field {
        let may_be_null = self.nullable || self.assigned;
        let field = Field::new(self.name, arrow_type(self.pg_type), may_be_null);
        match self.pg_type {
            PgType::Uuid | PgType::Jsonb => field.with_metadata(HashMap::from([(
                PG_TYPE_KEY.to_owned(),
                self.pg_type.name().to_owned(),
            )])),
            _ => field,
        }
    }
}

/// How a column of this type is held while a query runs.
pub(crate) fn arrow_type(pg_type: PgType) -> DataType {
    match pg_type {
        PgType::Int2 => DataType::Int16,
        PgType::Int4 => DataType::Int32,
        PgType::Int8 => DataType::Int64,
        PgType::Bool => DataType::Boolean,
        PgType::Numeric => DataType::Decimal128(38, 0),
        PgType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        PgType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        PgType::Date => DataType::Date32,
        PgType::Time => DataType::Time64(TimeUnit::Microsecond),
        PgType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        PgType::Float4 => DataType::Float32,
        PgType::Float8 => DataType::Float64,
        PgType::Bytea => DataType::Binary,
        PgType::Oid => DataType::Int32,
        _ => match pg_type.element() {
            Some(element) => DataType::new_list(arrow_type(element), true),
            None => DataType::Utf8,
        },
    }
}

/// The typmod of a column: money has its 38 digits, the rest have none.
pub(crate) fn typmod(pg_type: PgType) -> i32 {
    if pg_type == PgType::Numeric { MONEY_TYPMOD } else { -1 }
}
