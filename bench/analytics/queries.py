"""The questions and their bars. Each side is asked in its own dialect where the dialects differ."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    name: str
    sql: str
    duckdb: str | None = None
    is_sum: bool = False

    def on(self, side: str) -> str:
        return self.duckdb if side.startswith("duckdb") and self.duckdb else self.sql

    def bar(self, other: str) -> float | None:
        """How many times as fast as the other side it is to be, where that is said."""
        if other == "duckdb files":
            return 0.7
        return {"duckdb": 1.0, "postgres": 10.0}[other] if self.is_sum else None


QUERIES = [
    Query("sum", "SELECT sum(amount) FROM postings", is_sum=True),
    Query("account", "SELECT account, sum(amount) FROM postings GROUP BY account", is_sum=True),
    Query(
        "month",
        "SELECT date_trunc('month', occurred_at) AS month, account, sum(amount) "
        "FROM postings GROUP BY 1, 2",
        is_sum=True,
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
