"""What is removed is in the file first, whichever store it comes from."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.engines import prune as pruning
from orchestration.engines.prune import prune
from orchestration.errors import Invalid
from orchestration.ports import Batch, CommandRow, EntryRow, Pruned, RunRow, Store
from tests.conformance.test_store import AT, event, make, run, store

__all__ = ["make", "store"]
LATER = AT + timedelta(days=1)


def of(run_id: str, *, seq: int = 1, **changes: Any) -> Batch:
    return Batch(
        runs=[run(run_id, seq=seq, open=False, **changes)],
        events=[event(seq, run_id, b'{"type":"x"}')],
        entries=[EntryRow(run_id, "e", b'{"a": "\xc3\xbc"}')],
        commands=[CommandRow(f"c-{run_id}", run_id)],
        salts=[(run_id, b"secret-salt")],
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_old_runs_are_exported_and_removed_and_others_stay(store: Store, tmp_path: Path) -> None:
    export = tmp_path / "pruned.jsonl"
    await store.append(of("old"))
    await store.append(of("young", seq=9))
    await store.append(Batch(runs=[run("going", seq=1)], events=[event(1, "going")]))
    assert await prune(store, AT + timedelta(seconds=5), export) == Pruned(runs=1, events=1)
    assert [row.run_id for row in sorted(await store.runs(), key=lambda row: row.run_id)] == ["going", "young"]
    assert await store.events("old") == []
    about = {"specversion": "1.0", "source": "/tandem/runs/old"}
    said = {"datacontenttype": "application/json"}
    assert lines(export) == [
        about
        | said
        | {
            "id": "run",
            "type": "tandem.log.Run",
            "subject": "old",
            "time": "2026-11-22T09:00:00.123456Z",
            "data": {
                "run_id": "old",
                "status": "running",
                "title": "T",
                "initiator": "megan",
                "open": False,
                "due": False,
                "wake_at": None,
                "proposed_at": "2026-11-22T09:00:00.123456Z",
                "seq": 1,
            },
        },
        about
        | said
        | {
            "id": "1",
            "type": "tandem.TaskStarted",
            "subject": "old",
            "time": "2026-11-22T09:00:01.123456Z",
            "sequence": "1",
            "data": {"type": "x"},
        },
        about | said | {"id": "entry-e", "type": "tandem.log.Entry", "subject": "old/e", "data": {"a": "ü"}},
        about
        | said
        | {"id": "command-c-old", "type": "tandem.log.Command", "subject": "old", "data": {"command_id": "c-old"}},
    ]
    assert b"secret-salt" not in export.read_bytes()
    assert base64.b64encode(b"secret-salt") not in export.read_bytes()


async def test_the_file_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    await store.append(of("old"))
    await prune(store, LATER, tmp_path / "x")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


async def test_bodies_that_are_no_json_are_kept_byte_for_byte(store: Store, tmp_path: Path) -> None:
    odd = {"a": b"\xff\0", "b": b'{"two":\n1}', "c": b""}
    await store.append(of("old"))
    await store.append(Batch(entries=[EntryRow("old", name, body) for name, body in odd.items()]))
    await prune(store, LATER, tmp_path / "x")
    found = {line["id"]: line for line in lines(tmp_path / "x") if line["type"] == "tandem.log.Entry"}
    assert base64.b64decode(found["entry-a"]["data_base64"]) == b"\xff\0"
    assert found["entry-b"]["data"] == {"two": 1}
    assert found["entry-c"]["data_base64"] == ""


async def test_many_runs_go_in_steps_each_on_disk_before_it_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_STEP_RUNS", 3)
    export = tmp_path / "x"
    for number in range(7):
        await store.append(of(f"r{number}"))
    steps: list[int] = []

    async def remove(rows: Sequence[RunRow]) -> list[str]:
        exported = {line["source"].rpartition("/")[2] for line in lines(export)}
        assert {row.run_id for row in rows} <= exported
        steps.append(len(rows))
        return await store.remove(rows)

    assert await prune(store, LATER, export, remove=remove) == Pruned(runs=7, events=7)
    assert steps == [3, 3, 1]
    assert await store.runs() == []


async def test_a_run_that_goes_on_meanwhile_is_kept(store: Store, tmp_path: Path) -> None:
    await store.append(of("old"))

    async def remove(rows: Sequence[RunRow]) -> list[str]:
        await store.append(Batch(runs=[run("old", seq=2)], events=[event(2, "old")]))
        return await store.remove(rows)

    assert await prune(store, LATER, tmp_path / "x", remove=remove) == Pruned(runs=0, events=1, kept=1)
    assert len(await store.events("old")) == 2


async def test_with_nothing_old_there_is_no_file(store: Store, tmp_path: Path) -> None:
    await store.append(of("young"))
    assert await prune(store, AT, tmp_path / "x") == Pruned()
    assert not (tmp_path / "x").exists()


async def test_nothing_is_overwritten_and_nothing_removed_without_a_file(store: Store, tmp_path: Path) -> None:
    await store.append(of("old"))
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Invalid, match="exists already"):
        await prune(store, LATER, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(Invalid, match="not a folder that can be written"):
        await prune(store, LATER, tmp_path / "nowhere" / "x")
    assert len(await store.runs()) == 1


@pytest.mark.parametrize("call", [1, 2])
async def test_what_cannot_be_written_is_not_removed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    await store.append(of("old"))
    calls: list[int] = []

    def full(_: int) -> None:
        calls.append(1)
        if len(calls) == call:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestration.engines.prune.os.fsync", full)
    with pytest.raises(Invalid, match="No space left on device"):
        await prune(store, LATER, tmp_path / "x")
    monkeypatch.undo()
    assert len(await store.events("old")) == 1
