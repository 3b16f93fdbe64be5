"""The data, made once by DuckDB: transfers among 1,000 accounts of one book, over two years."""

import os

import duckdb

ACCOUNTS = 1_000
# The accounts' openings take the first places of the book.
FIRST_SEQ = ACCOUNTS + 1
TWO_YEARS_MICROS = 63_072_000_000_000

TRANSFERS = f"""
CREATE TABLE transfers AS SELECT
  {FIRST_SEQ} + i AS seq,
  't' || i AS idempotency_key,
  'acct:' || (hash(i) % {ACCOUNTS}) AS debit,
  'acct:' || ((hash(i) + 1 + hash(i + 77) % {ACCOUNTS - 1}) % {ACCOUNTS}) AS credit,
  (1 + hash(i * 3 + 1) % 1000000)::decimal(38, 0) AS amount,
  timestamp '2024-01-01' + to_microseconds(i * $step) AS occurred_at,
  '{{"channel": "ch' || (hash(i + 5) % 20) || '", "order": ' || i || '}}' AS metadata
FROM range($transactions) numbers(i)
"""

POSTINGS = """
SELECT seq, leg AS idx, 'b0' AS book, CASE leg WHEN 0 THEN debit ELSE credit END AS account,
  'USD' AS asset, amount, CASE leg WHEN 0 THEN 'debit' ELSE 'credit' END AS direction, occurred_at
FROM transfers, range(2) legs(leg) ORDER BY seq, leg
"""

TRANSACTIONS = """
SELECT 'b0' AS book, seq, idempotency_key, occurred_at, metadata FROM transfers ORDER BY seq
"""

# What tallybook is given, through COPY.
LOAD = """
SELECT 'b0', idempotency_key, debit, credit, amount, occurred_at || '+00', metadata
FROM transfers ORDER BY seq
"""


def once(directory: str, step: str, work) -> None:
    """Does a step that a directory needs once; a step that was broken off is done again."""
    done = f"{directory}/{step}.done"
    if not os.path.exists(done):
        print(f"loading:    {step}", flush=True)
        work()
        open(done, "w").close()


def make(directory: str, postings: int) -> None:
    """Writes Parquet for DuckDB and CSV for the two servers."""
    once(directory, "data", lambda: write(directory, postings // 2))


def write(directory: str, transactions: int) -> None:
    with duckdb.connect() as duck:
        duck.execute("SET memory_limit = '4GB'")
        duck.execute(f"SET temp_directory = '{directory}/duckdb.tmp'")
        step = TWO_YEARS_MICROS // max(transactions, 1)
        duck.execute(TRANSFERS, {"transactions": transactions, "step": step})
        duck.execute(f"COPY ({LOAD}) TO '{directory}/transfers.csv' (HEADER false)")
        for table, query in (("postings", POSTINGS), ("transactions", TRANSACTIONS)):
            duck.execute(f"COPY ({query}) TO '{directory}/{table}.parquet'")
            duck.execute(f"COPY ({query}) TO '{directory}/{table}.csv' (HEADER false)")
