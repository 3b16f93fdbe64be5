"""The questions. Each side is asked in its own dialect where the dialects differ."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    name: str
    sql: str
    duckdb: str | None = None

    def on(self, side: str) -> str:
        return self.duckdb if side == "duckdb" and self.duckdb else self.sql


QUERIES = [
    Query("sum", "SELECT sum(amount) FROM postings"),
    Query("account", "SELECT account, sum(amount) FROM postings GROUP BY account"),
    Query(
        "month",
        "SELECT date_trunc('month', occurred_at) AS month, account, sum(amount) "
        "FROM postings GROUP BY 1, 2",
    ),
    Query(
        "metadata",
        "SELECT t.metadata->>'channel' AS channel, count(*), sum(p.amount) "
        "FROM postings p JOIN transactions t ON t.book = p.book AND t.seq = p.seq GROUP BY 1",
    ),
    Query(
        "median",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) FROM postings",
        # Over decimals it would round.
        "SELECT quantile_cont(amount::double, 0.5) FROM postings",
    ),
    Query(
        "running",
        "SELECT max(running) FROM (SELECT sum(CASE direction WHEN 'debit' THEN amount "
        "ELSE -amount END) OVER (PARTITION BY account ORDER BY seq, idx) AS running "
        "FROM postings) balances",
    ),
]
