//! Other people's clients: psql as a person uses it, its catalog commands, psycopg.

mod catalog;
mod psql;
mod psycopg;
