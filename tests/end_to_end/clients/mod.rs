//! Other people's clients: psql as a person uses it, its catalog commands, psycopg, pgJDBC,
//! node-postgres.

mod catalog;
mod cursors;
mod jdbc;
mod node;
mod psql;
mod psycopg;
