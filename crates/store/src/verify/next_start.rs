//! What the next start would do to the directory, and what a person has to do.

use serde::Serialize;
use std::path::PathBuf;

/// One step, in the order they would be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// Removes a file of the history that it does not use.
    Remove { file: PathBuf },
    /// Removes the files of a part; its range is read from the log and made into a part again.
    DropPart { manifest: PathBuf, first_lsn: u64, last_lsn: u64 },
    /// Uses the part until a reader finds the damage; it is then made again from the log.
    MakeAgain { file: PathBuf },
    /// Refuses to start, and leaves the log as it is.
    Refuse { file: PathBuf, offset: Option<u64>, lsn: Option<u64>, problem: String },
    /// Passes over this: it lies before the checkpoint, where a start looks at the beginning and
    /// the end of segments alone.
    NotNoticed { file: PathBuf, offset: Option<u64>, lsn: Option<u64>, problem: String },
    /// Copies bytes that nobody was answered for to a file of their own.
    KeepAside { file: PathBuf, offset: u64, bytes: u64, to: PathBuf },
    /// Removes a segment whose creation was torn, and creates it again.
    CreateAgain { file: PathBuf },
    /// Writes once more what no mark says is durable, and syncs it.
    Rewrite { file: PathBuf, offset: u64, end: u64 },
    /// Shortens the file to this length.
    Cut { file: PathBuf, length: u64 },
    /// A person has to do this.
    Act { file: PathBuf, what: String },
}

impl Step {
    /// The step as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| {
            // A path that is no Unicode.
            serde_json::json!({ "do": "unknown", "problem": error.to_string() }).to_string()
        })
    }
}
