//! The wire: statements, values, errors, blocks and pipelines, and bytes that make no sense.

mod blocks;
mod errors;
mod hostile;
mod queries;
mod replay;
mod streaming;
mod values;
