"""What every store promises (`orchestration.ports.Store`), whatever it is made of."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.errors import CommitUncertain, Invalid, OwnerLocked
from orchestration.ports import ApprovalRow, Batch, CommandRow, EntryRow, EventRow, RunRow, Store
from orchestration.stores.sqlite import SqliteStore

AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
STORES: dict[str, Callable[[Path], Store]] = {"sqlite": lambda folder: SqliteStore(folder / "log.db")}


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    return lambda: STORES[request.param](tmp_path)


@pytest.fixture
async def store(make: Callable[[], Store]) -> AsyncIterator[Store]:
    store = make()
    await store.open()
    yield store
    await store.close()


def event(seq: int, run_id: str = "r1", body: bytes = b"{}") -> EventRow:
    return EventRow(run_id, seq, AT + timedelta(seconds=seq), "TaskStarted", body)


def run(run_id: str = "r1", **changes: object) -> RunRow:
    values: dict[str, object] = {
        "run_id": run_id,
        "status": "running",
        "title": "T",
        "initiator": "megan",
        "open": True,
        "due": False,
        "wake_at": None,
        "proposed_at": AT,
        "seq": 1,
    }
    return RunRow(**{**values, **changes})  # type: ignore[arg-type]


async def test_append_keeps_order_and_instants_to_the_microsecond(store: Store) -> None:
    await store.append(Batch(events=[event(1, body=b"a"), event(2, body=b"b"), event(1, "r2")]))
    await store.append(Batch(events=[event(3, body=b"c")]))
    assert await store.events("r1") == [event(1, body=b"a"), event(2, body=b"b"), event(3, body=b"c")]
    assert await store.events("nobody") == []


async def test_append_writes_all_or_nothing(store: Store) -> None:
    await store.append(Batch(events=[event(1)]))
    with pytest.raises(Exception, match="UNIQUE"):
        await store.append(
            Batch(
                events=[event(2), event(1)],
                entries=[EntryRow("r1", "e", b"1")],
                commands=[CommandRow("c", "r1")],
                runs=[run()],
                salts=[("r1", b"s")],
            )
        )
    assert len(await store.events("r1")) == 1
    assert await store.entries("r1", ["e"]) == {}
    assert await store.command("c") is None
    assert await store.runs() == []
    assert await store.salt("r1") is None
    await store.append(Batch(events=[event(2)]))


async def test_a_closed_log_is_the_same_when_it_is_opened_again(make: Callable[[], Store]) -> None:
    first = make()
    await first.open()
    await first.append(Batch(events=[event(1)], runs=[run()], salts=[("r1", b"salt")]))
    await first.put("kind", "key", b"1")
    await first.close()
    await first.close()
    second = make()
    await second.open()
    assert await second.events("r1") == [event(1)]
    assert await second.open_runs() == [run()]
    assert await second.salt("r1") == b"salt"
    assert await second.get("kind", "key") == b"1"
    await second.close()


async def test_only_one_owner(make: Callable[[], Store], store: Store) -> None:
    other = make()
    with pytest.raises(OwnerLocked, match="stop that one first"):
        await other.open()
    await store.close()
    await other.open()
    await other.close()


async def test_entries_are_written_once_and_found_by_run(store: Store) -> None:
    await store.append(Batch(entries=[EntryRow("r1", "e", b"1"), EntryRow("r2", "e", b"2")]))
    await store.append(Batch(entries=[EntryRow("r1", "e", b"1")]))
    assert await store.entries("r1", ["e", "f"]) == {"e": b"1"}
    assert await store.entries("r2", []) == {}


async def test_any_number_of_entries_can_be_read_at_once(store: Store) -> None:
    await store.append(Batch(entries=[EntryRow("r1", "e39999", b"1")]))
    assert await store.entries("r1", [f"e{number}" for number in range(40_000)]) == {"e39999": b"1"}


async def test_a_command_is_known_by_its_id(store: Store) -> None:
    await store.append(Batch(commands=[CommandRow("press-1", "r1")]))
    assert await store.command("press-1") == "r1"
    assert await store.command("press-2") is None
    with pytest.raises(Exception, match="UNIQUE"):
        await store.append(Batch(commands=[CommandRow("press-1", "r2")]))


async def test_projections_follow_the_newest_row(store: Store) -> None:
    later = run("r2", proposed_at=AT + timedelta(hours=1), initiator="alex")
    await store.append(Batch(runs=[run(), later]))
    assert await store.open_runs() == [run(), later]
    wake = AT + timedelta(minutes=5)
    changed = run(status="succeeded", open=False, due=True, wake_at=wake, seq=9)
    await store.append(Batch(runs=[changed]))
    assert await store.open_runs() == [later]
    assert await store.runs() == [later, changed]
    assert await store.runs(limit=1) == [later]
    assert await store.runs(person="megan") == [changed]
    assert await store.runs(person="megan", open_only=True) == []


async def test_open_questions_by_person_oldest_run_first(store: Store) -> None:
    await store.append(
        Batch(
            runs=[run("new", proposed_at=AT + timedelta(days=1)), run("old")],
            approvals=[
                ApprovalRow("new", "a.1", "alex", open=True),
                ApprovalRow("old", "b.1", "alex", open=True),
                ApprovalRow("old", "c.1", "lee", open=True),
            ],
        )
    )
    assert [(row.run_id, row.approval) for row in await store.open_approvals("alex")] == [
        ("old", "b.1"),
        ("new", "a.1"),
    ]
    await store.append(Batch(approvals=[ApprovalRow("old", "b.1", "alex", open=False)]))
    assert [row.run_id for row in await store.open_approvals("alex")] == ["new"]


async def test_documents_are_replaced_and_dropped(store: Store) -> None:
    await store.put("conversation", "megan", b"1")
    await store.put("conversation", "megan", b"2")
    await store.put("conversation", "alex", b"3")
    await store.put("question", "megan", b"4")
    assert await store.get("conversation", "megan") == b"2"
    assert await store.documents("conversation") == {"alex": b"3", "megan": b"2"}
    await store.drop("conversation", "megan")
    await store.drop("conversation", "megan")
    assert await store.get("conversation", "megan") is None


async def test_a_store_that_is_not_open_says_so(make: Callable[[], Store]) -> None:
    with pytest.raises(Invalid, match="not open"):
        await make().events("r1")


# What only SQLite has


async def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log.db")
    await store.open()
    assert await store._rows("PRAGMA synchronous") == [(2,)]
    assert await store._rows("PRAGMA journal_mode") == [("wal",)]
    await store.close()


async def test_a_commit_whose_outcome_is_unknown_is_called_that(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("disk gone")

    store = SqliteStore(tmp_path / "log.db", committed=fail)
    await store.open()
    with pytest.raises(CommitUncertain, match="disk gone"):
        await store.append(Batch(events=[event(1)]))
    await store.close()


async def test_a_log_of_a_newer_tandem_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    store = SqliteStore(tmp_path / "log.db")
    with pytest.raises(Invalid, match="newer Tandem"):
        await store.open()
