//! `pg_get_keywords()`: the words of Postgres 15's grammar, for tools that quote or complete names.

use super::rows::CatalogRows;
use crate::Result;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

/// A word and its category on each line.
const WORDS: &str = include_str!("keywords.txt");

/// Whether no table or column is called so without quotes.
pub(crate) fn is_reserved_word(word: &str) -> bool {
    let code =
        WORDS.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == word);
    code.is_some_and(|(_, code)| code == "R")
}

pub(super) fn table() -> Result<Arc<dyn TableProvider>> {
    let words = WORDS.lines().filter_map(|line| line.split_once(' ')).collect();
    CatalogRows::new(words)
        .text("word", |(word, _)| Some(*word))
        .char("catcode", |(_, code)| code)
        .bool("barelabel", |(_, code)| *code != "R")
        .text("catdesc", |(_, code)| {
            Some(match *code {
                "R" => "reserved",
                "C" => "unreserved (cannot be function or type name)",
                "T" => "reserved (can be function or type name)",
                _ => "unreserved",
            })
        })
        .finish()
}

/// Whether a name must be quoted because it is a word of the grammar.
pub(crate) fn is_keyword(name: &str) -> bool {
    WORDS
        .lines()
        .any(|line| line.split_once(' ').is_some_and(|(word, code)| word == name && code != "U"))
}
