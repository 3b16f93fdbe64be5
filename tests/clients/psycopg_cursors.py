"""Server-side cursors and COPY TO through psycopg 3, as plain assertions.

Started by the end-to-end tests with the port of a server that holds the book `shop`.
"""

import sys

import psycopg
from psycopg import errors

PORT = int(sys.argv[1])
MANY = "SELECT n FROM generate_series(1, 5000) AS s(n) WHERE n <= %s ORDER BY n"


def connect(**options):
    return psycopg.connect(
        host="127.0.0.1", port=PORT, user="tester", dbname="tallybook", **options
    )


def named_cursor_reads_in_pieces():
    with connect() as connection:
        for binary in (False, True):
            with connection.cursor(name="pieces", binary=binary) as cursor:
                cursor.itersize = 700
                cursor.execute(MANY, (2_000,))
                assert [row[0] for row in cursor] == list(range(1, 2_001))
        with connection.cursor(name="few") as cursor:
            cursor.execute(MANY, (10,))
            assert cursor.fetchone() == (1,)
            assert cursor.fetchmany(3) == [(2,), (3,), (4,)]
            assert cursor.fetchall() == [(n,) for n in range(5, 11)]


def named_cursor_scrolls():
    with connect() as connection:
        with connection.cursor(name="back", scrollable=True) as cursor:
            cursor.execute(MANY, (10,))
            cursor.scroll(8)
            assert cursor.fetchone() == (9,)
            cursor.scroll(2, mode="absolute")
            assert cursor.fetchone() == (3,)
            cursor.scroll(-2)
            assert cursor.fetchone() == (2,)
        with connection.cursor(name="ahead", scrollable=False) as cursor:
            cursor.execute(MANY, (10,))
            cursor.scroll(5)
            try:
                cursor.scroll(-2)
            except errors.ObjectNotInPrerequisiteState:
                pass
            else:
                raise AssertionError("it went back")


def held_cursor_outlives_its_block():
    with connect() as connection:
        cursor = connection.cursor(name="held", withhold=True)
        cursor.execute(MANY, (10,))
        assert cursor.fetchone() == (1,)
        connection.commit()
        assert cursor.fetchmany(2) == [(2,), (3,)]
        cursor.close()
        cursor = connection.cursor(name="gone")
        cursor.execute(MANY, (10,))
        connection.commit()
        try:
            cursor.fetchone()
        except errors.InvalidCursorName:
            pass
        else:
            raise AssertionError("it outlived its block")


def copy_out_in_every_format():
    query = "COPY (SELECT n::int4 AS n, 'a,' || n AS t FROM generate_series(1, 3) AS s(n) ORDER BY n) TO STDOUT"
    with connect() as connection:
        with connection.cursor() as cursor:
            with cursor.copy(query) as copy:
                assert list(copy.rows()) == [(str(n), f"a,{n}") for n in (1, 2, 3)]
            with cursor.copy(query + " (FORMAT csv, HEADER)") as copy:
                assert b"".join(copy) == b'n,t\n1,"a,1"\n2,"a,2"\n3,"a,3"\n'
            with cursor.copy(query + " (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                assert list(copy.rows()) == [(n, f"a,{n}") for n in (1, 2, 3)]
            assert cursor.rowcount == 3


for step in (
    named_cursor_reads_in_pieces,
    named_cursor_scrolls,
    held_cursor_outlives_its_block,
    copy_out_in_every_format,
):
    step()
    print(step.__name__)
print("all fine")
