"""What a Python program does with tallybook through asyncpg, as plain assertions.

asyncpg prepares every statement and speaks binary only. Started by the end-to-end tests with the
port of a server that holds the book `shop`.
"""

import asyncio
import datetime
import json
import sys
import uuid
from decimal import Decimal

import asyncpg

PORT = int(sys.argv[1])
MAX = Decimal(10**38 - 1)
UTC = datetime.timezone.utc

POST = """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
          VALUES ('shop', $1, 'cash', 'sales', $2) RETURNING tx_id, seq, deduplicated"""


async def values_come_back_as_they_went(connection):
    moment = datetime.datetime(1993, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    for kind, value in (
        ("numeric", MAX),
        ("numeric", MAX.copy_negate()),
        ("numeric", Decimal("0.000001")),
        ("timestamptz", moment),
        ("timestamp", moment.replace(tzinfo=None)),
        ("date", moment.date()),
        ("uuid", uuid.UUID("018f2b6e-0000-7000-8000-000000000001")),
        ("jsonb", "[1]"),
        ("bool", True),
        ("bytea", b"\x00\xff"),
        ("int2", -7),
        ("int4", 2**31 - 1),
        ("int8", -(2**63)),
        ("float8", 1.5),
        ("text", "účet"),
        ("varchar", "x"),
        ("interval", datetime.timedelta(days=1, seconds=2)),
        ("text[]", ["a", None, "b,c"]),
        ("int8[]", [1, None, 3]),
        ("numeric[]", [MAX, None]),
    ):
        for sent in (value, None):
            got = await connection.fetchval(f"SELECT $1::{kind}", sent)
            assert got == sent, (kind, sent, got)


async def parameters_take_the_type_of_what_they_meet(connection):
    rows = await connection.fetch(
        "SELECT path FROM accounts WHERE book = $1 AND path = ANY($2) ORDER BY path",
        "shop",
        ["cash", "sales", "nobody"],
    )
    assert [row["path"] for row in rows] == ["cash", "sales"], rows
    statement = await connection.prepare(
        "SELECT tx_id, metadata, amount FROM transfers WHERE book = $1 AND seq > $2"
    )
    assert [each.name for each in statement.get_parameters()] == ["text", "int8"]
    assert [(each.name, each.type.name) for each in statement.get_attributes()] == [
        ("tx_id", "uuid"), ("metadata", "jsonb"), ("amount", "numeric"),
    ]


async def posting(connection):
    first = await connection.fetchrow(POST, "asyncpg", Decimal(1500))
    again = await connection.fetchrow(POST, "asyncpg", Decimal("1500.00"))
    assert first["tx_id"] == again["tx_id"]
    assert (first["deduplicated"], again["deduplicated"]) == (False, True)
    try:
        await connection.fetchrow(POST, "asyncpg", Decimal(1))
        raise AssertionError("another amount under the same key")
    except asyncpg.UniqueViolationError as error:
        assert error.constraint_name == "transactions_idempotency_key", error.as_dict()
    await connection.executemany(
        POST.split(" RETURNING")[0], [(f"asyncpg-{n}", Decimal(n)) for n in range(1, 11)]
    )
    total = await connection.fetchval(
        "SELECT sum(amount) FROM transfers WHERE idempotency_key LIKE 'asyncpg-%'"
    )
    assert total == 55, total


async def blocks(connection):
    try:
        async with connection.transaction():
            await connection.fetchrow(POST, "asyncpg-block", Decimal(5))
            raise KeyError("the program changes its mind")
    except KeyError:
        pass
    count = "SELECT count(*) FROM transactions WHERE idempotency_key = 'asyncpg-block'"
    assert await connection.fetchval(count) == 0
    async with connection.transaction():
        await connection.fetchrow(POST, "asyncpg-block", Decimal(5))
        async with connection.transaction():
            assert await connection.fetchval(count) == 1
    assert await connection.fetchval(count) == 1
    async with connection.transaction():
        paths = [
            row["path"]
            async for row in connection.cursor(
                "SELECT path FROM accounts WHERE book = 'shop' ORDER BY path", prefetch=2
            )
        ]
    assert len(paths) == 4 and paths == sorted(paths), paths


async def codecs(connection):
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )
    await connection.execute(
        """INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount,
                                  metadata) VALUES ('shop', 'codec', 'cash', 'sales', 1, $1)""",
        {"n": [1, None, "ú"]},
    )
    metadata = await connection.fetchval(
        "SELECT metadata FROM transfers WHERE idempotency_key = 'codec'"
    )
    assert metadata == {"n": [1, None, "ú"]}, metadata


async def catalogs(connection):
    rows = await connection.fetch(
        """SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
                  col_description(a.attrelid, a.attnum) AS comment
           FROM pg_attribute a WHERE a.attrelid = 'accounts'::regclass AND a.attnum > 0
           ORDER BY a.attnum"""
    )
    assert (rows[0]["attname"], rows[0]["type"], rows[0]["attnotnull"]) == ("book", "text", True)
    assert all(row["comment"] for row in rows), rows


async def main():
    connection = await asyncpg.connect(
        host="127.0.0.1", port=PORT, user="tester", database="tallybook"
    )
    assert connection.get_server_version().major == 15
    for test in (
        values_come_back_as_they_went,
        parameters_take_the_type_of_what_they_meet,
        posting,
        blocks,
        codecs,
        catalogs,
    ):
        await test(connection)
        print(f"{test.__name__}: fine", flush=True)
    await connection.close()
    # A pool resets each connection that is given back.
    async with asyncpg.create_pool(
        host="127.0.0.1", port=PORT, user="tester", database="tallybook", min_size=1, max_size=2
    ) as pool:
        for _ in range(3):
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT 1") == 1
    print("pool: fine")
    print("all fine")


asyncio.run(main())
