//! The tables of the ledger: names, oids, columns, keys. The one list that providers, `pg_catalog`
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
}

#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) name: &'static str,
    pub(crate) oid: u32,
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

const fn required(name: &'static str, pg_type: PgType) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: false, assigned: false }
}

const fn optional(name: &'static str, pg_type: PgType) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: true, assigned: false }
}

const fn assigned(name: &'static str, pg_type: PgType) -> RelationColumn {
    RelationColumn { name, pg_type, nullable: false, assigned: true }
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
    columns: &[
        required("id", PgType::Text),
        required("class", PgType::Text),
        optional("network", PgType::Text),
        optional("native_id", PgType::Text),
        required("precision", PgType::Int2),
        required("name", PgType::Text),
        assigned("registered_at", PgType::TimestampTz),
    ],
    keys: &[primary("assets_pkey", 16_501, &["id"])],
};

pub(crate) static BOOKS: Relation = Relation {
    name: "books",
    oid: 16_402,
    columns: &[
        required("book", PgType::Text),
        required("head_seq", PgType::Int8),
        required("accounts", PgType::Int8),
        required("transactions", PgType::Int8),
        required("opened_at", PgType::TimestampTz),
        required("last_committed_at", PgType::TimestampTz),
    ],
    keys: &[primary("books_pkey", 16_502, &["book"])],
};

pub(crate) static ACCOUNTS: Relation = Relation {
    name: "accounts",
    oid: 16_403,
    columns: &[
        required("book", PgType::Text),
        required("path", PgType::Text),
        required("asset", PgType::Text),
        required("kind", PgType::Text),
        optional("normal_side", PgType::Text),
        optional("min_balance", PgType::Numeric),
        required("balance", PgType::Numeric),
        required("debits", PgType::Numeric),
        required("credits", PgType::Numeric),
        required("metadata", PgType::Jsonb),
        required("closed", PgType::Bool),
        assigned("updated_seq", PgType::Int8),
        assigned("opened_seq", PgType::Int8),
        assigned("opened_at", PgType::TimestampTz),
    ],
    keys: &[primary("accounts_pkey", 16_503, &["book", "path"])],
};

pub(crate) static TRANSACTIONS: Relation = Relation {
    name: "transactions",
    oid: 16_404,
    columns: &[
        required("tx_id", PgType::Uuid),
        required("book", PgType::Text),
        assigned("seq", PgType::Int8),
        assigned("lsn", PgType::Int8),
        required("idempotency_key", PgType::Text),
        optional("occurred_at", PgType::TimestampTz),
        assigned("committed_at", PgType::TimestampTz),
        required("metadata", PgType::Jsonb),
        required("external_refs", PgType::Jsonb),
        optional("reverses", PgType::Uuid),
        required("postings", PgType::Jsonb),
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
    columns: &[
        required("tx_id", PgType::Uuid),
        required("idx", PgType::Int4),
        required("book", PgType::Text),
        assigned("seq", PgType::Int8),
        assigned("lsn", PgType::Int8),
        required("account", PgType::Text),
        required("asset", PgType::Text),
        required("amount", PgType::Numeric),
        required("direction", PgType::Text),
        required("balance_after", PgType::Numeric),
        optional("occurred_at", PgType::TimestampTz),
        assigned("committed_at", PgType::TimestampTz),
    ],
    keys: &[primary("postings_pkey", 16_508, &["book", "seq", "idx"])],
};

pub(crate) static TRANSFERS: Relation = Relation {
    name: "transfers",
    oid: 16_406,
    columns: &[
        required("tx_id", PgType::Uuid),
        required("book", PgType::Text),
        assigned("seq", PgType::Int8),
        required("idempotency_key", PgType::Text),
        required("debit_account", PgType::Text),
        required("credit_account", PgType::Text),
        required("asset", PgType::Text),
        required("amount", PgType::Numeric),
        optional("occurred_at", PgType::TimestampTz),
        assigned("committed_at", PgType::TimestampTz),
        required("metadata", PgType::Jsonb),
    ],
    keys: &[primary("transfers_pkey", 16_509, &["book", "tx_id"])],
};

pub(crate) static EVENTS: Relation = Relation {
    name: "events",
    oid: 16_407,
    columns: &[
        required("lsn", PgType::Int8),
        required("book", PgType::Text),
        required("seq", PgType::Int8),
        required("at", PgType::TimestampTz),
        required("kind", PgType::Text),
        required("payload", PgType::Jsonb),
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
