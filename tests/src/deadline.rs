//! Waiting for a condition, and never for longer than a test may take.

use std::time::{Duration, Instant};

/// Long enough for a busy two-core machine, short enough to name what hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer; panics with `what` at the deadline.
///
/// # Panics
/// If the deadline passes first.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::yield_now();
    }
}
