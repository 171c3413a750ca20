"""`tandem retract` finds the result that is meant, in either log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bot.cli.log import DatabaseLog, FileLog, Log
from bot.cli.retraction import consequences, find, told
from bot.cli.trouble import Trouble
from orchestration.core import events as e
from orchestration.core.codec import encode
from orchestration.ports import EntryRow, EventRow, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore
from tests.support import postgres
from tests.unit.cli.test_history import MEGAN, at
from tests.unit.cli.test_log import batch

SAP = "3f9a4c0d5e6b7a88"


async def fill(store: Store) -> None:
    """Two runs with the same results, and a dry copy of the first."""
    await store.open()
    for number, run_id in enumerate(("abc1", "abd2", "dry3")):
        whole = batch(run_id, number, open_=False)
        events = [
            msgspec.structs.replace(row, body=row.body.replace(b'"run-1"', b'"%s"' % run_id.encode()))
            for row in whole.events
        ]
        if run_id == "dry3":
            forked = e.RunForked(at=at(61), of="abc1", upto=12, by=MEGAN)
            events = [*events[:12], EventRow(run_id, 13, forked.at, "RunForked", encode(forked))]
        entry = SAP if run_id != "abd2" else "3f9a4cffffffffff"
        if run_id == "abd2":
            events[9] = msgspec.structs.replace(events[9], body=events[9].body.replace(SAP.encode(), entry.encode()))
        entries = [EntryRow(run_id, entry, b"{}"), EntryRow(run_id, "3f9a4c99", b"{}")]
        await store.append(msgspec.structs.replace(whole, events=events, entries=entries))
    await store.close()


@pytest.fixture(params=["file", "database"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    if request.param == "file":
        asyncio.run(fill(SqliteStore(tmp_path / "tandem.db")))
        yield FileLog(tmp_path / "tandem.db")
        return
    with postgres.fresh() as url:
        asyncio.run(fill(PostgresStore(url)))
        yield DatabaseLog(url)


def test_the_run_that_has_the_result_is_found_and_not_its_dry_copy(log: Log) -> None:
    found = find(log, SAP[:8])
    assert (found.run.run_id, found.entry) == ("abc1", SAP)
    assert find(log, SAP[:8], "dry3").run.run_id == "dry3"


def test_what_is_not_clear_is_asked_for_with_what_there_is(log: Log) -> None:
    with pytest.raises(Trouble, match="Several results begin with 3f9a4c") as trouble:
        find(log, "3f9a4c")
    assert "3f9a4c0d5e6b  Read SAP in run abc1" in trouble.value.message
    assert "3f9a4cffffff  Read SAP in run abd2" in trouble.value.message
    assert find(log, "3f9a4c", "abd2").run.run_id == "abd2"


def test_what_no_step_has_as_its_result_is_not_found(log: Log) -> None:
    with pytest.raises(Trouble, match=r"No result in .* has an id that begins with 3f9a4c99"):
        find(log, "3f9a4c99")
    with pytest.raises(Trouble, match="No result in run abd2"):
        find(log, SAP, "abd2")


@pytest.mark.parametrize("begins", ["3f9a", "", "3F9A4C", "%%%%%%", "3f9a4c'--"])
def test_what_is_no_entry_is_named(tmp_path: Path, begins: str) -> None:
    with pytest.raises(Trouble, match="is not how an entry's id begins"):
        find(FileLog(tmp_path / "tandem.db"), begins)


def test_the_consequences_are_told_with_whose_run_it_is(log: Log) -> None:
    found = find(log, SAP[:8])
    lines = "\n".join(told(found, consequences(found)))
    assert lines.startswith("Taken back: Read SAP (entry 3f9a4c0d5e6b)")
    assert "Supplier invoices, for Megan Bowen (abc1)" in lines
    assert "Done again: Read SAP" in lines


def test_a_run_that_cannot_take_it_back_says_why(log: Log) -> None:
    found = find(log, SAP[:8])
    found.run.status = "cancelled"
    with pytest.raises(Trouble, match="This run is cancelled"):
        consequences(found)
