//! Telling how far a long piece of work is, on stderr: a line that is redrawn if that is a
//! terminal, otherwise a line now and then.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const REDRAWN_EVERY: Duration = Duration::from_millis(100);
const TOLD_EVERY: Duration = Duration::from_secs(10);
const BAR_CELLS: u64 = 24;

#[derive(Debug)]
pub(crate) struct ProgressLine {
    is_terminal: bool,
    started: Instant,
    shown: Instant,
    is_drawn: bool,
}

impl ProgressLine {
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        ProgressLine {
            is_terminal: io::stderr().is_terminal(),
            started: now,
            shown: now,
            is_drawn: false,
        }
    }

    pub(crate) fn show(&mut self, what: &str, done_bytes: u64, total_bytes: u64) {
        let every = if self.is_terminal { REDRAWN_EVERY } else { TOLD_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let line = line(what, done_bytes, total_bytes, self.started.elapsed());
        let mut stderr = io::stderr().lock();
        // Nobody is told if stderr is gone, and nothing depends on it.
        let _ = if self.is_terminal {
            self.is_drawn = true;
            write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{line}")
        };
    }

    /// Leaves the terminal's line to whatever is printed next.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

fn line(what: &str, done_bytes: u64, total_bytes: u64, elapsed: Duration) -> String {
    let total_bytes = total_bytes.max(done_bytes).max(1);
    let full = (u128::from(done_bytes) * u128::from(BAR_CELLS) / u128::from(total_bytes)) as usize;
    let percent = u128::from(done_bytes) * 100 / u128::from(total_bytes);
    let bar = format!("{}{}", "#".repeat(full), "·".repeat(BAR_CELLS as usize - full));
    let rate = done_bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let left = Duration::from_secs_f64((total_bytes - done_bytes) as f64 / rate.max(1.0));
    format!(
        "{what} [{bar}] {percent}% of {}, {}/s, about {} left",
        bytes(total_bytes),
        bytes(rate as u64),
        clock(left)
    )
}

/// A size as people read it.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "bytes";
    for next in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{size:.1} {unit}") }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        let said = line("checking", 3 << 20, 12 << 20, Duration::from_secs(3));
        let bar = format!("{}{}", "#".repeat(6), "·".repeat(18));
        let expected = format!("checking [{bar}] 25% of 12.0 MiB, 1.0 MiB/s, about 0:09 left");
        assert_eq!(said, expected);
        // Nothing to do, or more than was expected, is no reason to fail.
        line("checking", 0, 0, Duration::ZERO);
        line("checking", 5, 3, Duration::ZERO);
    }

    #[test]
    fn sizes_and_times_are_readable() {
        let sizes = [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")];
        for (size, expected) in sizes {
            assert_eq!(bytes(size), expected);
        }
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(clock(Duration::from_secs(3_725)), "1:02:05");
    }
}
