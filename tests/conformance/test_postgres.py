"""What only the PostgreSQL store has: a connection that can be lost, and a server that asks who is there."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from orchestration.errors import CommitUncertain, Invalid, LogLost, OwnerLocked, Unavailable
from orchestration.ports import Batch, CommandRow
from orchestration.stores.migrations import migrations
from orchestration.stores.postgres import PostgresStore, name_of
from tests.conformance.test_store import event, run
from tests.support import postgres


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.fresh() as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def operator(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else at the database."""
    with psycopg.connect(url, autocommit=True) as db:
        yield db


def cut(operator: psycopg.Connection[Any], store: PostgresStore) -> None:
    """The server ends the store's session, as a failover or a restart does."""
    assert store._db is not None
    ended = operator.execute("SELECT pg_terminate_backend(%s, 5000)", (store._db.info.backend_pid,)).fetchone()
    assert ended == (True,)


async def test_every_commit_is_on_disk_before_it_returns_whatever_the_database_says(
    url: str, operator: psycopg.Connection[Any]
) -> None:
    store = PostgresStore(url + "%20-c%20synchronous_commit%3Doff")
    await store.open()
    assert await store._rows("SHOW synchronous_commit") == [("on",)]
    await store.close()


async def test_a_stricter_setting_for_replicas_is_left_alone(url: str) -> None:
    store = PostgresStore(url + "%20-c%20synchronous_commit%3Dremote_apply")
    await store.open()
    assert await store._rows("SHOW synchronous_commit") == [("remote_apply",)]
    await store.close()


async def test_a_batch_is_one_transaction_of_one_statement(
    store: PostgresStore, operator: psycopg.Connection[Any]
) -> None:
    await store.append(Batch(events=[event(1)], runs=[run()], salts=[("r1", b"s")]))
    written = operator.execute(
        "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM events UNION ALL SELECT xmin FROM runs "
        "UNION ALL SELECT xmin FROM salts) AS every"
    ).fetchone()
    assert written == (1,)


async def test_a_connection_lost_while_idle_shows_at_the_next_read_and_write(
    store: PostgresStore, operator: psycopg.Connection[Any]
) -> None:
    await store.append(Batch(events=[event(1)]))
    cut(operator, store)
    with pytest.raises(LogLost, match="cannot be reached"):
        await store.events("r1")
    with pytest.raises(CommitUncertain, match="unknown"):
        await store.append(Batch(events=[event(2)]))
    with pytest.raises(LogLost):
        await store.put("kind", "key", b"1")
    await store.close()
    await store.open()
    assert [row.seq for row in await store.events("r1")] == [1]
    await store.append(Batch(events=[event(2)]))


async def test_a_connection_lost_during_a_commit_leaves_its_outcome_unknown(
    store: PostgresStore, operator: psycopg.Connection[Any]
) -> None:
    with operator.transaction():
        operator.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        appending = asyncio.create_task(store.append(Batch(events=[event(1)])))
        done, _ = await asyncio.wait({appending}, timeout=0.1)
        assert not done
        cut(operator, store)
        with pytest.raises(CommitUncertain):
            await appending
    await store.close()
    await store.open()
    assert await store.events("r1") == []


async def test_an_owner_that_lost_its_connection_finds_the_log_taken(
    url: str, store: PostgresStore, operator: psycopg.Connection[Any]
) -> None:
    standby = PostgresStore(url, lock_timeout=timedelta(seconds=30))
    opening = asyncio.create_task(standby.open())
    await asyncio.wait({opening}, timeout=0.1)
    cut(operator, store)
    await opening
    await standby.append(Batch(events=[event(1)]))
    with pytest.raises(CommitUncertain):
        await store.append(Batch(events=[event(1)]))
    with pytest.raises(OwnerLocked, match="stop that one first"):
        await store.open()
    await standby.close()
    await store.open()
    assert [row.seq for row in await store.events("r1")] == [1]


async def test_the_owner_is_named_by_machine_and_process(url: str, store: PostgresStore) -> None:
    with pytest.raises(OwnerLocked, match=r"\(tandem .+ \d+\)"):
        await PostgresStore(url).open()


async def test_a_standby_says_that_it_waits_and_holds_nothing_up(
    url: str, store: PostgresStore, operator: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        standby = PostgresStore(url, lock_timeout=timedelta(seconds=30))
        opening = asyncio.create_task(standby.open())
        await asyncio.wait({opening}, timeout=0.2)
        assert "waiting as its standby" in caplog.text
        held = operator.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tandem %%' AND backend_xmin IS NOT NULL"
        ).fetchone()
        assert held == (0,), "a snapshot held by who waits keeps the whole database from being vacuumed"
    await store.close()
    await opening
    await standby.close()


