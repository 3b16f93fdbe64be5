//! The rules of the ledger, tried from outside: by tables, by random histories against a model
//! that knows nothing of the crate's code, and by planting faults for the auditor to find.

mod audit;
mod book;
mod bounds;
mod histories;
mod idempotency;
mod model;
mod rules;
