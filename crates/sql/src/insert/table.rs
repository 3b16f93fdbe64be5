//! The tables that take rows, and which of their columns a writer gives.
//!
//! The columns themselves are the catalog's, so what RETURNING shows is what SELECT shows.

use crate::catalog::{self, Relation};
use crate::settings::SessionSettings;
use crate::{Column, Error, Fault, PgType, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Assets,
    Accounts,
    Transactions,
    Postings,
    Transfers,
}

/// The most columns a table has: rows are built in an array of this length.
pub(crate) const WIDTH_MAX: usize = 14;

/// Places in a relation's columns, for the code that fills them.
pub(super) mod assets {
    pub(in crate::insert) const ID: usize = 0;
    pub(in crate::insert) const CLASS: usize = 1;
    pub(in crate::insert) const NETWORK: usize = 2;
    pub(in crate::insert) const NATIVE_ID: usize = 3;
    pub(in crate::insert) const PRECISION: usize = 4;
    pub(in crate::insert) const NAME: usize = 5;
}

pub(super) mod accounts {
    pub(in crate::insert) const BOOK: usize = 0;
    pub(in crate::insert) const PATH: usize = 1;
    pub(in crate::insert) const ASSET: usize = 2;
    pub(in crate::insert) const KIND: usize = 3;
    pub(in crate::insert) const MIN_BALANCE: usize = 5;
    pub(in crate::insert) const METADATA: usize = 9;
}

pub(super) mod transactions {
    pub(in crate::insert) const TX_ID: usize = 0;
    pub(in crate::insert) const BOOK: usize = 1;
    pub(in crate::insert) const IDEMPOTENCY_KEY: usize = 4;
    pub(in crate::insert) const OCCURRED_AT: usize = 5;
    pub(in crate::insert) const METADATA: usize = 7;
    pub(in crate::insert) const EXTERNAL_REFS: usize = 8;
    pub(in crate::insert) const REVERSES: usize = 9;
    pub(in crate::insert) const POSTINGS: usize = 10;
}

pub(super) mod postings {
    pub(in crate::insert) const TX_ID: usize = 0;
    pub(in crate::insert) const IDX: usize = 1;
    pub(in crate::insert) const BOOK: usize = 2;
    pub(in crate::insert) const ACCOUNT: usize = 5;
    pub(in crate::insert) const ASSET: usize = 6;
    pub(in crate::insert) const AMOUNT: usize = 7;
    pub(in crate::insert) const DIRECTION: usize = 8;
}

pub(super) mod transfers {
    pub(in crate::insert) const TX_ID: usize = 0;
    pub(in crate::insert) const BOOK: usize = 1;
    pub(in crate::insert) const IDEMPOTENCY_KEY: usize = 3;
    pub(in crate::insert) const DEBIT_ACCOUNT: usize = 4;
    pub(in crate::insert) const CREDIT_ACCOUNT: usize = 5;
    pub(in crate::insert) const ASSET: usize = 6;
    pub(in crate::insert) const AMOUNT: usize = 7;
    pub(in crate::insert) const OCCURRED_AT: usize = 8;
    pub(in crate::insert) const METADATA: usize = 10;
}

impl Table {
    fn relation(self) -> &'static Relation {
        match self {
            Table::Assets => &catalog::ASSETS,
            Table::Accounts => &catalog::ACCOUNTS,
            Table::Transactions => &catalog::TRANSACTIONS,
            Table::Postings => &catalog::POSTINGS,
            Table::Transfers => &catalog::TRANSFERS,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.relation().name
    }

    pub(crate) fn width(self) -> usize {
        self.relation().columns.len()
    }

