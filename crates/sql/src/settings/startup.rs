//! The `options` of a startup packet, which hold settings in the form of command-line arguments.

use crate::{Error, Fault, Result};

/// The settings in `options=-c name=value --name=value` of a startup packet. A backslash keeps the
/// character behind it; in names `-` stands for `_`.
pub(super) fn options(options: &str) -> Result<Vec<(String, String)>> {
    let malformed = || {
        Error::new(
            Fault::InvalidParameterValue,
            format!("invalid command-line argument for server process: {options}"),
        )
    };
    let mut settings = Vec::new();
    let mut words = split_options(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next().ok_or_else(malformed)?,
            Some(assignment) => assignment.to_owned(),
            None => return Err(malformed()),
        };
        let (name, value) = assignment.split_once('=').ok_or_else(malformed)?;
        settings.push((name.trim().replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_options(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = options.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
