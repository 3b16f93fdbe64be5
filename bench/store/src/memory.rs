//! Resident memory of this process, as the kernel counts it.

use crate::Outcome;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) peak_mib: u64,
    pub(crate) now_mib: u64,
}

pub(crate) fn resident() -> Outcome<Resident> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mib = |field: &str| -> Outcome<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).ok_or("no such field")?;
        Ok(kib.parse::<u64>()? / 1024)
    };
    Ok(Resident { peak_mib: mib("VmHWM:")?, now_mib: mib("VmRSS:")? })
}

/// Lets the peak begin again at what is resident now.
pub(crate) fn reset_peak() -> Outcome {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
