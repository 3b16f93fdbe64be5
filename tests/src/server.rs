//! One running tallybook: started in its own directory, stopped gently or by SIGKILL, started again.

use crate::{DEADLINE, until};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    ready_line: String,
    log: Arc<Mutex<String>>,
    dir: Arc<TempDir>,
}

impl Server {
    /// A server on an empty directory and a free port.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn start() -> Server {
        let dir = tempfile::Builder::new().prefix("tallybook-test-").tempdir();
        Self::start_with(Arc::new(dir.expect("a temporary directory")), &[])
    }

    /// The same directory, after this process has ended in whatever way.
    pub fn start_again(&self) -> Server {
        Self::start_with(self.dir.clone(), &[])
    }

    pub fn start_with(dir: Arc<TempDir>, arguments: &[&str]) -> Server {
        let mut child = Self::command(&dir.path().join("data"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("stderr is piped");
        std::thread::spawn({
            let log = log.clone();
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("no reader of the log panics");
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        });
        let (first_line, ready) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = first_line.send(line);
            // Read on, so that the server never stops at a full pipe.
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        });
        let ready_line = ready.recv_timeout(DEADLINE).unwrap_or_default();
        let Some(address) = address_in(&ready_line) else {
            let _ = child.kill();
            let _ = child.wait();
            let log = log.lock().expect("no reader of the log panics");
            panic!("no address in the line {ready_line:?}; stderr:\n{log}");
        };
        Server { child, address, ready_line, log, dir }
    }

    /// `tallybook serve --data <data>`, with both outputs piped and no input.
    pub fn command(data: &Path) -> Command {
        let mut command = tallybook("serve");
        command.arg("--data").arg(data);
        command
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A temporary directory beside the data, for files that a test makes.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// Everything the server has written to stderr so far.
    ///
    /// # Panics
    /// If the thread that reads it panicked.
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader of the log panics").clone()
    }

    /// SIGKILL: no drain, no last word.
    ///
    /// # Panics
    /// If the process cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL reaches the server");
        self.child.wait().expect("a killed server ends");
    }

    /// A signal such as `TERM`, and the status the server ends with.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn stop(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        until("the server to stop", || self.child.try_wait().expect("the server can be waited for"))
    }

    /// Sends a signal and does not wait.
    ///
    /// # Panics
    /// If there is no process to signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} failed");
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory in bytes, as the kernel counts it.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that was resident at any time so far, without the program itself.
    ///
    /// # Panics
    /// If the process is gone.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:") - self.status_bytes("RssFile:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let mut status = String::new();
        std::fs::File::open(format!("/proc/{}/status", self.pid()))
            .and_then(|mut file| file.read_to_string(&mut status))
            .expect("a running process has a status");
        let kib = status.lines().find_map(|line| line.strip_prefix(name)?.split(' ').rev().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("it is a number") * 1024
    }

    /// A tokio-postgres client with its connection running in the background.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub async fn connect(&self) -> Client {
        connect_to(self.address).await.expect("the server accepts a client")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what the server on port {} said:\n{}", self.port(), self.log());
        }
    }
}

/// Connects as `tester` to the database `tallybook`.
///
/// # Errors
/// Whatever the connection ran into.
pub async fn connect_to(address: SocketAddr) -> Result<Client, tokio_postgres::Error> {
    let settings = format!(
        "host={} port={} user=tester dbname=tallybook connect_timeout=20",
        address.ip(),
        address.port()
    );
    let (client, connection) = tokio_postgres::connect(&settings, NoTls).await?;
    tokio::spawn(async move {
        // A server that is killed breaks its connections; the client's calls tell the test.
        let _ = connection.await;
    });
    Ok(client)
}

/// Connects as soon as the server lets it, for a server that is about to have room again.
///
/// # Panics
/// If the deadline passes first.
pub async fn connect_with_retry(address: SocketAddr) -> Client {
    let started = Instant::now();
    loop {
        match connect_to(address).await {
            Ok(client) => return client,
            Err(error) if started.elapsed() > DEADLINE => panic!("no connection: {error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// The last `ip:port` in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .filter_map(|word| word.trim_matches(['.', ':']).parse().ok())
        .next_back()
}

/// `tallybook <command>`, with both outputs piped and no input.
pub fn tallybook(command: &str) -> Command {
    let mut tallybook = Command::new(binary());
    tallybook
        .arg(command)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tallybook
}

/// The binary that cargo built into the same target directory as this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile =
        test.parent().and_then(Path::parent).expect("tests run from target/<profile>/deps");
    let binary = profile.join("tallybook");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --release -p tallybook` first, as scripts/test does",
        binary.display()
    );
    binary
}
