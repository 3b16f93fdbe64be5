//! `tallybook verify`: prints what a check of a data directory finds.

use crate::Failure;
use crate::arguments::VerifyArguments;
use crate::progress::{ProgressLine, bytes};
use std::io::{self, Write};
use std::process::ExitCode;
use store::verify::{Finding, Severity};
use store::{OpenError, VerifyOptions, VerifyReport};

/// Of what could not be checked, a wrong command line included.
pub(crate) const UNCHECKED: u8 = 3;

pub(crate) fn run(arguments: &VerifyArguments) -> ExitCode {
    let mut line = ProgressLine::start();
    let checked = store::verify(&arguments.data, &VerifyOptions::default(), &mut |progress| {
        line.show("checking", progress.done_bytes, progress.total_bytes);
    });
    line.clear();
    match checked {
        Ok(report) => match print(&report, arguments.repair_report) {
            Ok(()) => ExitCode::from(code(report.severity())),
            Err(failure) => {
                eprintln!("tallybook: {failure}");
                ExitCode::from(UNCHECKED)
            }
        },
        Err(error) => {
            eprintln!("tallybook: {error}");
            if matches!(error, OpenError::Locked { .. }) {
                eprintln!(
                    "A directory is checked while no server uses it. Of a running server make a \
                     backup: that is checked."
                );
            }
            ExitCode::from(UNCHECKED)
        }
    }
}

fn code(severity: Option<Severity>) -> u8 {
    match severity {
        None | Some(Severity::Notice) => 0,
        Some(Severity::Damage) => 1,
        Some(Severity::Mended) => 2,
        Some(Severity::Unchecked) => UNCHECKED,
    }
}

/// The findings and a summary on stdout; with `repair_report` they go to stderr, and stdout has
/// the steps of the next start, one JSON object a line.
fn print(report: &VerifyReport, repair_report: bool) -> Result<(), Failure> {
    if !repair_report {
        return Ok(write_report(&mut io::stdout().lock(), report)?);
    }
    write_report(&mut io::stderr().lock(), report)?;
    let mut stdout = io::stdout().lock();
    for step in &report.next_start {
        writeln!(stdout, "{}", step.to_json())?;
    }
    Ok(())
}

fn write_report(out: &mut dyn Write, report: &VerifyReport) -> io::Result<()> {
    for finding in &report.findings {
        write_finding(out, finding)?;
    }
    if report.findings_left_out > 0 {
        writeln!(out, "and {} more findings\n", report.findings_left_out)?;
    }
    let store = report.store.as_deref().unwrap_or("unknown");
    writeln!(out, "store    {store}, epoch {}", report.epoch)?;
    writeln!(
        out,
        "log      {} segments, {}, {} frames, {} events, {} transactions, {} books, {} accounts",
        report.segments,
        bytes(report.log_bytes),
        report.frames,
        report.events,
        report.transactions,
        report.books,
        report.accounts
    )?;
    writeln!(out, "         up to lsn {}, audited up to lsn {}", report.head, report.audited)?;
    writeln!(
        out,
        "history  {} of {} parts compared with the log, {}",
        report.parts_compared,
        report.parts,
        bytes(report.part_bytes)
    )?;
    writeln!(out, "result   {}", result(report.severity()))
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let heading = match finding.remedy.severity() {
        Severity::Damage => "DAMAGE",
        Severity::Unchecked => "NOT CHECKED",
        Severity::Mended => "will be mended",
        Severity::Notice => "notice",
    };
    writeln!(out, "{heading}: {finding}\n  what to do: {}\n", finding.remedy)
}

fn result(severity: Option<Severity>) -> &'static str {
    match severity {
        None | Some(Severity::Notice) => "good",
        Some(Severity::Mended) => "the ledger is good; the next start mends what was found",
        Some(Severity::Unchecked) => "not everything could be checked",
        Some(Severity::Damage) => "DAMAGED: somebody has to act",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use store::verify::Remedy;

    #[test]
    fn findings_say_where_and_what_to_do() {
        let finding = Finding {
            file: PathBuf::from("data/log/segment-1.log"),
            offset: Some(196),
            lsn: Some(store::Lsn(33)),
            problem: "the checksum does not match".to_owned(),
            remedy: Remedy::CutOff,
        };
        let mut out = Vec::new();
        write_finding(&mut out, &finding).unwrap();
        let said = String::from_utf8(out).unwrap();
        let first = "will be mended: data/log/segment-1.log, offset 196, lsn 33: the checksum does \
                     not match\n  what to do: nothing: ";
        assert!(said.starts_with(first), "{said}");
    }

    #[test]
    fn codes_rise_with_what_is_to_be_done() {
        let severities = [
            (None, 0),
            (Some(Severity::Notice), 0),
            (Some(Severity::Damage), 1),
            (Some(Severity::Mended), 2),
            (Some(Severity::Unchecked), 3),
        ];
        for (severity, expected) in severities {
            assert_eq!(code(severity), expected, "{severity:?}");
        }
    }
}
