//! A private PostgreSQL 15 with the ledger of `tests/reference/ledger.sql`, to compare with.
//!
//! One cluster serves a whole test process. A shell stands between: it ends when the pipe to the
//! test process breaks, however that process ended, and takes the cluster with it.

use crate::RawClient;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use tokio_postgres::{Client, NoTls};

const SCHEMA: &str = include_str!("../reference/ledger.sql");

/// Starts a cluster whose binaries are in `$1`, prints its directory, and stops it at the end of
/// the input. Nothing here outlives the test, so nothing is synced.
const KEEPER: &str = r#"
trap '' INT TERM HUP
bin="$1"
dir="$(mktemp -d "${TMPDIR:-/tmp}/tallybook-postgres.XXXXXX")" || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
"$bin/initdb" -D "$dir/data" -U tester -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/log" 2>&1 &&
cat >>"$dir/data/postgresql.conf" <<END &&
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
max_connections = 50
END
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -s start >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
echo "ready in:$dir"
cat >/dev/null
"$bin/pg_ctl" -D "$dir/data" -m immediate -s stop
"#;

#[derive(Debug)]
pub struct Postgres {
    dir: PathBuf,
    /// Holds the pipe that keeps the cluster alive.
    _keeper: Child,
}

impl Postgres {
    /// The cluster of this process, started by the first who asks.
    ///
    /// # Panics
    /// If PostgreSQL 15 is not installed or does not start.
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Postgres::start)
    }

    fn start() -> Postgres {
        let mut keeper = keeper()
            .arg(binaries())
            .current_dir("/")
            .env("LC_ALL", "C.UTF-8")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The keeper outlives the test by a moment, and must not hold the test's own outputs open.
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let stdout = keeper.stdout.take().expect("stdout is piped");
        let mut said = String::new();
        let ready = BufReader::new(stdout).lines().map_while(Result::ok).find_map(|line| {
            said.push_str(&line);
            said.push('\n');
            line.strip_prefix("ready in:").map(PathBuf::from)
        });
        let Some(dir) = ready else { panic!("PostgreSQL did not start:\n{said}") };
        let postgres = Postgres { dir, _keeper: keeper };
        postgres.psql("postgres", "CREATE DATABASE tallybook");
        postgres.psql("tallybook", SCHEMA);
        postgres
    }

    /// Runs a script that must succeed.
    fn psql(&self, database: &str, script: &str) {
        let mut psql = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "tester", "-d", database, "-h"])
            .arg(&self.dir)
            .stdin(Stdio::piped())
            .spawn()
            .expect("psql is installed: scripts/test does it");
        let mut input = psql.stdin.take().expect("stdin is piped");
        input.write_all(script.as_bytes()).expect("psql reads its input");
        drop(input);
        assert!(psql.wait().is_ok_and(|status| status.success()), "the reference ledger is set up");
    }

    /// A connection, message by message.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub fn raw(&self) -> RawClient {
        self.raw_in("tallybook")
    }

    /// A connection to another database.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub fn raw_in(&self, database: &str) -> RawClient {
        RawClient::start_at(&self.dir.join(".s.PGSQL.5432"), database)
    }

    /// A new empty database with this name.
    ///
    /// # Panics
    /// If there is one already.
    pub fn create_database(&self, name: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
    }

    /// A tokio-postgres client with its connection running in the background.
    ///
    /// # Panics
    /// If the server does not let it in.
    pub async fn connect(&self) -> Client {
        let settings = format!("host={} user=tester dbname=tallybook", self.dir.display());
        let (client, connection) =
            tokio_postgres::connect(&settings, NoTls).await.expect("PostgreSQL accepts a client");
        tokio::spawn(connection);
        client
    }
}

/// The shell that keeps a cluster. PostgreSQL refuses to run as root.
fn keeper() -> Command {
    let we_are = std::fs::metadata("/proc/self").map(|process| process.uid());
    let mut command = if we_are.is_ok_and(|uid| uid == 0) {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", KEEPER, "keeper"]);
    command
}

/// Where PostgreSQL 15 keeps its programs.
fn binaries() -> PathBuf {
    let found = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&found).map(|dir| dir.join("initdb"));
    let candidates = on_path.chain([PathBuf::from("/usr/lib/postgresql/15/bin/initdb")]);
    let is_15 = |initdb: &PathBuf| {
        let version = Command::new(initdb).arg("--version").output();
        version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("PostgreSQL) 15"))
    };
    let initdb = candidates.filter_map(|initdb| initdb.canonicalize().ok()).find(is_15);
    let initdb = initdb.expect("PostgreSQL 15 is not installed: run scripts/test once");
    initdb.parent().map(Path::to_owned).expect("a program lies in a directory")
}
