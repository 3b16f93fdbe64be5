//! Other people's programs: psql, Python with its drivers, Java with pgJDBC, JavaScript with
//! node-postgres.

use crate::Server;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Finished {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    fn of(output: Output) -> Self {
        Finished {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The output of a run that must have gone well.
    ///
    /// # Panics
    /// If the program failed or complained.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.status == 0 && self.stderr.is_empty(), "{self:#?}");
        self.stdout
    }
}

/// Runs psql on `script` and lets it go on after errors, as a person would.
///
/// # Panics
/// If psql is not installed or does not end in time.
pub fn psql(server: &Server, arguments: &[&str], script: &str) -> Finished {
    let mut command = with_time_limit("psql");
    as_tester(&mut command, server).args(arguments);
    run(command, script)
}

/// What a terminal shows of psql on `script`: the lines as they are read, and behind each what came
/// of it, complaints in their place.
///
/// # Panics
/// If psql is not installed, or does not get to the end.
pub fn psql_session(server: &Server, script: &str) -> String {
    let mut command = with_time_limit("sh");
    command.args(["-c", "exec psql \"$@\" 2>&1", "psql", "-a"]);
    as_tester(&mut command, server);
    run(command, script).ok()
}

fn as_tester<'a>(psql: &'a mut Command, server: &Server) -> &'a mut Command {
    psql.args(["-X", "-P", "pager=off", "-h", "127.0.0.1", "-U", "tester", "-d", "tallybook"])
        .args(["-p", &server.port().to_string()])
        .env("PGCONNECT_TIMEOUT", "20")
        .env("LC_ALL", "C.UTF-8")
        .env("PSQL_HISTORY", "/dev/null")
        .current_dir(repository())
}

/// Where Debian's package puts the driver.
const JDBC_DRIVER: &str = "/usr/share/java/postgresql.jar";

/// Runs `tests/clients/<name>` with the port as its first argument, in Python.
///
/// # Panics
/// If the virtual environment that `scripts/test` makes is not there.
pub fn psycopg_script(server: &Server, name: &str, arguments: &[&str]) -> Finished {
    let python = match std::env::var_os("TALLYBOOK_PYTHON") {
        Some(python) => PathBuf::from(python),
        None => cache_dir().join("tallybook/venv/bin/python"),
    };
    let interpreter = with_time_limit(&existing(&python).to_string_lossy());
    run_client(interpreter, server, name, arguments)
}

/// Runs the class in `tests/clients/<name>` with the port as its first argument. Java compiles it
/// first.
///
/// # Panics
/// If the driver that `scripts/test` installs is not there.
pub fn jdbc_script(server: &Server, name: &str, arguments: &[&str]) -> Finished {
    let mut java = with_time_limit("java");
    // It is a short program: less compiling of it takes half of the time.
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    java.arg("-cp").arg(existing(Path::new(JDBC_DRIVER)));
    // It would be announced on stderr.
    java.env_remove("JAVA_TOOL_OPTIONS");
    run_client(java, server, name, arguments)
}

/// Runs `tests/clients/<name>` with the port as its argument, in Node.
///
/// # Panics
/// If the driver that `scripts/test` installs is not there.
pub fn node_script(server: &Server, name: &str) -> Finished {
    let modules = cache_dir().join("tallybook/node/node_modules");
    let mut node = with_time_limit("node");
    node.env("NODE_PATH", existing(&modules));
    run_client(node, server, name, &[])
}

fn run_client(
    mut interpreter: Command,
    server: &Server,
    name: &str,
    arguments: &[&str],
) -> Finished {
    let script = repository().join("tests/clients").join(name);
    interpreter.arg(script).arg(server.port().to_string()).args(arguments);
    run(interpreter, "")
}

fn existing(path: &Path) -> &Path {
    assert!(path.exists(), "{} is missing: run scripts/test once", path.display());
    path
}

fn cache_dir() -> PathBuf {
    match std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
    }
}

fn with_time_limit(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "300", program]);
    command
}

fn run(mut command: Command, input: &str) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    // Beside the reading, or a full pipe on each side would wait for the other.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the program can be waited for");
    // A program that fails early does not read all of its input.
    let _ = writer.join().expect("the writer does not panic");
    Finished::of(output)
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the repository")
}

/// The directory of a real data set, if it is there: `$TALLYBOOK_<NAME>_DIR`, or
/// `shared/data/<name>` beside the repository.
pub fn data_dir(name: &str) -> Option<PathBuf> {
    let variable = format!("TALLYBOOK_{}_DIR", name.to_uppercase());
    let dir = match std::env::var_os(variable) {
        Some(dir) => PathBuf::from(dir),
        None => repository().join("../shared/data").join(name),
    };
    dir.canonicalize().ok()
}
