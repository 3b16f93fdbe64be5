//! The deliberate differences from PostgreSQL, all of them, and why each is there.

/// How the answers of a case may differ. Both transcripts are levelled before they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// `seq` and `committed_at` are given by the log, at COMMIT: inside a block, and after Flush, they are NULL.
    NoPositionYet,
}

impl Difference {
    pub(crate) fn level(self, lines: Vec<String>) -> Vec<String> {
        lines.into_iter().map(|line| self.levelled(line)).collect()
    }

    fn levelled(self, line: String) -> String {
        match self {
            Difference::NoPositionYet => {
                without_values(&line, &["seq", "lsn", "committed_at", "opened_seq", "opened_at"])
            }
        }
    }
}

/// A row without the values of some columns.
fn without_values(line: &str, columns: &[&str]) -> String {
    if !line.starts_with("DataRow") {
        return line.to_owned();
    }
    let cells = line.split(' ').map(|cell| match cell.split_once('=') {
        Some((name, _)) if columns.contains(&name) => format!("{name}=*"),
        _ => cell.to_owned(),
    });
    cells.collect::<Vec<_>>().join(" ")
}