    pub(crate) fn column_name(self, index: usize) -> &'static str {
        self.relation().columns[index].name
    }

    pub(crate) fn column_type(self, index: usize) -> PgType {
        self.relation().columns[index].pg_type
    }

    pub(crate) fn column(self, name: &str) -> Option<usize> {
        self.relation().column_index(name)
    }

    /// Whether an INSERT may give the column; the ledger assigns the others.
    fn is_writable(self, index: usize) -> bool {
        let assigned: &[&str] = match self {
            Table::Assets => &["registered_at"],
            Table::Accounts => &[
                "normal_side",
                "balance",
                "debits",
                "credits",
                "closed",
                "updated_seq",
                "opened_seq",
                "opened_at",
            ],
            Table::Transactions => &["seq", "lsn", "committed_at"],
            Table::Postings => &["seq", "lsn", "balance_after", "occurred_at", "committed_at"],
            Table::Transfers => &["seq", "committed_at"],
        };
        !assigned.contains(&self.column_name(index))
    }

    pub(crate) fn result_column(self, index: usize, name: &str) -> Column {
        let pg_type = self.column_type(index);
        Column {
            name: name.to_owned(),
            pg_type,
            typmod: catalog::typmod(pg_type),
            table_oid: self.relation().oid,
            attribute_number: i16::try_from(index + 1).expect("a relation has few columns"),
        }
    }

    /// The table that a name with or without a schema and a database means.
    pub(crate) fn resolve(
        parts: &[String],
        settings: &SessionSettings,
        verb: &str,
    ) -> Result<Self> {
        let undefined = || {
            Error::new(
                Fault::UndefinedTable,
                format!("relation \"{}\" does not exist", parts.join(".")),
            )
        };
        let (schema, name) = match parts {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            [database, schema, name] if database == settings.database() => (Some(schema), name),
            [_, _, _] => {
                return Err(Error::unsupported(format!(
                    "cross-database references are not implemented: \"{}\"",
                    parts.join(".")
                )));
            }
            _ => return Err(undefined()),
        };
        let shadows = |schema: &String| {
            schema == catalog::TALEA && catalog::TALEA_VIEWS.contains(&name.as_str())
        };
        let first =
            settings.search_path().iter().find(|schema| *schema == "public" || shadows(schema));
        if schema.or(first).is_some_and(shadows) {
            return Err(Error::unsupported(format!(
                "{verb} into view \"{name}\" is not supported"
            ))
            .with_hint("Write to the table of schema \"public\"."));
        }
        match schema.map(String::as_str) {
            None if !settings.sees_public() => return Err(undefined()),
            None | Some("public") => {}
            Some("pg_catalog" | "information_schema") => {
                return Err(Error::unsupported(format!("{verb} into a system catalog")));
            }
            Some(_) => return Err(undefined()),
        }
        match name.as_str() {
            "assets" => Ok(Table::Assets),
            "accounts" => Ok(Table::Accounts),
            "transactions" => Ok(Table::Transactions),
            "transfers" => Ok(Table::Transfers),
            "postings" => Ok(Table::Postings),
            "books" => Err(Error::unsupported(format!("{verb} into \"books\" is not supported"))
                .with_hint("A book exists from its first account: INSERT INTO accounts.")),
            "events" | "trial_balance" | "account_rollup" | "account_statement" => {
                Err(Error::unsupported(format!("{verb} into \"{name}\" is not supported"))
                    .with_hint("It shows what the ledger recorded and cannot be written."))
            }
            _ => Err(undefined()),
        }
    }

    /// The column that an INSERT or COPY names, if it may.
    pub(crate) fn writable_column(self, name: &str) -> Result<usize> {
        let index = self.column(name).ok_or_else(|| self.undefined_column(name))?;
        if self.is_writable(index) {
            return Ok(index);
        }
        Err(Error::new(
            Fault::InvalidParameterValue,
            format!("column \"{name}\" of relation \"{}\" cannot be given", self.name()),
        )
        .with_detail("The ledger assigns it.")
        .with_hint(format!("These can be given: {}.", self.writable_names())))
    }

    fn undefined_column(self, name: &str) -> Error {
        Error::new(
            Fault::UndefinedColumn,
            format!("column \"{name}\" of relation \"{}\" does not exist", self.name()),
        )
    }

    /// The columns that a statement names; all that can be given, in order, if it names none.
    pub(crate) fn target_columns(self, names: &[String]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok(self.writable_columns().collect());
        }
        let mut targets: Vec<usize> = Vec::with_capacity(names.len());
        for name in names {
            let index = self.writable_column(name)?;
            if targets.contains(&index) {
                return Err(Error::new(
                    Fault::DuplicateColumn,
                    format!("column \"{name}\" specified more than once"),
                ));
            }
            targets.push(index);
        }
        Ok(targets)
    }

    fn writable_columns(self) -> impl Iterator<Item = usize> {
        (0..self.width()).filter(move |index| self.is_writable(*index))
    }

    fn writable_names(self) -> String {
        let names: Vec<&str> =
            self.writable_columns().map(|index| self.column_name(index)).collect();
        names.join(", ")
    }

    pub(super) fn missing(self, index: usize) -> Error {
        let column = self.column_name(index);
        Error::new(
            Fault::NotNullViolation,
            format!(
                "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
                self.name()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_is_wider_than_a_row() {
        let tables = [
            Table::Assets,
            Table::Accounts,
            Table::Transactions,
            Table::Postings,
            Table::Transfers,
        ];
        for table in tables {
            assert!(table.width() <= WIDTH_MAX, "{table:?}");
        }
    }

    #[test]
    fn the_places_are_those_of_their_names() {
        let places = [
            (Table::Assets, assets::NAME, "name"),
            (Table::Assets, assets::PRECISION, "precision"),
            (Table::Accounts, accounts::MIN_BALANCE, "min_balance"),
            (Table::Accounts, accounts::METADATA, "metadata"),
            (Table::Transactions, transactions::IDEMPOTENCY_KEY, "idempotency_key"),
            (Table::Transactions, transactions::OCCURRED_AT, "occurred_at"),
            (Table::Transactions, transactions::EXTERNAL_REFS, "external_refs"),
            (Table::Transactions, transactions::POSTINGS, "postings"),
            (Table::Postings, postings::IDX, "idx"),
            (Table::Postings, postings::ACCOUNT, "account"),
            (Table::Postings, postings::DIRECTION, "direction"),
            (Table::Transfers, transfers::IDEMPOTENCY_KEY, "idempotency_key"),
            (Table::Transfers, transfers::CREDIT_ACCOUNT, "credit_account"),
            (Table::Transfers, transfers::AMOUNT, "amount"),
            (Table::Transfers, transfers::METADATA, "metadata"),
        ];
        for (table, place, name) in places {
            assert_eq!(table.column_name(place), name, "{table:?}");
        }
    }

    #[test]
    fn names_lead_to_tables_or_say_why_not() {
        let settings =
            SessionSettings::new("u".to_owned(), "tallybook".to_owned(), 1 << 30, &[]).unwrap();
        let resolve = |name: &str| {
            let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
            Table::resolve(&parts, &settings, "INSERT")
        };
        assert_eq!(resolve("public.accounts").unwrap(), Table::Accounts);
        assert_eq!(resolve("tallybook.public.transfers").unwrap(), Table::Transfers);
        let refused = [
            ("books", Fault::FeatureNotSupported),
            ("elsewhere.accounts", Fault::UndefinedTable),
            ("nothing", Fault::UndefinedTable),
            ("pg_catalog.pg_class", Fault::FeatureNotSupported),
        ];
        for (name, fault) in refused {
            assert_eq!(*resolve(name).unwrap_err().fault(), fault, "{name}");
        }
    }

    #[test]
    fn columns_are_checked_by_name() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        assert_eq!(Table::Accounts.target_columns(&names(&["path", "book"])).unwrap(), [1, 0]);
        assert_eq!(Table::Accounts.target_columns(&[]).unwrap(), [0, 1, 2, 3, 5, 9]);
        let refused = [
            (names(&["balance"]), Fault::InvalidParameterValue),
            (names(&["nothing"]), Fault::UndefinedColumn),
            (names(&["path", "path"]), Fault::DuplicateColumn),
        ];
        for (names, fault) in refused {
            let error = Table::Accounts.target_columns(&names).unwrap_err();
            assert_eq!(*error.fault(), fault, "{names:?}");
        }
    }
}
