//! The ledger's own functions, as `\df`, `\sf` and `information_schema.routines` show them. Those of
//! FROM are SQL: their bodies are what a call is replaced by.
//!
//! Invariant: oids are constants of a released version; what a function is said to give, it gives.

use super::relation::ACCOUNTS;
use super::{OWNER_OID, PUBLIC_NAMESPACE};
use crate::{PgType, Result};
use datafusion::arrow::array::builder::Int32Builder;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, new_null_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::error::DataFusionError;
use std::sync::Arc;

/// Name and type.
type Named = (&'static str, PgType);

pub(crate) struct LedgerFunction {
    pub(crate) name: &'static str,
    pub(crate) oid: u32,
    pub(crate) parameters: &'static [Named],
    pub(crate) gives: Gives,
    /// One sentence, shown by `\df+`.
    pub(crate) comment: &'static str,
}

pub(crate) enum Gives {
    /// A value for each row; it is written in Rust.
    Value(PgType),
    /// Rows of these columns, from a body that is SQL.
    Rows { columns: Columns, body: &'static str },
}

pub(crate) enum Columns {
    /// Those of `accounts`.
    OfAccounts,
    Named(&'static [Named]),
}

const TRIAL_BALANCE: Columns = Columns::Named(&[
    ("book", PgType::Text),
    ("asset", PgType::Text),
    ("debits", PgType::Numeric),
    ("credits", PgType::Numeric),
]);

pub(crate) static FUNCTIONS: [LedgerFunction; 7] = [
    LedgerFunction {
        name: "accounts_at",
        oid: 16_701,
        parameters: &[("book", PgType::Text), ("t", PgType::TimestampTz)],
        gives: Gives::Rows {
            columns: Columns::OfAccounts,
            body: include_str!("../../../../sql/functions/accounts_at.sql"),
        },
        comment: "The accounts of a book as they stood at a moment of recorded time.",
    },
    LedgerFunction {
        name: "accounts_at_lsn",
        oid: 16_702,
        parameters: &[("book", PgType::Text), ("lsn", PgType::Int8)],
        gives: Gives::Rows {
            columns: Columns::OfAccounts,
            body: include_str!("../../../../sql/functions/accounts_at_lsn.sql"),
        },
        comment: "The accounts of a book as they stood at a position of the log.",
    },
    LedgerFunction {
        name: "trial_balance_at",
        oid: 16_703,
        parameters: &[("book", PgType::Text), ("t", PgType::TimestampTz)],
        gives: Gives::Rows {
            columns: TRIAL_BALANCE,
            body: include_str!("../../../../sql/functions/trial_balance_at.sql"),
        },
        comment: "The trial balance of a book as it stood at a moment of recorded time.",
    },
    LedgerFunction {
        name: "trial_balance_at_lsn",
        oid: 16_704,
        parameters: &[("book", PgType::Text), ("lsn", PgType::Int8)],
        gives: Gives::Rows {
            columns: TRIAL_BALANCE,
            body: include_str!("../../../../sql/functions/trial_balance_at_lsn.sql"),
        },
        comment: "The trial balance of a book as it stood at a position of the log.",
    },
    LedgerFunction {
        name: "trial_balance_on",
        oid: 16_705,
        parameters: &[("book", PgType::Text), ("day", PgType::Date)],
        gives: Gives::Rows {
            columns: TRIAL_BALANCE,
            body: include_str!("../../../../sql/functions/trial_balance_on.sql"),
        },
        comment: "The trial balance of a book at the end of a day of effective time.",
    },
    LedgerFunction {
        name: "format_amount",
        oid: 16_706,
        parameters: &[("amount", PgType::Numeric), ("asset", PgType::Text)],
        gives: Gives::Value(PgType::Text),
        comment: "An amount of minor units with the decimals of its asset: 1234 EUR is 12.34.",
    },
    LedgerFunction {
        name: "path_prefixes",
        oid: 16_707,
        parameters: &[("path", PgType::Text)],
        gives: Gives::Value(PgType::TextArray),
        comment: "The accounts above a path, and itself: {treasury,treasury:btc} of treasury:btc.",
    },
];

/// `record` in `pg_type`, and languages in `pg_language`.
const RECORD: u32 = 2_249;
const LANGUAGE_INTERNAL: u32 = 12;
const LANGUAGE_SQL: u32 = 14;

impl LedgerFunction {
    /// The columns of its rows; none if it gives a value.
    pub(crate) fn columns(&self) -> Vec<Named> {
        match &self.gives {
            Gives::Value(_) => Vec::new(),
            Gives::Rows { columns: Columns::Named(columns), .. } => columns.to_vec(),
            Gives::Rows { columns: Columns::OfAccounts, .. } => {
                ACCOUNTS.columns.iter().map(|column| (column.name, column.pg_type)).collect()
            }
        }
    }

    pub(crate) fn body(&self) -> Option<&'static str> {
        match &self.gives {
            Gives::Value(_) => None,
            Gives::Rows { body, .. } => Some(body),
        }
    }

    fn result(&self) -> u32 {
        match &self.gives {
            Gives::Value(pg_type) => pg_type.oid(),
            Gives::Rows { .. } => RECORD,
        }
    }

    /// Parameters, then the columns of its rows.
    fn all_arguments(&self) -> Vec<(Named, &'static str)> {
        let parameters = self.parameters.iter().map(|parameter| (*parameter, "i"));
        parameters.chain(self.columns().into_iter().map(|column| (column, "t"))).collect()
    }
}

/// The ledger's functions as rows of `pg_proc`, with the columns of the exports.
pub(super) fn procedures(schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| procedure_column(field));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns).map_err(DataFusionError::from)?)
}

