//! Queries on a real ledger: answers, exactness, push-down, catalogs, errors.

mod bookkeeping;
mod catalogs;
mod exactness;
mod limits;
mod names_and_types;
mod partitions;
mod pushdown;
mod time_zones;
