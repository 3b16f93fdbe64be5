"""What an older Python program does with tallybook through psycopg 2, as plain assertions.

psycopg 2 writes parameters into the text of a statement and sends simple Queries. Started by the
end-to-end tests with the port of a server that holds the book `shop`.
"""

import datetime
import sys
import uuid
from decimal import Decimal

import psycopg2
import psycopg2.extras
from psycopg2 import errors

PORT = int(sys.argv[1])
MAX = Decimal(10**38 - 1)

POST = """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
          VALUES ('shop', %s, 'cash', 'sales', %s) RETURNING tx_id, seq, deduplicated"""


def connect():
    return psycopg2.connect(host="127.0.0.1", port=PORT, user="tester", dbname="tallybook")


def one(connection, query, values=()):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def values_come_back_as_they_went(connection):
    moment = datetime.datetime(1993, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
    for kind, value in (
        ("numeric", MAX),
        ("timestamptz", moment),
        ("timestamp", moment.replace(tzinfo=None)),
        ("date", moment.date()),
        ("uuid", uuid.UUID("018f2b6e-0000-7000-8000-000000000001")),
        ("bool", True),
        ("int8", 2**63 - 1),
        ("text", "účet 'quoted' \\ back"),
        ("interval", datetime.timedelta(days=1, seconds=2)),
        ("text[]", ["a", "b,c"]),
        ("int4[]", [1, 2, 3]),
    ):
        for sent in (value, None):
            (got,) = one(connection, f"SELECT %s::{kind}", (sent,))
            assert got == sent, (kind, sent, got)
    (got,) = one(connection, "SELECT %s::jsonb", (psycopg2.extras.Json({"n": [1, None]}),))
    assert got == {"n": [1, None]}, got


def blocks_and_errors(connection):
    first = one(connection, POST, ("psycopg2", 1500))
    connection.commit()
    again = one(connection, POST, ("psycopg2", Decimal("1500.00")))
    assert (first[0], first[2], again[0], again[2]) == (again[0], False, first[0], True)
    connection.commit()
    try:
        one(connection, POST, ("psycopg2", 7))
        raise AssertionError("another amount under the same key")
    except errors.UniqueViolation as error:
        assert error.diag.constraint_name == "transactions_idempotency_key"
    connection.rollback()
    one(connection, POST, ("psycopg2-undone", 7))
    connection.rollback()
    count = "SELECT count(*) FROM transactions WHERE idempotency_key = %s"
    assert one(connection, count, ("psycopg2-undone",)) == (0,)


def many_rows(connection):
    with connection.cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) VALUES %s",
            [("shop", f"values-{n}", "cash", "sales", n) for n in range(1, 101)],
        )
    connection.commit()
    assert one(
        connection, "SELECT sum(amount) FROM transfers WHERE idempotency_key LIKE 'values-%%'", (0,)
    ) == (Decimal(5050),)
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(
            "SELECT path FROM accounts WHERE book = 'shop' AND path = ANY(%s) ORDER BY path",
            (["cash", "sales"],),
        )
        assert [row["path"] for row in cursor.fetchall()] == ["cash", "sales"]


def described(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tx_id, amount, metadata, committed_at FROM transfers LIMIT 0")
        oids = [column.type_code for column in cursor.description]
        assert oids == [2950, 1700, 3802, 1184], oids
        assert (cursor.description[1].precision, cursor.description[1].scale) == (38, 0)


def main():
    connection = connect()
    assert connection.server_version // 10000 == 15
    psycopg2.extras.register_uuid()
    for test in (values_come_back_as_they_went, blocks_and_errors, many_rows, described):
        test(connection)
        connection.rollback()
        print(f"{test.__name__}: fine", flush=True)
    connection.close()
    print("all fine")


main()
