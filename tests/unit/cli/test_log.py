"""The log is read the same, be it a file or a database, and without the bot noticing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli import database, history, runs
from bot.cli.log import DatabaseLog, FileLog, Log, log_of
from bot.cli.trouble import Trouble
from bot.settings import InvalidSettings
from orchestration.core.codec import encode
from orchestration.errors import TandemError, Unavailable
from orchestration.ports import Batch, EntryRow, EventRow, RunRow, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore
from tests.support import postgres
from tests.unit.cli.test_history import NOON, STORY


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.fresh() as url:
        yield url


def batch(run_id: str, hours: int, *, open_: bool) -> Batch:
    row = RunRow(
        run_id, "succeeded", "Reconcile", "megan", open_, False, None, NOON + timedelta(hours=hours), len(STORY)
    )
    events = [EventRow(run_id, seq, event.at, "x", encode(event)) for seq, event in enumerate(STORY, 1)]
    return Batch(runs=[row], events=events, entries=[EntryRow(run_id, "shown", b"{}")])


async def fill(store: Store) -> None:
    await store.open()
    await store.append(batch("abc1", 0, open_=False))
    await store.append(batch("abd2", 1, open_=True))
    await store.close()


@pytest.mark.parametrize("kind", ["file", "database"])
def test_runs_and_history_are_those_of_the_log(kind: str, tmp_path: Path, url: str) -> None:
    path = tmp_path / "tandem.db"
    asyncio.run(fill(SqliteStore(path) if kind == "file" else PostgresStore(url)))
    log: Log = FileLog(path) if kind == "file" else DatabaseLog(url)
    assert [(line.run_id, line.open, line.proposed_at) for line in runs.read(log, open_only=False, limit=20)] == [
        ("abd2", True, NOON + timedelta(hours=1)),
        ("abc1", False, NOON),
    ]
    assert [line.run_id for line in runs.read(log, open_only=True, limit=1)] == ["abd2"]
    assert history.find(log, "last") == "abd2"
    assert history.find(log, "abc") == "abc1"
    with pytest.raises(Trouble, match="Several runs begin with 'ab'"):
        history.find(log, "ab")
    with pytest.raises(Trouble, match=r"There is no run 'zz' in .*(tandem\.db|the database postgres)"):
        history.find(log, "zz")
    told = history.read(log, "abc1")
    assert (told.title, len(told.moments) > 10) == ("Supplier invoices", True)


async def test_a_database_is_read_while_a_bot_owns_it(url: str) -> None:
    store = PostgresStore(url)
    await store.open()
    await store.append(batch("abc1", 0, open_=True))
    log = DatabaseLog(url)
    assert len(await asyncio.to_thread(runs.read, log, open_only=False, limit=20)) == 1
    assert "tandem " in await asyncio.to_thread(log.owner)
    await store.close()
    assert await asyncio.to_thread(log.owner) == ""


def test_reading_cannot_write(url: str) -> None:
    asyncio.run(fill(PostgresStore(url)))
    with pytest.raises(Trouble, match="read-only"):
        DatabaseLog(url).rows("DELETE FROM runs")


def test_a_database_without_a_log_says_so(url: str) -> None:
    with pytest.raises(Trouble, match=r"no event log in the database postgres on .* yet"):
        runs.read(DatabaseLog(url), open_only=False, limit=20)


def test_a_database_that_does_not_answer_says_so_without_its_password() -> None:
    with pytest.raises(Unavailable, match="does not let us in") as told:
        DatabaseLog("postgresql://tandem:hunter2@127.0.0.1:1/tandem").rows("SELECT 1")
    assert "hunter2" not in told.value.message


def test_the_environment_says_which_log_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert log_of(tmp_path).name == str(tmp_path / "tandem.db")
    monkeypatch.setenv("TANDEM_DATABASE_URL", "postgresql://tandem:hunter2@db.example/log")
    assert log_of(tmp_path).name == "the database log on db.example"
    monkeypatch.setenv("TANDEM_DATABASE_LOGIN", "entra")
    with pytest.raises(InvalidSettings, match="TANDEM_TENANT_ID"):
        log_of(tmp_path)
    monkeypatch.setenv("TANDEM_DATABASE_URL", "db.example")
    monkeypatch.delenv("TANDEM_DATABASE_LOGIN")
    with pytest.raises(TandemError, match="not one such as"):
        log_of(tmp_path)


def marks(state: Path) -> list[tuple[str, str]]:
    return [(finding.mark, finding.text) for finding in database.examine(state)]


def test_the_doctor_looks_at_the_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    assert marks(tmp_path) == []
    monkeypatch.setenv("TANDEM_DATABASE_URL", url)
    found = marks(tmp_path)
    assert found[0][0] == "good"
    assert found[-1][0] == "note"
    assert "no event log" in found[-1][1]
    asyncio.run(fill(PostgresStore(url)))
    assert ("good", "The log there: schema 3, 2 runs, 1 open") in marks(tmp_path)
    assert ("good", "Nobody owns the log.") in marks(tmp_path)
    monkeypatch.setenv("TANDEM_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x")
    (mark, text), *_ = marks(tmp_path)
    assert mark == "bad"
    assert "hunter2" not in text


def test_a_database_that_a_newer_tandem_wrote_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    async def later() -> None:
        store = PostgresStore(url)
        await store.open()
        await store._done("INSERT INTO schema_versions (number, name) VALUES (999, 'later')")
        await store.close()

    asyncio.run(later())
    monkeypatch.setenv("TANDEM_DATABASE_URL", url)
    assert any(mark == "bad" and "schema 999" in text for mark, text in marks(tmp_path))
