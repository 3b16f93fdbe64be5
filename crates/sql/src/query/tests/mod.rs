//! Queries on a real ledger: answers, exactness, push-down, catalogs, errors.

mod bookkeeping;
mod catalogs;
mod dependent;
mod exactness;
mod explaining;
mod ledger_joins;
mod limits;
mod lists;
mod names_and_types;
mod partitions;
mod pushdown;
mod routines;
mod set_functions;
mod time_zones;