async def test_two_schemas_of_a_database_have_an_owner_each(store: PostgresStore) -> None:
    with postgres.fresh() as other:
        second = PostgresStore(other)
        await second.open()
        assert await second.runs() == []
        await second.close()


async def test_a_log_of_a_newer_tandem_is_left_alone(url: str, store: PostgresStore) -> None:
    await store._done("INSERT INTO schema_versions (number, name) VALUES (999, '0999_later')")
    await store.close()
    with pytest.raises(Invalid, match="newer Tandem"):
        await store.open()


async def test_a_log_of_the_first_schema_goes_on(url: str, operator: psycopg.Connection[Any]) -> None:
    operator.execute("CREATE TABLE schema_versions (number int PRIMARY KEY, name text, applied_at timestamptz)")
    operator.execute("INSERT INTO schema_versions VALUES (1, '0001_log', now())")
    operator.execute(migrations("postgres")[0].sql.encode())
    operator.execute("INSERT INTO events VALUES ('r1', 1, 0, 'TaskStarted', '{}')")
    store = PostgresStore(url)
    await store.open()
    assert [row.seq for row in await store.events("r1")] == [1]
    assert await store.load("r1", "v") is None
    names = [name for (name,) in await store._rows("SELECT name FROM schema_versions ORDER BY number")]
    assert names == [step.name for step in migrations("postgres")]
    await store.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    url: str, operator: psycopg.Connection[Any]
) -> None:
    operator.execute("CREATE TABLE documents (mine int)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        await PostgresStore(url).open()
    assert operator.execute("SELECT to_regclass('events'), count(*) FROM schema_versions").fetchone() == (None, 0)
    operator.execute("DROP TABLE documents")
    store = PostgresStore(url)
    await store.open()
    await store.close()


async def test_a_password_is_asked_for_with_each_connection(url: str) -> None:
    tokens: list[str] = []

    async def password() -> str:
        tokens.append(f"token-{len(tokens)}")
        return tokens[-1]

    store = PostgresStore(url, password=password)
    for count in (1, 2):
        await store.open()
        assert len(tokens) == count
        await store.append(Batch(events=[event(count)]))
        assert len(tokens) == count, "a connection that stands needs no new one"
        assert store._db is not None
        assert store._db.info.password == tokens[-1]
        await store.close()


async def test_a_password_that_cannot_be_had_is_told(url: str) -> None:
    async def password() -> str:
        raise Unavailable("The sign-in service cannot be reached.")

    with pytest.raises(Unavailable, match="sign-in service"):
        await PostgresStore(url, password=password).open()


async def test_no_secret_is_in_a_message() -> None:
    wrong = "postgresql://tandem:hunter2@127.0.0.1:1/tandem?connect_timeout=2"
    for store in (PostgresStore(wrong), PostgresStore("postgresql://127.0.0.1:1/tandem", password="hunter2")):
        with pytest.raises(Unavailable, match=r"the database tandem on 127\.0\.0\.1") as told:
            await store.open()
        assert "hunter2" not in f"{told.value!r} {told.value.__cause__!r}"


@pytest.mark.parametrize("url", ["", "host=x password=hunter2", "postgresql://u:hunter2@[::1/x", "mysql://hunter2"])
def test_what_is_no_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Invalid, match="postgresql://user@host:5432/database") as told:
        PostgresStore(url)
    assert "hunter2" not in str(told.value)
    assert told.value.__cause__ is None


def test_a_log_is_called_by_database_and_host() -> None:
    assert name_of("postgresql://u:p@db.example:5433/tandem?sslmode=require") == "the database tandem on db.example"


async def test_a_database_that_takes_no_writes_now_is_told_as_lost_and_nothing_is_written(
    store: PostgresStore,
) -> None:
    # A managed server whose disk is nearly full makes itself read-only; the connection stays.
    await store._execute("SET default_transaction_read_only = on")
    with pytest.raises(LogLost):
        await store.append(Batch(events=[event(1)]))
    with pytest.raises(LogLost):
        await store.put("kind", "key", b"")
    await store._execute("SET default_transaction_read_only = off")
    await store.append(Batch(events=[event(1)]))
    assert len(await store.events("r1")) == 1


async def test_a_row_that_cannot_be_written_is_no_lost_log(store: PostgresStore) -> None:
    # Else the writer would try the same again for ever.
    with pytest.raises(psycopg.Error):
        await store.append(Batch(commands=[CommandRow(random.Random(1).randbytes(9000).hex(), "r1")]))
