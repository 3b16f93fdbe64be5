//! Processor time of this process, which says more than the clock where others use the machine.

use crate::Outcome;
use std::time::Duration;

/// What the kernel counts in, for every program (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// What all threads have used so far, in user and kernel code.
pub(crate) fn used() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name stands in parentheses and may hold anything; 11 fields follow it.
    let (_, fields) = stat.rsplit_once(") ").ok_or("no name in /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}
