//! Where queries put for a while what they have no memory for: sorted runs, groups.
//!
//! Refuses to know what else is in that folder, or whose disk it is on: who opens the database says
//! where files may be and how large they may become, and clears away what a crash left there.

use crate::{Error, Fault};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use std::io;
use std::path::PathBuf;

/// Room on a disk for running queries, all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporaryFiles {
    /// A folder that exists, in which queries make and delete files of their own.
    pub dir: PathBuf,
    pub bytes_max: u64,
}

/// Without files, what does not fit in memory is refused.
pub(crate) fn disk_manager(files: Option<TemporaryFiles>) -> DiskManagerBuilder {
    let builder = DiskManagerBuilder::default();
    match files {
        Some(TemporaryFiles { dir, bytes_max }) => builder
            .with_mode(DiskManagerMode::Directories(vec![dir]))
            .with_max_temp_directory_size(bytes_max),
        None => builder.with_mode(DiskManagerMode::Disabled),
    }
}

/// Why a temporary file could not be written or read: nothing else of a query touches files itself.
pub(crate) fn temporary_file_failed(error: &io::Error) -> Error {
    // The engine has no kind of error for its limit.
    if error.to_string().contains("exceeded the allowable limit") {
        let message = "the query needs more temporary disk space than queries may have";
        return Error::new(Fault::OutOfMemory, message)
            .with_detail("All running queries share what --temp-limit leaves them.")
            .with_hint("Narrow the query, or raise --temp-limit or --memory-budget.");
    }
    let message = format!("could not use a temporary file: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::new(Fault::TemporaryDiskFull, message)
        }
        _ => Error::new(Fault::Unreadable, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::error::ArrowError;
    use datafusion::error::DataFusionError;

    #[test]
    fn failures_of_temporary_files_are_told_apart() {
        let limit =
            || io::Error::other("The used disk space … exceeded the allowable limit of 1 GB");
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let broken = || io::Error::from(io::ErrorKind::PermissionDenied);
        for (error, fault) in [
            (limit as fn() -> io::Error, Fault::OutOfMemory),
            (full, Fault::TemporaryDiskFull),
            (broken, Fault::Unreadable),
        ] {
            assert_eq!(*temporary_file_failed(&error()).fault(), fault);
            // However it comes out of the engine.
            let direct = DataFusionError::IoError(error());
            let wrapped = || ArrowError::IoError(error().to_string(), error());
            let arrow = DataFusionError::ArrowError(Box::new(wrapped()), None);
            let shared = DataFusionError::Shared(DataFusionError::from(wrapped()).into());
            for engine in [direct, arrow, shared] {
                assert_eq!(*Error::from(engine).fault(), fault);
            }
        }
    }
}
