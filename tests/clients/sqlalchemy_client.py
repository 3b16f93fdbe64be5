"""What SQLAlchemy does with tallybook, on psycopg and on asyncpg, as plain assertions.

Started by the end-to-end tests with the port of a server that holds the book `shop`.
"""

import asyncio
import sys
import uuid
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PORT = int(sys.argv[1])
ADDRESS = f"tester@127.0.0.1:{PORT}/tallybook"
TABLES = ["accounts", "assets", "books", "events", "postings", "transactions", "transfers"]


class Base(DeclarativeBase):
    pass


class Transfer(Base):
    """Written by the program; the ledger gives seq and committed_at when the block commits."""

    __tablename__ = "transfers"

    tx_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    book: Mapped[str]
    idempotency_key: Mapped[str]
    debit_account: Mapped[str]
    credit_account: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(38, 0))
    details: Mapped[dict] = mapped_column("metadata", JSONB)


class Account(Base):
    __tablename__ = "accounts"

    book: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    balance: Mapped[Decimal] = mapped_column(sa.Numeric(38, 0))


def reflects(connection):
    inspector = sa.inspect(connection)
    assert "public" in inspector.get_schema_names()
    assert sorted(inspector.get_table_names()) == TABLES, inspector.get_table_names()
    assert "trial_balance" in inspector.get_view_names()
    assert inspector.has_table("accounts") and not inspector.has_table("nothing")
    assert inspector.get_sequence_names() == []

    columns = {each["name"]: each for each in inspector.get_columns("transactions")}
    kinds = {name: str(column["type"]) for name, column in columns.items()}
    assert kinds["tx_id"] == "UUID" and kinds["metadata"] == "JSONB" and kinds["seq"] == "BIGINT"
    assert columns["committed_at"]["type"].timezone is True
    assert columns["book"]["nullable"] is False and columns["occurred_at"]["nullable"] is True
    assert all(column["comment"] for column in columns.values()), columns
    assert str(inspector.get_columns("accounts")[6]["type"]) == "NUMERIC(38, 0)"

    key = inspector.get_pk_constraint("accounts")
    assert (key["name"], key["constrained_columns"]) == ("accounts_pkey", ["book", "path"]), key
    unique = {each["name"]: each for each in inspector.get_unique_constraints("transactions")}
    assert unique["transactions_idempotency_key"]["column_names"] == ["book", "idempotency_key"]
    indexes = {each["name"]: each for each in inspector.get_indexes("transactions")}
    index = indexes["transactions_idempotency_key"]
    assert (index["unique"], index["column_names"]) == (True, ["book", "idempotency_key"]), index
    assert inspector.get_foreign_keys("postings") == []
    assert inspector.get_check_constraints("accounts") == []
    assert inspector.get_table_comment("accounts")["text"].startswith("Accounts")
    assert "SELECT" in inspector.get_view_definition("trial_balance")
    assert [each["name"] for each in inspector.get_columns("trial_balance")] == [
        "book", "asset", "debits", "credits",
    ]
    assert inspector.get_enums() == []

    everything = sa.MetaData()
    everything.reflect(connection, views=True)
    assert set(TABLES) < set(everything.tables), everything.tables.keys()


def core(connection):
    transfers = sa.Table("transfers", sa.MetaData(), autoload_with=connection)
    accounts = sa.Table("accounts", sa.MetaData(), autoload_with=connection)
    key = f"core-{connection.dialect.driver}"
    values = {
        "book": "shop", "debit_account": "cash", "credit_account": "sales",
        "metadata": {"by": connection.dialect.driver},
    }
    with connection.begin_nested():
        row = connection.execute(
            sa.insert(transfers)
            .values(tx_id=uuid.uuid4(), idempotency_key=key, amount=Decimal(40), **values)
            .returning(transfers.c.tx_id, transfers.c.amount)
        ).one()
        assert isinstance(row.tx_id, uuid.UUID) and row.amount == 40, row
    connection.execute(
        sa.insert(transfers),
        [
            {"tx_id": uuid.uuid4(), "idempotency_key": f"{key}-{n}", "amount": Decimal(n), **values}
            for n in range(1, 6)
        ],
    )
    connection.commit()
    total = connection.scalar(
        sa.select(sa.func.sum(transfers.c.amount)).where(
            transfers.c.book == "shop", transfers.c.idempotency_key.like(f"{key}%")
        )
    )
    assert total == 55, total
    paths = connection.scalars(
        sa.select(accounts.c.path)
        .where(accounts.c.book == "shop", accounts.c.path.in_(["cash", "sales"]))
        .order_by(accounts.c.path)
    ).all()
    assert paths == ["cash", "sales"], paths
    found = connection.scalar(
        sa.select(transfers.c.metadata["by"].astext).where(transfers.c.idempotency_key == key)
    )
    assert found == connection.dialect.driver, found
    connection.rollback()


def orm(session):
    driver = session.connection().dialect.driver
    cash = sa.select(Account.balance).where(Account.book == "shop", Account.path == "cash")
    before = session.scalar(cash)
    for n in (1, 2, 3):
        session.add(
            Transfer(
                book="shop", idempotency_key=f"orm-{driver}-{n}", debit_account="cash",
                credit_account="sales", amount=Decimal(n), details={"n": n},
            )
        )
    session.commit()
    assert session.scalar(cash) == before + 6
    accounts = session.scalars(
        sa.select(Account).where(Account.book == "shop").order_by(Account.path)
    ).all()
    assert len(accounts) == 4 and accounts[0].path == "cash"
    found = session.scalars(
        sa.select(Transfer).where(Transfer.idempotency_key.like(f"orm-{driver}-%"))
        .order_by(Transfer.amount)
    ).all()
    assert [(each.amount, each.details) for each in found] == [
        (Decimal(n), {"n": n}) for n in (1, 2, 3)
    ]
    session.add(
        Transfer(
            book="shop", idempotency_key=f"orm-{driver}-bad", debit_account="cash",
            credit_account="nobody", amount=Decimal(1), details={},
        )
    )
    try:
        session.commit()
        raise AssertionError("an account that there is not")
    except sa.exc.IntegrityError as error:
        assert "nobody" in str(error.orig), error
    session.rollback()


def on_psycopg():
    engine = sa.create_engine(f"postgresql+psycopg://{ADDRESS}")
    with engine.connect() as connection:
        for test in (reflects, core):
            test(connection)
            print(f"psycopg, {test.__name__}: fine", flush=True)
    with Session(engine) as session:
        orm(session)
    print("psycopg, orm: fine", flush=True)
    engine.dispose()


async def on_asyncpg():
    engine = create_async_engine(f"postgresql+asyncpg://{ADDRESS}")
    async with engine.connect() as connection:
        for test in (reflects, core):
            await connection.run_sync(test)
            print(f"asyncpg, {test.__name__}: fine", flush=True)
    async with AsyncSession(engine) as session:
        await session.run_sync(orm)
    print("asyncpg, orm: fine", flush=True)
    await engine.dispose()


on_psycopg()
asyncio.run(on_asyncpg())
print("all fine")
