//! The wire: statements, values, parameters, errors, blocks and pipelines, and bytes that make no sense.

mod blocks;
mod errors;
mod hostile;
mod parameters;
mod queries;
mod replay;
mod streaming;
mod values;
