//! What a server answered, written down so that two servers can be compared: the kinds of the
//! messages, tags, SQLSTATEs, names of constraints, rows. What differs from run to run (times, ids that the
//! server gave) is written as what it is, not as its value.

use crate::Message;

/// Classes of SQLSTATEs whose messages are Postgres' own, word by word: they speak of blocks,
/// savepoints, cursors and prepared statements, not of the ledger.
const WORDED_AS_POSTGRES: [&str; 6] = ["25", "26", "34", "3B", "42P05", "42P03"];

/// The beginning of ids that a test gave.
pub(crate) const GIVEN_ID: &str = "01890000-0000-7000-8000-";

pub(crate) const CONNECTION_ENDS: &str = "the connection ends";
pub(crate) const NOTHING_COMES: &str = "nothing more comes";

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Transcript {
    pub lines: Vec<String>,
    /// The columns of the rows that come next.
    columns: Vec<(String, u32)>,
    /// The last value of a column `tx_id`.
    pub(crate) tx_id: String,
}

impl Transcript {
    pub fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// Whether the other side has stopped to talk.
    pub(crate) fn has_ended(&self) -> bool {
        self.lines.last().is_some_and(|line| line == CONNECTION_ENDS || line == NOTHING_COMES)
    }

    /// Writes a message down.
    pub fn hear(&mut self, message: &Message) {
        let line = match message.kind {
            '1' => "ParseComplete".to_owned(),
            '2' => "BindComplete".to_owned(),
            '3' => "CloseComplete".to_owned(),
            'n' => "NoData".to_owned(),
            'I' => "EmptyQueryResponse".to_owned(),
            's' => "PortalSuspended".to_owned(),
            'G' => "CopyInResponse".to_owned(),
            'H' => format!("CopyOutResponse {}", message.body.escape_ascii()),
            'd' => format!("CopyData {}", message.body.escape_ascii()),
            'c' => "CopyDone".to_owned(),
            't' => format!("ParameterDescription {:?}", parameter_types(message)),
            'C' => format!("CommandComplete {}", message.text()),
            'Z' => format!("ReadyForQuery {}", message.text()),
            'E' | 'N' => complaint(message),
            'T' => {
                self.columns = message.columns();
                let columns = self.columns.iter().map(|(name, oid)| format!("{name}:{oid}"));
                format!("RowDescription {}", columns.collect::<Vec<_>>().join(" "))
            }
            'D' => {
                let row = message.row();
                let cells = row.iter().enumerate().map(|(index, value)| {
                    let name = self.columns.get(index).map_or("", |(name, _)| name);
                    if name == "tx_id" {
                        self.tx_id.clone_from(value);
                    }
                    format!("{name}={}", lasting(name, value))
                });
                format!("DataRow {}", cells.collect::<Vec<_>>().join(" "))
            }
            // A setting that was reported may be reported at another moment elsewhere.
            'S' => return,
            other => format!("message {other:?}"),
        };
        self.lines.push(line);
    }
}

fn complaint(message: &Message) -> String {
    let mut fields = message.fields();
    let mut field = |letter| fields.remove(&letter).unwrap_or_default();
    let (severity, code, constraint) = (field('V'), field('C'), field('n'));
    let said = if WORDED_AS_POSTGRES.iter().any(|class| code.starts_with(class)) {
        field('M')
    } else {
        String::new()
    };
    let words = [severity, code, constraint, said];
    words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// A value, or what kind of value it is if it is another one every time.
fn lasting<'a>(column: &str, value: &'a str) -> &'a str {
    let is_given = value == "NULL" || value.starts_with(GIVEN_ID);
    match column {
        _ if is_given => value,
        "tx_id" | "reverses" => "<id>",
        "lsn" => "<position>",
        "committed_at" | "registered_at" | "opened_at" => "<time>",
        _ => value,
    }
}

fn parameter_types(message: &Message) -> Vec<u32> {
    let types = message.body.get(2..).unwrap_or_default().chunks_exact(4);
    types.map(|oid| u32::from_be_bytes([oid[0], oid[1], oid[2], oid[3]])).collect()
}
