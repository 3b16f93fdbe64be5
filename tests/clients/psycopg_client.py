"""What a Python program does with tallybook through psycopg 3, as plain assertions.

Started by the end-to-end tests with the port of a server that holds the book `shop`.
"""

import datetime
import logging
import sys
import uuid
from decimal import Decimal

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

# Leaving a pipeline that an error has ended may be worth a warning to it.
logging.getLogger("psycopg").setLevel(logging.ERROR)

PORT = int(sys.argv[1])
MAX = Decimal(10**38 - 1)

POST = """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
          VALUES ('shop', %s, 'cash', 'sales', %s) RETURNING tx_id, seq, deduplicated"""


def connect(**options):
    return psycopg.connect(
        host="127.0.0.1", port=PORT, user="tester", dbname="tallybook", autocommit=True, **options
    )


def expect(kind, constraint, action):
    try:
        action()
    except kind as error:
        assert error.diag.constraint_name == constraint, error.diag.constraint_name
        return error
    raise AssertionError(f"no {kind.__name__}")


def types_in_text_and_binary(connection):
    occurred_at = datetime.datetime(1993, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
    metadata = {"n": 1, "text": "účet 'quoted'", "list": [True, None]}
    for binary in (False, True):
        key = f"types-{binary}"
        with connection.cursor(binary=binary) as cursor:
            row = cursor.execute(
                """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account,
                                          amount, occurred_at, metadata)
                   VALUES (%s, %s, %s, %s, %s, %s, %s)
                   RETURNING tx_id, seq, committed_at, deduplicated""",
                ("shop", key, "cash", "sales", Decimal(1500), occurred_at, Jsonb(metadata)),
            ).fetchone()
            tx_id, seq, committed_at, deduplicated = row
            assert isinstance(tx_id, uuid.UUID) and tx_id.version == 7, tx_id
            assert isinstance(seq, int) and deduplicated is False
            assert committed_at.tzinfo is not None
            read = cursor.execute(
                """SELECT tx_id, book, seq, amount, occurred_at, committed_at, metadata
                   FROM transfers WHERE tx_id = %s""",
                (tx_id,),
            ).fetchone()
            assert read == (
                tx_id, "shop", seq, Decimal(1500), occurred_at, committed_at, metadata
            ), read
            kinds = {
                type(value)
                for value in cursor.execute("SELECT balance, debits FROM accounts").fetchone()
            }
            assert kinds == {Decimal}, kinds
            assert cursor.execute("SELECT NULL::numeric, true, 'x'::text").fetchone() == (
                None, True, "x",
            )


def amounts_are_exact(connection):
    assert connection.execute("SELECT %s::numeric", (MAX,)).fetchone() == (MAX,)
    # Python's unary minus would round to 28 digits.
    least = MAX.copy_negate()
    assert connection.execute("SELECT %b::numeric", (least,)).fetchone() == (least,)
    # Whole decimals are whole whatever their scale; anything else is refused, not rounded.
    connection.execute(POST, ("scale", Decimal("5.00")))
    expect(errors.NumericValueOutOfRange, None, lambda: connection.execute(POST, ("x", Decimal("5.01"))))
    expect(errors.DatatypeMismatch, None, lambda: connection.execute(POST, ("x", 5.0)))
    # Python's int becomes the smallest integer type that fits; all of them are amounts.
    for n, amount in enumerate((1, 2**20, 2**40, 2**80)):
        connection.execute(POST, (f"int-{n}", amount))


def errors_by_class(connection):
    def post(debit, credit, amount, key="e"):
        return lambda: connection.execute(
            """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
               VALUES ('shop', %s, %s, %s, %s)""",
            (key, debit, credit, amount),
        )

    expect(errors.CheckViolation, "accounts_min_balance", post("wallet", "sales", 5))
    expect(errors.CheckViolation, "postings_amount_positive", post("cash", "sales", 0))
    expect(errors.ForeignKeyViolation, "postings_account_fkey", post("cash", "nobody", 5))
    post("cash", "sales", 5)()
    conflict = expect(errors.UniqueViolation, "transactions_idempotency_key", post("cash", "sales", 6))
    assert "postings" in conflict.diag.message_detail, conflict.diag.message_detail
    expect(errors.NotNullViolation, None, post("cash", "sales", None, "null"))
    expect(
        errors.FeatureNotSupported, None, lambda: connection.execute("DELETE FROM transactions")
    )
    expect(errors.UndefinedTable, None, lambda: connection.execute("SELECT * FROM nothing"))
    expect(errors.SyntaxError, None, lambda: connection.execute("SELEC"))
    assert connection.execute("SELECT 1").fetchone() == (1,), "the session goes on"


def prepared_on_the_server(connection):
    statement = "SELECT path FROM accounts WHERE book = %s AND path LIKE %s ORDER BY path"
    for _ in range(8):
        rows = connection.execute(statement, ("shop", "c%"), prepare=True).fetchall()
        assert rows == [("cash",)], rows
    for n in range(8):
        tx_id, _, deduplicated = connection.execute(POST, (f"p-{n}", n + 1), prepare=True).fetchone()
        again = connection.execute(POST, (f"p-{n}", n + 1), prepare=True).fetchone()
        assert not deduplicated and again[0] == tx_id and again[2]


def pipelines(connection):
    count = "SELECT count(*) FROM transactions"
    (before,) = connection.execute(count).fetchone()

    # All or nothing up to a Sync, answered in order.
    with connection.pipeline():
        writes = [connection.execute(POST, (f"one-{n}", n + 1)) for n in range(50)]
        seen = connection.execute(count)
    seqs = [cursor.fetchone()[1] for cursor in writes]
    assert seqs == list(range(seqs[0], seqs[0] + 50)), seqs
    assert seen.fetchone() == (before + 50,)
    at = connection.execute(
        "SELECT count(DISTINCT committed_at) FROM transactions WHERE idempotency_key LIKE 'one-%'"
    )
    assert at.fetchone() == (1,), "one frame"

    def second_fails():
        with connection.pipeline():
            connection.execute(POST, ("two-1", 5))
            connection.execute("SELECT 1/0")
            connection.execute(POST, ("two-2", 5))

    expect(errors.DivisionByZero, None, second_fails)
    assert connection.execute(count).fetchone() == (before + 50,)

    with connection.cursor() as cursor:
        cursor.executemany(POST, [(f"many-{n}", n + 1) for n in range(50)])
        assert cursor.rowcount == 50, cursor.rowcount

    with connection.pipeline() as pipeline:
        cursor = connection.execute(POST, ("pipe-1", 5))
        pipeline.sync()
        other = connection.execute(POST, ("pipe-2", 5))
        pipeline.sync()
        assert cursor.fetchone()[2] is False and other.fetchone()[2] is False
    with connection.pipeline():
        reads = [connection.execute("SELECT %s::int", (n,)) for n in range(20)]
        assert [cursor.fetchone()[0] for cursor in reads] == list(range(20))


def blocks():
    with connect() as connection:
        connection.autocommit = False
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (4,)
        connection.commit()
        found = "SELECT count(*) FROM transactions WHERE idempotency_key LIKE 'block%'"
        connection.execute(POST, ("block", 5))
        assert connection.execute(found).fetchone() == (1,), "a block sees its writes"
        connection.rollback()
        assert connection.execute(found).fetchone() == (0,)
        connection.rollback()
        # As an ORM does: nested blocks are savepoints.
        with connection.transaction():
            connection.execute(POST, ("block", 5))

            def nested():
                with connection.transaction():
                    connection.execute(POST, ("block-2", 5))
                    connection.execute(POST, ("block-3", 0))

            expect(errors.CheckViolation, "postings_amount_positive", nested)
            connection.execute(POST, ("block-4", 5))
        assert connection.execute(found).fetchone() == (2,)
        connection.rollback()


def copy_in(connection):
    columns = "(book, idempotency_key, debit_account, credit_account, amount)"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY transfers {columns} FROM STDIN") as copy:
            for n in range(100):
                copy.write_row(("shop", f"copy-{n}", "cash", "sales", n + 1))
        assert cursor.rowcount == 100, cursor.rowcount
    total = connection.execute(
        "SELECT sum(amount) FROM transfers WHERE idempotency_key LIKE 'copy-%'"
    ).fetchone()
    assert total == (Decimal(5050),), total

    def interrupted():
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY transfers {columns} FROM STDIN") as copy:
                copy.write_row(("shop", "lost", "cash", "sales", 1))
                raise KeyError("the program changes its mind")

    try:
        interrupted()
    except KeyError:
        pass
    found = connection.execute(
        "SELECT count(*) FROM transactions WHERE idempotency_key = 'lost'"
    ).fetchone()
    assert found == (0,), found


def main():
    with connect() as connection:
        assert connection.info.server_version // 10000 == 15, connection.info.server_version
        assert connection.info.encoding == "utf-8"
        for test in (
            types_in_text_and_binary,
            amounts_are_exact,
            errors_by_class,
            prepared_on_the_server,
            pipelines,
            copy_in,
        ):
            test(connection)
            print(f"{test.__name__}: fine", flush=True)
    blocks()
    print("all fine")


main()
