//! Damaged files give errors, never other answers.
