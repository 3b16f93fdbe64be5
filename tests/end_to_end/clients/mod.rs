//! Other people's clients: psql as a person uses it, its catalog commands, psycopg 2 and 3,
//! asyncpg, SQLAlchemy, pgJDBC, node-postgres.

mod asyncpg;
mod catalog;
mod cursors;
mod jdbc;
mod node;
mod psql;
mod psycopg;
mod psycopg2;
mod sqlalchemy;
