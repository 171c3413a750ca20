"""`tandem prune`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from bot.cli.log import FileLog
from bot.cli.prune import before, prune, told
from bot.cli.trouble import Trouble
from orchestration.ports import Pruned
from orchestration.stores.sqlite import SqliteStore
from tests.unit.cli.test_history import NOON
from tests.unit.cli.test_log import fill


@pytest.fixture
def log(tmp_path: Path) -> FileLog:
    """One ended run and an open one, of a while ago."""
    path = tmp_path / "tandem.db"
    asyncio.run(fill(SqliteStore(path)))
    return FileLog(path)


def test_it_removes_and_says_so(log: FileLog, tmp_path: Path) -> None:
    export = tmp_path / "old.jsonl"
    said = CliRunner().invoke(
        app, ["prune", "--older-than", "1s", "--export", str(export), "--state", str(tmp_path)], catch_exceptions=False
    )
    assert said.output.startswith("Removed 1 run, after exporting 15 events")
    assert log.rows("SELECT run_id FROM runs") == [("abd2",)]
    assert len(export.read_text().splitlines()) == 17


def test_a_span_is_days_back_from_now() -> None:
    assert before("90d", NOON) == NOON - timedelta(days=90)


@pytest.mark.parametrize("span", ["", "soon", "-1d", "0d", "90 days", "99999999999d"])
def test_a_span_that_is_none_is_named(span: str) -> None:
    with pytest.raises(Trouble, match="90d"):
        before(span)


def test_without_a_log_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="no event log"):
        prune(FileLog(tmp_path / "tandem.db"), "90d", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


async def test_a_log_that_a_bot_owns_is_left_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tandem.db")
    await store.open()
    with pytest.raises(Trouble, match=r"belongs to a running Tandem.*Nothing was removed"):
        await asyncio.to_thread(prune, FileLog(tmp_path / "tandem.db"), "90d", tmp_path / "x")
    await store.close()


def test_what_became_of_it_is_told() -> None:
    assert told(Pruned(), "90d", Path("x")).startswith("No run ended more than 90d ago")
    assert "Removed 2,000 runs" in told(Pruned(runs=2000, events=1), "90d", Path("x"))
    assert "1 of the exported went on meanwhile" in told(Pruned(kept=1, events=1), "90d", Path("x"))
