//! How soon a read ends that is cancelled, or beyond its `statement_timeout`: until its client is
//! told, and until the server's threads have stopped computing.

use crate::Outcome;
use crate::client::Client;
use std::fs;
use std::time::{Duration, Instant};

/// What is stopped; a million postings make the reads of the ledger long enough.
const READS: [(&str, &str); 15] = [
    ("scan", "SELECT count(*) FROM generate_series(1, 1000000000) AS s(n) WHERE n % 7 = 9"),
    ("scan of postings", "SELECT count(*) FROM postings WHERE tx_id::text LIKE '%zz%'"),
    ("sort", "SELECT n FROM generate_series(1, 10000000) AS s(n) ORDER BY n % 1000, n DESC"),
    ("sort of postings", "SELECT * FROM postings ORDER BY tx_id, idx"),
    (
        "join",
        "SELECT count(*) FROM generate_series(1, 10000000) AS a(n) \
         JOIN generate_series(1, 10000000) AS b(n) ON a.n % 10 = b.n % 10",
    ),
    ("join of postings", "SELECT count(*) FROM postings a JOIN postings b ON a.amount = b.amount"),
    (
        "join without =",
        "SELECT count(*) FROM generate_series(1, 10000000) AS a(n) \
         JOIN generate_series(1, 10000000) AS b(n) ON a.n < -b.n",
    ),
    (
        "cross join",
        "SELECT count(*) FROM generate_series(1, 10000000) AS a(n), \
         generate_series(1, 10000000) AS b(n) WHERE a.n + b.n < 0",
    ),
    (
        "aggregate",
        "SELECT n * 7 % 10000019, count(*), sum(n) FROM generate_series(1, 10000000) AS s(n) \
         GROUP BY 1 ORDER BY 2 LIMIT 1",
    ),
    ("distinct", "SELECT count(DISTINCT n) FROM generate_series(1, 100000000) AS s(n)"),
    (
        "window",
        "SELECT n, rank() OVER (PARTITION BY n % 3 ORDER BY n DESC) \
         FROM generate_series(1, 10000000) AS s(n)",
    ),
    (
        "recursive CTE",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) \
         SELECT count(*) FROM r",
    ),
    (
        "wide recursive CTE",
        "WITH RECURSIVE r AS (SELECT n FROM generate_series(1, 200000) AS s(n) \
         UNION ALL SELECT n + 1 FROM r WHERE n < 100000000) SELECT count(*) FROM r",
    ),
    ("rows to a client", "SELECT n, repeat('x', 200) FROM generate_series(1, 100000000) AS s(n)"),
    (
        "COPY to a client",
        "COPY (SELECT n, repeat('x', 200) FROM generate_series(1, 100000000) AS s(n)) TO STDOUT",
    ),
];

/// How long a read runs before it is stopped, in milliseconds. One that ends before is not counted.
const AFTER: [u64; 4] = [100, 400, 1_000, 2_500];

/// How long the threads of queries have to be still to count as stopped.
const STILL: Duration = Duration::from_millis(60);

/// Prints a line for each read and way of stopping it: milliseconds, the worst of all delays.
pub(crate) fn measure(port: u16, database: &str, pid: u32) -> Outcome<()> {
    println!(
        "{:20} {:>16} {:>16} {:>16}",
        "ms, worst of 4", "cancel told", "cancel still", "timeout told"
    );
    for (name, query) in READS {
        let (mut told, mut still, mut late) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for after in AFTER.map(Duration::from_millis) {
            let Some((answered, stopped)) = cancelled(port, database, pid, query, after)? else {
                break;
            };
            told = told.max(answered);
            still = still.max(stopped);
            late = late.max(timed_out(port, database, query, after)?);
            until_still(pid)?;
        }
        let shown = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        println!("{name:20} {:>16} {:>16} {:>16}", shown(told), shown(still), shown(late));
    }
    Ok(())
}

/// From the request to the error, and to the end of all computing.
fn cancelled(
    port: u16,
    database: &str,
    pid: u32,
    query: &str,
    after: Duration,
) -> Outcome<Option<(Duration, Duration)>> {
    let mut client = Client::connect(port, database)?;
    let key = client.cancel_key().to_vec();
    client.send_query(query)?;
    let reading = std::thread::spawn(move || {
        let error = client.until_ready().err().map(|error| error.to_string());
        (error, Instant::now())
    });
    std::thread::sleep(after);
    let requested = Instant::now();
    Client::cancel(port, &key)?;
    let (error, told) = reading.join().map_err(|_| "the reader panicked")?;
    if !was_stopped(query, error.as_deref())? {
        return Ok(None);
    }
    let stopped = until_still(pid)?;
    let since = |time: Instant| time.saturating_duration_since(requested);
    Ok(Some((since(told), since(stopped))))
}

/// How much later than it should the error comes.
fn timed_out(port: u16, database: &str, query: &str, after: Duration) -> Outcome<Duration> {
    let mut client = Client::connect(port, database)?;
    client.send_query(&format!("SET statement_timeout = {}", after.as_millis()))?;
    client.until_ready()?;
    let started = Instant::now();
    client.send_query(query)?;
    let error = client.until_ready().err().map(|error| error.to_string());
    let took = started.elapsed();
    was_stopped(query, error.as_deref())?;
    Ok(took.saturating_sub(after))
}

/// A read that ended by itself says nothing.
fn was_stopped(query: &str, error: Option<&str>) -> Outcome<bool> {
    match error {
        None => Ok(false),
        Some(error) if error.contains("57014") => Ok(true),
        Some(other) => Err(format!("{query}: {other}").into()),
    }
}

/// When the threads of queries last computed.
fn until_still(pid: u32) -> Outcome<Instant> {
    let mut last = Instant::now();
    while last.elapsed() < STILL {
        if computes(pid)? {
            last = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(last)
}

fn computes(pid: u32) -> Outcome<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end meanwhile.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let is_query = stat.contains("(tallybook-query");
        if is_query && stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" R")) {
            return Ok(true);
        }
    }
    Ok(false)
}
