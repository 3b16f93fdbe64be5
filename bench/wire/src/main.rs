//! Measures writes over the wire that pgbench cannot send. `bench/run` calls it; it decides nothing.
//!
//! `wire-bench in-flight PORT DATABASE STATEMENT SECONDS WINDOW`: one connection, one post per
//! Sync, WINDOW of them in flight. `wire-bench pipeline …`: the same with WINDOW posts per Sync.
//! `wire-bench copy PORT DATABASE SECONDS COMMIT_EVERY`: COPY into one book while another book is
//! posted to. `wire-bench cancel PORT DATABASE PID`: how soon reads of all kinds end when they are
//! stopped, PID being the server. `wire-bench floor DIRECTORY SECONDS`: append and fdatasync, nothing else.

mod cancel;
mod client;

use client::Client;
use std::collections::VecDeque;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["in-flight", port, database, statement, seconds, window] => {
            let run = Run { port: port.parse()?, database, statement, seconds: seconds.parse()? };
            println!("{:.0}", run.posts_per_second(window.parse()?, 1)?);
        }
        ["pipeline", port, database, statement, seconds, window] => {
            let run = Run { port: port.parse()?, database, statement, seconds: seconds.parse()? };
            println!("{:.0}", run.posts_per_second(2, window.parse()?)?);
        }
        ["copy", port, database, seconds, commit_every] => {
            copy(port.parse()?, database, seconds.parse()?, commit_every.parse()?)?;
        }
        ["cancel", port, database, pid] => {
            cancel::measure(port.parse()?, database, pid.parse()?)?;
        }
        ["floor", directory, seconds] => floor(Path::new(directory), seconds.parse()?)?,
        _ => return Err("see the head of bench/wire/src/main.rs".into()),
    }
    Ok(())
}

/// Keys of one run are not those of another.
fn run_id() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

struct Run<'a> {
    port: u16,
    database: &'a str,
    /// With `$1` the key, `$2` and `$3` the accounts, `$4` the amount.
    statement: &'a str,
    seconds: u64,
}

impl Run<'_> {
    /// One connection with `syncs` Syncs in flight, each with `posts` posts before it.
    fn posts_per_second(&self, syncs: usize, posts: usize) -> Outcome<f64> {
        let mut client = Client::connect(self.port, self.database)?;
        client.prepare(self.statement)?;
        let (mut writer, mut reader) = client.split()?;
        let (token, tokens) = mpsc::channel::<()>();
        for _ in 0..syncs {
            token.send(())?;
        }
        let started = Instant::now();
        let end = started + Duration::from_secs(self.seconds);
        let (run, statement) = (run_id(), self.statement.len());
        let sent = std::thread::spawn(move || -> Outcome<u64> {
            let mut sent = 0;
            // One token for each Sync that may be in flight; what may go goes in one write.
            while Instant::now() < end && tokens.recv().is_ok() {
                let syncs = 1 + tokens.try_iter().count();
                for _ in 0..syncs {
                    for _ in 0..posts {
                        let (debit, credit) = (sent * 7 % 500, 500 + sent * 13 % 500);
                        writer.execute(&[
                            &format!("w{run}-{statement}-{sent}"),
                            &format!("acct:{debit}"),
                            &format!("acct:{credit}"),
                            &(1 + sent % 10_000).to_string(),
                        ]);
                        sent += 1;
                    }
                    writer.sync();
                }
                writer.flush()?;
            }
            writer.finish()?;
            Ok(sent)
        });
        while reader.until_ready()? {
            // The writer stops listening when its time is over.
            let _ = token.send(());
        }
        let sent = sent.join().map_err(|_| "the writer panicked")??;
        Ok(sent as f64 / started.elapsed().as_secs_f64())
    }
}

/// COPY into book `b0`, and the latency of single posts into book `b1` beside it and alone.
fn copy(port: u16, database: &str, seconds: u64, commit_every: usize) -> Outcome<()> {
    let alone = latencies(port, database, Duration::from_secs(seconds.min(3)), None)?;
    let stop = Arc::new(AtomicBool::new(false));
    let beside = {
        let (stop, database) = (stop.clone(), database.to_owned());
        std::thread::spawn(move || latencies(port, &database, Duration::MAX, Some(&stop)))
    };
    let rate = copy_rows(port, database, Duration::from_secs(seconds), commit_every);
    stop.store(true, Ordering::Relaxed);
    let beside = beside.join().map_err(|_| "the other client panicked")??;
    let shown = |mut each: Vec<Duration>, share: f64| {
        each.sort_unstable();
        let place = (each.len() as f64 * share) as usize;
        each.get(place.min(each.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    println!(
        "{:.0} rows/s; another book's post alone p50 {:.2?} p99 {:.2?}, beside it p50 {:.2?} p99 {:.2?}",
        rate?,
        shown(alone.clone(), 0.5),
        shown(alone, 0.99),
        shown(beside.clone(), 0.5),
        shown(beside, 0.99),
    );
    Ok(())
}

fn copy_rows(port: u16, database: &str, time: Duration, commit_every: usize) -> Outcome<f64> {
    let mut client = Client::connect(port, database)?;
    let started = Instant::now();
    client.start_copy(&format!(
        "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
         FROM STDIN WITH (commit_every {commit_every})"
    ))?;
    let (run, mut rows) = (run_id(), 0u64);
    let mut chunk = Vec::with_capacity(64 * 1024);
    while started.elapsed() < time {
        chunk.clear();
        while chunk.len() < 60 * 1024 {
            let (debit, credit) = (rows * 7 % 500, 500 + rows * 13 % 500);
            let amount = 1 + rows % 10_000;
            writeln!(chunk, "b0\tc{run}-{rows}\tacct:{debit}\tacct:{credit}\t{amount}")?;
            rows += 1;
        }
        client.copy_data(&chunk)?;
    }
    client.end_copy()?;
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

/// Single posts into book `b1`, one after the other, for so long or until told.
fn latencies(
    port: u16,
    database: &str,
    time: Duration,
    stop: Option<&AtomicBool>,
) -> Outcome<Vec<Duration>> {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let mut client = Client::connect(port, database)?;
    client.prepare(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES ('b1', $1, $2, $3, $4)",
    )?;
    let (run, number) = (run_id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let mut taken = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < time && !stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
        let started = Instant::now();
        client.execute(&[&format!("l{run}-{number}-{}", taken.len()), "acct:0", "acct:1", "5"])?;
        taken.push(started.elapsed());
    }
    Ok(taken)
}

/// What the disk gives: an append of 400 bytes and an fdatasync, one after the other.
fn floor(directory: &Path, seconds: u64) -> Outcome<()> {
    let path = directory.join("floor");
    let mut file: File = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut taken = VecDeque::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let started = Instant::now();
        file.write_all(&[b'x'; 400])?;
        file.sync_data()?;
        taken.push_back(started.elapsed());
    }
    std::fs::remove_file(path)?;
    let mut sorted: Vec<Duration> = taken.into();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    println!(
        "{:.0} per second, median {median:.2?}",
        sorted.len() as f64 / begun.elapsed().as_secs_f64()
    );
    Ok(())
}
