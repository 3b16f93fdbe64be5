"""The three sides: each is loaded once and answers queries, and says what processor time it took."""

import os
import pwd
import re
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

    def ask(self, sql: str) -> tuple[float, float, list]:
        """Seconds on the clock, seconds of processors, rows."""
        with self.connect() as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            self.prepare(connection)
            processors, started = self.processors(), time.perf_counter()
            rows = connection.execute(sql).fetchall()
            return time.perf_counter() - started, self.processors() - processors, rows

    def prepare(self, connection: psycopg.Connection) -> None:
        pass

    def copy(self, statement: str, path: str) -> None:
        with self.connect() as connection, connection.cursor().copy(statement) as copy:
            with open(path, "rb") as file:
                while piece := file.read(1 << 20):
                    copy.write(piece)


class Tallybook(Server):
    name, database = "tallybook", "tallybook"

    def __init__(self, directory: str):
        self.directory = directory
        self.start()
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
            f"{directory}/transfers.csv")
        self.restart()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [os.environ["TALLYBOOK"], "serve", "--data", f"{self.directory}/tallybook",
             "--listen", "127.0.0.1:0", "--memory-budget", os.environ.get("BENCH_MEMORY", "8GiB")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.process.stdout.readline()
        self.port = int(re.findall(r"127\.0\.0\.1:(\d+)", ready)[-1])

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def processors(self) -> float:
        return processor_seconds([self.process.pid])


class Postgres(Server):
    name, database = "postgres", "postgres"
    programs = "/usr/lib/postgresql/15/bin"

    def __init__(self, directory: str, threads: int):
        self.threads = threads
        self.data = f"{directory}/postgres/data"
        os.mkdir(f"{directory}/postgres")
        if os.getuid() == 0:
            os.chown(f"{directory}/postgres", pwd.getpwnam("postgres").pw_uid, -1)
        self.run("initdb", "-D", self.data, "-U", "bench", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1",
            "unix_socket_directories": f"{directory}/postgres", "shared_buffers": "4GB",
            "work_mem": "256MB", "max_wal_size": "4GB",
        }
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        self.run("pg_ctl", "-D", self.data, "-l", f"{directory}/postgres/log", "-w", "-s",
                 "-o", options, "start")
        with self.connect() as connection:
            connection.execute(TABLES)
            for table in ("transactions", "postings"):
                self.copy(f"COPY {table} FROM STDIN (FORMAT csv)", f"{directory}/{table}.csv")
            connection.execute("CREATE UNIQUE INDEX ON transactions (book, seq)")
            connection.execute("VACUUM ANALYZE")

    def run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        user = {"user": "postgres"} if os.getuid() == 0 else {}
        subprocess.run([f"{self.programs}/{program}", *arguments], check=True, cwd="/",
                       stdout=subprocess.DEVNULL, **user)

    def prepare(self, connection: psycopg.Connection) -> None:
        # The process that is asked works too.
        connection.execute(f"SET max_parallel_workers_per_gather = {self.threads - 1}")

    def processors(self) -> float:
        return float("nan")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-m", "fast", "-s", "stop")


class DuckDb:
    name = "duckdb"

    def __init__(self, directory: str, threads: int, in_memory: bool):
        self.duck = duckdb.connect()
        self.duck.execute(f"SET threads = {threads}")
        kind = "TABLE" if in_memory else "VIEW"
        for table in ("postings", "transactions"):
            self.duck.execute(
                f"CREATE {kind} {table} AS SELECT * FROM '{directory}/{table}.parquet'")

    def ask(self, sql: str) -> tuple[float, float, list]:
        processors, started = processor_seconds([os.getpid()]), time.perf_counter()
        rows = self.duck.execute(sql).fetchall()
        seconds = time.perf_counter() - started
        return seconds, processor_seconds([os.getpid()]) - processors, rows

    def stop(self) -> None:
        self.duck.close()
