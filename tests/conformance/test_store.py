"""What every store promises (`orchestration.ports.Store`), whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import Invalid, OwnerLocked
from orchestration.ports import ApprovalRow, Archive, Batch, CommandRow, EntryRow, EventRow, RunRow, SnapshotRow, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore
from tests.support import postgres

AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
Make = Callable[..., Store]


@pytest.fixture(params=["sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes stores over one log."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield lambda **options: SqliteStore(tmp_path / "log.db", **options)
        else:
            url = stack.enter_context(postgres.fresh())
            yield lambda **options: PostgresStore(url, **options)


@pytest.fixture
async def store(make: Make) -> AsyncIterator[Store]:
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
    with pytest.raises(Exception, match=r"(?i)unique"):
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


async def test_a_closed_log_is_the_same_when_it_is_opened_again(make: Make) -> None:
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


async def test_only_one_owner(make: Make, store: Store) -> None:
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
    assert await store.commands([]) == {}
    assert await store.commands(["press-0", "press-1", "press-2"]) == {"press-1": "r1"}
    with pytest.raises(Exception, match=r"(?i)unique"):
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


async def test_a_run_can_go_on_end_and_go_on_again(store: Store) -> None:
    going_on, ended, again = run(seq=2, wake_at=AT), run(status="failed", open=False, seq=3), run(due=True, seq=4)
    new = run("r2", proposed_at=AT + timedelta(hours=1), seq=5)  # as a copy begins, with more than one event
    await store.append(Batch(runs=[run()]))
    await store.append(Batch(runs=[going_on]))
    assert await store.open_runs() == [going_on]
    await store.append(Batch(runs=[ended]))
    assert await store.open_runs() == []
    await store.append(Batch(runs=[again, new]))
    assert await store.open_runs() == [again, new]


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


async def test_a_store_that_is_not_open_says_so(make: Make) -> None:
    with pytest.raises(Invalid, match="not open"):
        await make().events("r1")


async def test_a_second_owner_waits_and_takes_over(make: Make, store: Store) -> None:
    standby = make(lock_timeout=timedelta(seconds=30))
    await store.append(Batch(events=[event(1)]))
    opening = asyncio.create_task(standby.open())
    done, _ = await asyncio.wait({opening}, timeout=0.2)
    assert not done, "the log has an owner"
    await store.append(Batch(events=[event(2)]))
    await store.close()
    await opening
    assert [row.seq for row in await standby.events("r1")] == [1, 2]
    await standby.append(Batch(events=[event(3)]))
    await standby.close()


async def test_a_standby_that_is_told_to_stop_stops_waiting(make: Make, store: Store) -> None:
    standby = make(lock_timeout=timedelta(days=365))
    opening = asyncio.create_task(standby.open())
    await asyncio.wait({opening}, timeout=0.2)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await standby.close()
    await store.append(Batch(events=[event(1)]))


async def test_a_store_can_be_closed_and_opened_again(store: Store) -> None:
    await store.append(Batch(events=[event(1)]))
    await store.close()
    with pytest.raises(Invalid, match="not open"):
        await store.append(Batch(events=[event(2)]))
    await store.open()
    await store.append(Batch(events=[event(2)]))
    assert len(await store.events("r1")) == 2


async def test_an_empty_batch_is_nothing(store: Store) -> None:
    await store.append(Batch())


async def test_a_row_that_comes_twice_in_a_batch_counts_as_it_came_last(store: Store) -> None:
    entry, asked = EntryRow("r1", "e", b"1"), ApprovalRow("r1", "a.1", "alex", open=True)
    closed = ApprovalRow("r1", "a.1", "alex", open=False)
    await store.append(Batch(runs=[run(), run(seq=2)], entries=[entry, entry], approvals=[asked, closed]))
    assert await store.runs() == [run(seq=2)]
    assert await store.open_approvals("alex") == []


async def test_many_rows_of_many_runs_in_one_batch(store: Store) -> None:
    runs = [run(f"r{number}", wake_at=AT if number % 2 else None) for number in range(300)]
    batch = Batch(
        events=[event(seq, each.run_id, bytes([seq]) * 700) for each in runs for seq in (1, 2, 3)],
        entries=[EntryRow(each.run_id, "e", b"\0\xff") for each in runs],
        runs=runs,
        commands=[CommandRow(f"c-{each.run_id}", each.run_id) for each in runs],
        salts=[(each.run_id, each.run_id.encode()) for each in runs],
    )
    await store.append(batch)
    assert await store.events("r299") == batch.events[-3:]
    assert await store.entries("r7", ["e"]) == {"e": b"\0\xff"}
    assert {row.run_id: row for row in await store.open_runs()} == {row.run_id: row for row in runs}
    assert await store.salt("r5") == b"r5"
    assert await store.command("c-r6") == "r6"


async def test_events_can_be_read_from_a_point_on(store: Store) -> None:
    await store.append(Batch(events=[event(1), event(2), event(3)]))
    assert await store.events("r1", after=1) == [event(2), event(3)]
    assert await store.events("r1", after=3) == []


async def test_a_run_is_loaded_whole(store: Store) -> None:
    await store.append(Batch(events=[event(seq) for seq in range(1, 12)], salts=[("r1", b"salt"), ("r2", b"x")]))
    loaded = await store.load("r1", "v1")
    assert loaded is not None
    assert (loaded.salt, loaded.snapshot) == (b"salt", None)
    assert loaded.events == [event(seq) for seq in range(1, 12)], "in order, also beyond nine"
    assert await store.load("nobody", "v1") is None
    assert await store.load("r2", "v1") is None, "a salt alone is no run"


async def test_a_snapshot_replaces_the_events_before_it(store: Store) -> None:
    first, second = SnapshotRow("r1", 2, "v1", b"\0two"), SnapshotRow("r1", 3, "v1", b"three")
    await store.append(Batch(events=[event(1), event(2)], salts=[("r1", b"salt")], snapshots=[first]))
    loaded = await store.load("r1", "v1")
    assert loaded is not None
    assert (loaded.snapshot, loaded.events) == (first, [])
    await store.append(Batch(events=[event(3), event(4)], snapshots=[second]))
    loaded = await store.load("r1", "v1")
    assert loaded is not None
    assert (loaded.snapshot, loaded.events) == (second, [event(4)])
    assert len(await store.events("r1")) == 4, "the events stay"


async def test_a_snapshot_of_another_version_is_left_aside(store: Store) -> None:
    snapshot = SnapshotRow("r1", 1, "v1", b"one")
    await store.append(Batch(events=[event(1), event(2)], salts=[("r1", b"salt")], snapshots=[snapshot]))
    loaded = await store.load("r1", "v2")
    assert loaded is not None
    assert (loaded.snapshot, loaded.events) == (None, [event(1), event(2)])


async def test_a_snapshot_is_written_with_its_events_or_not_at_all(store: Store) -> None:
    await store.append(Batch(events=[event(1)], salts=[("r1", b"salt")]))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.append(Batch(events=[event(1)], snapshots=[SnapshotRow("r1", 1, "v", b"s")]))
    loaded = await store.load("r1", "v")
    assert loaded is not None
    assert loaded.snapshot is None


async def test_ended_runs_are_those_whose_last_event_is_old(store: Store) -> None:
    """Not those that began long ago, and none that is open."""
    old, recent, going = run("old", open=False, seq=2), run("recent", open=False, seq=9), run("going", seq=1)
    await store.append(
        Batch(
            runs=[recent, going, old],
            events=[event(1, "old"), event(2, "old"), event(8, "recent"), event(9, "recent"), event(1, "going")],
        )
    )
    assert await store.ended(AT + timedelta(seconds=9)) == [old]
    assert await store.ended(AT + timedelta(seconds=2)) == []
    assert await store.ended(AT + timedelta(days=1)) == [old, recent]


async def test_an_archive_holds_all_of_a_run_but_its_salt(store: Store) -> None:
    mine, other = run(open=False, seq=2), run("r2")
    commands, entries = [CommandRow("a", "r1"), CommandRow("b", "r1")], [EntryRow("r1", "e", b"1")]
    await store.append(
        Batch(
            runs=[mine, other],
            events=[event(1), event(2), event(1, "r2")],
            entries=[*entries, EntryRow("r2", "e", b"2")],
            commands=[*commands, CommandRow("c", "r2")],
            salts=[("r1", b"secret")],
        )
    )
    assert await store.archive(mine) == Archive(mine, [event(1), event(2)], entries, commands)


async def test_a_removed_run_leaves_nothing_and_others_are_left(store: Store) -> None:
    def everything(run_id: str, *, open_: bool) -> Batch:
        return Batch(
            runs=[run(run_id, open=open_)],
            events=[event(1, run_id)],
            entries=[EntryRow(run_id, "e", b"1")],
            commands=[CommandRow(f"c-{run_id}", run_id)],
            salts=[(run_id, b"salt")],
            approvals=[ApprovalRow(run_id, "a.1", "alex", open=True)],
            snapshots=[SnapshotRow(run_id, 1, "v", b"s")],
        )

    await store.append(everything("gone", open_=False))
    await store.append(everything("kept", open_=False))
    gone, kept = sorted(await store.runs(), key=lambda row: row.run_id)
    assert await store.remove([gone]) == ["gone"]
    assert await store.archive(gone) == Archive(gone, [], [], [])
    assert await store.load("gone", "v") is None
    assert await store.command("c-gone") is None
    assert await store.runs() == [kept]
    assert len(await store.open_approvals("alex")) == 1
    assert (await store.archive(kept)).events == [event(1, "kept")]
    assert (await store.load("kept", "v")).snapshot is not None  # type: ignore[union-attr]
    await store.append(everything("gone", open_=False))


async def test_a_run_that_went_on_meanwhile_is_not_removed(store: Store) -> None:
    seen = run(open=False, seq=1)
    await store.append(Batch(runs=[seen], events=[event(1)]))
    await store.append(Batch(runs=[run(open=False, seq=2)], events=[event(2)]))
    assert await store.remove([seen]) == []
    await store.append(Batch(runs=[run(open=True, seq=3)], events=[event(3)]))
    assert await store.remove([run(open=True, seq=3)]) == []
    assert len(await store.events("r1")) == 3


async def test_any_text_can_be_written(store: Store) -> None:
    """What no database holds becomes something else; it never stops a log."""
    titled = run(title="nul \0, Ünï, 🦊, '; DROP TABLE runs; --")
    await store.append(Batch(runs=[titled], commands=[CommandRow("c\0d", "r1")]))
    assert (await store.runs())[0].title.replace("\ufffd", "\0") == titled.title
    assert await store.command("c\0d") == "r1"
    assert await store.commands(["c\0d"]) == {"c\0d": "r1"}


async def test_texts_are_in_the_order_of_their_code_points(store: Store) -> None:
    for key in ("b", "B", "ä", "a"):
        await store.put("kind", key, b"1")
    assert list(await store.documents("kind")) == ["B", "a", "b", "ä"]
