"""The three sides: each is loaded once and answers queries, and says what processor time it took."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

import duckdb
import psycopg

import data

TABLES = """
CREATE TABLE transactions (book text NOT NULL, seq bigint NOT NULL, idempotency_key text NOT NULL,
  occurred_at timestamptz, metadata jsonb NOT NULL);
CREATE TABLE postings (seq bigint NOT NULL, idx int NOT NULL, book text NOT NULL,
  account text NOT NULL, asset text NOT NULL, amount numeric(38, 0) NOT NULL,
  direction text NOT NULL, occurred_at timestamptz);
"""


def processor_seconds(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


class Server:
    """A server on a port of its own, asked through psycopg."""

    def connect(self, **options) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="bench", dbname=self.database,
            autocommit=True, **options)

    def copy(self, statement: str, path: str) -> None:
        with self.connect() as connection, connection.cursor().copy(statement) as copy:
            with open(path, "rb") as file:
                while piece := file.read(1 << 20):
                    copy.write(piece)


class Tallybook(Server):
    name, database = "tallybook", "tallybook"

    def __init__(self, directory: str):
        self.directory = directory
        self.process = None

    def start(self) -> None:
        data.once(self.directory, "tallybook", self.load)
        self.serve()

    def load(self) -> None:
        # What is left of a load that was broken off.
        shutil.rmtree(f"{self.directory}/tallybook", ignore_errors=True)
        self.serve()
        with self.connect() as connection:
            connection.execute(
                "INSERT INTO assets (id, class, precision, name) "
                "VALUES ('USD', 'fiat', 2, 'US dollar')")
            accounts = "COPY accounts (book, path, asset, kind) FROM STDIN"
            with connection.cursor().copy(accounts) as copy:
                for number in range(data.ACCOUNTS):
                    copy.write_row(("b0", f"acct:{number}", "USD", "liability"))
        self.copy(
            "COPY transfers (book, idempotency_key, debit_account, credit_account, amount, "
            "occurred_at, metadata) FROM STDIN WITH (FORMAT csv, commit_every 10000)",
            f"{self.directory}/transfers.csv")
        self.stop()

    def serve(self) -> None:
        with open(f"{self.directory}/tallybook.log", "a") as log:
            self.process = subprocess.Popen(
                [os.environ["TALLYBOOK"], "serve", "--data", f"{self.directory}/tallybook",
                 "--listen", "127.0.0.1:0",
                 "--memory-budget", os.environ.get("BENCH_MEMORY", "8GiB")],
                stdout=subprocess.PIPE, stderr=log, text=True)
        ready = re.findall(r"127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        if not ready:
            raise SystemExit(f"tallybook does not start: see {self.directory}/tallybook.log")
        self.port = int(ready[-1])

    def restart(self) -> None:
        self.stop()
        self.serve()

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def ask(self, sql: str) -> tuple[float, float, list]:
        """Seconds on the clock, seconds of processors, rows."""
        with self.connect() as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            pids = [self.process.pid]
            processors, started = processor_seconds(pids), time.perf_counter()
            rows = connection.execute(sql).fetchall()
            return time.perf_counter() - started, processor_seconds(pids) - processors, rows


class Postgres(Server):
    name, database = "postgres", "postgres"
    programs = "/usr/lib/postgresql/15/bin"

    def __init__(self, directory: str, threads: int):
        self.directory, self.threads = directory, threads
        self.home = f"{directory}/postgres"
        self.data = f"{self.home}/data"

    def start(self) -> None:
        data.once(self.directory, "postgres", self.load)
        self.serve()

    def load(self) -> None:
        # What is left of a load that was broken off.
        shutil.rmtree(self.home, ignore_errors=True)
        os.mkdir(self.home)
        if os.getuid() == 0:
            os.chown(self.home, pwd.getpwnam("postgres").pw_uid, -1)
        self.run("initdb", "-D", self.data, "-U", "bench", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8")
        self.serve()
        with self.connect() as connection:
            connection.execute(TABLES)
            for table in ("transactions", "postings"):
                self.copy(f"COPY {table} FROM STDIN (FORMAT csv)",
                          f"{self.directory}/{table}.csv")
            connection.execute("CREATE UNIQUE INDEX ON transactions (book, seq)")
            connection.execute("VACUUM ANALYZE")
        self.stop()

    def serve(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.home, "shared_buffers": "4GB",
            "work_mem": "256MB", "max_wal_size": "4GB",
        }
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        self.run("pg_ctl", "-D", self.data, "-l", f"{self.home}/log", "-w", "-s",
                 "-o", options, "start")
        with open(f"{self.data}/postmaster.pid") as file:
            self.pid = int(file.readline())

    def run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        user = {"user": "postgres"} if os.getuid() == 0 else {}
        subprocess.run([f"{self.programs}/{program}", *arguments], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, **user)

    def stop(self) -> None:
        if os.path.exists(f"{self.data}/postmaster.pid"):
            self.run("pg_ctl", "-D", self.data, "-m", "fast", "-s", "stop")

    def ask(self, sql: str) -> tuple[float, float, list]:
        """Seconds on the clock, seconds of processors (the connection's start with them), rows."""
        before = self.ended_seconds()
        with self.connect() as connection:
            backend = connection.info.backend_pid
            connection.execute("SET TIME ZONE 'UTC'")
            # The process that is asked works too.
            connection.execute(f"SET max_parallel_workers_per_gather = {self.threads - 1}")
            started = time.perf_counter()
            rows = connection.execute(sql).fetchall()
            clock = time.perf_counter() - started
        # A process counts once it has ended.
        while os.path.exists(f"/proc/{backend}"):
            time.sleep(0.001)
        return clock, self.ended_seconds() - before, rows

    def ended_seconds(self) -> float:
        """What the processes took that served connections and have ended."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


class DuckDb:
    def __init__(self, directory: str, threads: int, in_memory: bool):
        self.directory, self.threads = directory, threads
        self.name, self.kind = ("duckdb", "TABLE") if in_memory else ("duckdb files", "VIEW")
        self.duck = None
        self.restart()

    def restart(self) -> None:
        if self.duck:
            self.duck.close()
        self.duck = duckdb.connect()
        self.duck.execute(f"SET threads = {self.threads}")
        for table in ("postings", "transactions"):
            self.duck.execute(
                f"CREATE {self.kind} {table} AS SELECT * FROM '{self.directory}/{table}.parquet'")

    def ask(self, sql: str) -> tuple[float, float, list]:
        processors, started = processor_seconds([os.getpid()]), time.perf_counter()
        rows = self.duck.execute(sql).fetchall()
        seconds = time.perf_counter() - started
        return seconds, processor_seconds([os.getpid()]) - processors, rows
