//! `tallybook backup` and `tallybook restore`.

use crate::Failure;
use crate::arguments::{BackupArguments, RestoreArguments};
use crate::progress::{ProgressLine, bytes};
use std::path::Path;
use store::backup::{BackupProgress, BackupStage};
use store::{BackupOptions, BackupReport};

pub(crate) fn back_up(arguments: &BackupArguments) -> Result<(), Failure> {
    let BackupArguments { data, to } = arguments;
    let report =
        with_progress(|progress| store::backup(data, to, &BackupOptions::default(), progress))?;
    tell(&format!(
        "backed up to {} and verified: {}, {} of them new",
        to.display(),
        content(&report),
        bytes(report.copied_bytes)
    ))
}

pub(crate) fn restore(arguments: &RestoreArguments) -> Result<(), Failure> {
    let RestoreArguments { from, data } = arguments;
    let report =
        with_progress(|progress| store::restore(from, data, &BackupOptions::default(), progress))?;
    tell(&format!("restored to {} and verified: {}", data.display(), content(&report)))?;
    tell(&format!("start it with: tallybook serve --data {}", quoted(data)))
}

fn with_progress<T, E>(
    work: impl FnOnce(&mut dyn FnMut(&BackupProgress)) -> Result<T, E>,
) -> Result<T, E> {
    let mut line = ProgressLine::start();
    let result = work(&mut |progress| {
        let what = match progress.stage {
            BackupStage::Copying => "copying",
            BackupStage::Checking => "checking the copy",
        };
        line.show(what, progress.done_bytes, progress.total_bytes);
    });
    line.clear();
    result
}

fn content(report: &BackupReport) -> String {
    format!(
        "store {}, epoch {}, up to lsn {}, {} files, {}",
        report.store,
        report.epoch,
        report.head,
        report.files,
        bytes(report.bytes)
    )
}

fn tell(line: &str) -> Result<(), Failure> {
    Ok(crate::announce(line)?)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_a_shell() {
        assert_eq!(quoted(Path::new("/srv/tally-book.2")), "/srv/tally-book.2");
        assert_eq!(quoted(Path::new("it's here")), r"'it'\''s here'");
    }
}