fn procedure_column(field: &Field) -> Result<ArrayRef> {
    let numbers = |number: fn(&LedgerFunction) -> u32| -> ArrayRef {
        let numbers = FUNCTIONS.iter().map(|each| i32::try_from(number(each)).ok());
        Arc::new(numbers.collect::<Int32Array>())
    };
    let texts = |text: fn(&LedgerFunction) -> String| -> ArrayRef {
        Arc::new(FUNCTIONS.iter().map(|each| Some(text(each))).collect::<StringArray>())
    };
    let truths = |truth: fn(&LedgerFunction) -> bool| -> ArrayRef {
        Arc::new(FUNCTIONS.iter().map(|each| Some(truth(each))).collect::<BooleanArray>())
    };
    let column: ArrayRef = match field.name().as_str() {
        "oid" => numbers(|each| each.oid),
        "proname" => texts(|each| each.name.to_owned()),
        "pronamespace" => numbers(|_| PUBLIC_NAMESPACE),
        "proowner" => numbers(|_| OWNER_OID),
        "prolang" => numbers(|each| match each.body() {
            Some(_) => LANGUAGE_SQL,
            None => LANGUAGE_INTERNAL,
        }),
        "procost" => Arc::new(Float32Array::from(vec![100.0; FUNCTIONS.len()])),
        "prorows" => Arc::new(Float32Array::from_iter_values(
            FUNCTIONS.iter().map(|each| if each.body().is_some() { 1_000.0 } else { 0.0 }),
        )),
        "provariadic" | "prosupport" => numbers(|_| 0),
        "prokind" => texts(|_| "f".to_owned()),
        "prosecdef" | "proleakproof" => truths(|_| false),
        "proisstrict" => truths(|each| each.body().is_none()),
        "proretset" => truths(|each| each.body().is_some()),
        "provolatile" => texts(|each| match each.name {
            "path_prefixes" => "i".to_owned(),
            _ => "s".to_owned(),
        }),
        "proparallel" => texts(|_| "s".to_owned()),
        "pronargs" => Arc::new(Int16Array::from_iter_values(
            FUNCTIONS.iter().filter_map(|each| i16::try_from(each.parameters.len()).ok()),
        )),
        "pronargdefaults" => Arc::new(Int16Array::from(vec![0; FUNCTIONS.len()])),
        "prorettype" => numbers(LedgerFunction::result),
        "proargtypes" => texts(|each| {
            let oids = each.parameters.iter().map(|(_, pg_type)| pg_type.oid().to_string());
            oids.collect::<Vec<_>>().join(" ")
        }),
        "proallargtypes" => all_types(field),
        "proargmodes" => lists(|each| {
            let modes = each.all_arguments().into_iter().map(|(_, mode)| mode.to_owned());
            each.body().map(|_| modes.collect())
        }),
        "proargnames" => lists(|each| {
            Some(each.all_arguments().into_iter().map(|((name, _), _)| name.to_owned()).collect())
        }),
        "prosrc" => texts(|each| each.body().unwrap_or(each.name).to_owned()),
        _ => new_null_array(field.data_type(), FUNCTIONS.len()),
    };
    Ok(cast(&column, field.data_type()).map_err(DataFusionError::from)?)
}

fn lists(items: fn(&LedgerFunction) -> Option<Vec<String>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for function in &FUNCTIONS {
        lists.append_option(items(function).map(|items| items.into_iter().map(Some)));
    }
    Arc::new(lists.finish())
}

fn all_types(field: &Field) -> ArrayRef {
    let mut lists = ListBuilder::new(Int32Builder::new());
    if let DataType::List(item) = field.data_type() {
        lists = lists.with_field(Arc::clone(item));
    }
    for function in &FUNCTIONS {
        let types = function.all_arguments().into_iter();
        let oids = types.map(|((_, pg_type), _)| i32::try_from(pg_type.oid()).ok());
        lists.append_option(function.body().map(|_| oids));
    }
    Arc::new(lists.finish())
}
