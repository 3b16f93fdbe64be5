//! The end-to-end tests: one binary, so that they link once. Each module holds one promise that a
//! user could check from outside.

mod bank;
mod berka;
mod blocks;
mod books;
mod clients;
mod corpus;
mod crash;
mod documentation;
mod examples;
mod flood;
mod memory;
mod model;
mod moments;
mod outcomes;
mod retries;
mod schema;
mod serve;
mod tidy;
mod tools;
mod wire;
