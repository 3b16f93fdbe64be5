//! Work that holds its thread for long: the runtime's other tasks go on elsewhere meanwhile.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs what waits for the disk, or computes for more than a moment.
pub(crate) fn blocking<T>(run: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(run),
        // There are no other tasks, or they wait for this one as they do for any other.
        _ => run(),
    }
}
