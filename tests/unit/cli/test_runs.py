"""`tandem runs` reads the log that the bot owns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bot.cli.log import FileLog
from bot.cli.runs import read
from bot.cli.trouble import Trouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log with two runs, held open in WAL mode as the bot does."""
    path = tmp_path / "tandem.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(files("orchestration.stores").joinpath("migrations/sqlite/0001_log.sql").read_text("utf-8"))
        for number, (status, is_open) in enumerate([("succeeded", 0), ("running", 1)]):
            at = (NOON + timedelta(hours=number) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            row = {"run_id": f"run-{number}", "status": status, "title": "Reconcile", "initiator": "megan-id"}
            row |= {"open": is_open, "due": 0, "wake_at": None, "proposed_at": at, "seq": 7}
            columns = ", ".join(row)
            db.execute(f"INSERT INTO runs ({columns}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        yield path


def test_the_newest_run_comes_first(log: Path) -> None:
    assert [
        (run.run_id, run.status, run.proposed_at.hour) for run in read(FileLog(log), open_only=False, limit=20)
    ] == [
        ("run-1", "running", 13),
        ("run-0", "succeeded", 12),
    ]


def test_only_open_runs_if_asked(log: Path) -> None:
    assert [run.run_id for run in read(FileLog(log), open_only=True, limit=20)] == ["run-1"]


def test_no_more_than_asked(log: Path) -> None:
    assert [run.run_id for run in read(FileLog(log), open_only=False, limit=1)] == ["run-1"]


def test_reading_does_not_keep_the_bot_from_writing(log: Path) -> None:
    with closing(sqlite3.connect(log, timeout=0, isolation_level=None)) as owner:
        owner.execute("BEGIN IMMEDIATE")

        assert len(read(FileLog(log), open_only=False, limit=20)) == 2
        owner.execute("UPDATE runs SET status = 'failed'")
        owner.execute("COMMIT")


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"There is no event log .*tandem\.db yet"):
        read(FileLog(tmp_path / "tandem.db"), open_only=False, limit=20)


def test_a_file_that_is_no_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tandem.db"
    path.write_text("not a database, whatever its name says" * 100)

    with pytest.raises(Trouble, match="cannot be read as an event log"):
        read(FileLog(path), open_only=False, limit=20)
