"""The disk is full, locked or damaged: people are told, nothing is lost, and everything goes on by itself."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core.codec import decode
from orchestration.core.events import AttemptInterrupted, TaskInDoubt
from orchestration.core.plan import Node, Plan
from orchestration.errors import Invalid, Unavailable
from orchestration.stores.sqlite import SqliteStore
from tests.faults.log import outcome
from tests.faults.medium import File, Files
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import live
from tests.faults.world import World
from tests.support.office import MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_embedded import add

LONG = "x" * 100_000


class Text(msgspec.Struct):
    """A result that needs room."""

    text: str


class Disk:
    """Where the log is; may have no room left, and no patience with locks."""

    def __init__(self, path: Path) -> None:
        self._path, self.full, self.openings = path, False, 0
        self._db: sqlite3.Connection

    def connect(self, path: Path) -> sqlite3.Connection:
        self.openings += 1
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.01)
        self.fill(full=self.full)
        return self._db

    def fill(self, *, full: bool) -> None:
        """Take or give back all room; takes effect on the connection in use."""
        self.full = full
        self._db.execute(f"PRAGMA max_page_count = {1 if full else 1_000_000}")  # never below what there is


class Troubled(Office):
    """An office on such a disk, with one write that takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.disk, self.go, self.begun = Disk(path), asyncio.Event(), asyncio.Event()
        self.writes = 0
        self.registry.add(
            worker(
                "post",
                title="Post",
                effect="write",
                system="Test",
                name="post@test",
                preview=lambda _: Preview("Write", []),
            )(self._post)
        )

    async def _post(self, _: Number, __: TaskContext) -> Text:
        self.writes += 1
        self.begun.set()
        await self.go.wait()
        return Text(LONG)

    def store(self) -> SqliteStore:
        return SqliteStore(self.path / "tandem.db", connect=self.disk.connect)

    async def propose(self, command_id: str, steps: Plan) -> str:
        """Propose a run that needs room; returns its id."""
        proposing = self.engine.propose(steps, goal=LONG, initiator=MEGAN, origin="", command_id=command_id)
        return (await proposing).run.run_id

    async def begin_write(self) -> str:
        """A run whose write is under way."""
        run_id = await self.run(plan("${size(tasks.post.text)}", post=Node(capability="post"), after=add(1, "post")))
        await self.until(run_id, lambda run: bool(run.receipts))
        await self.decide(run_id, "post.1", MEGAN, "approve")
        await self.begun.wait()
        return run_id

    async def failures(self, count: int) -> None:
        """Until the log has been reopened so many times."""

        async def poll() -> None:
            while self.disk.openings < count:  # noqa: ASYNC110 - the store's thread opens it
                await asyncio.sleep(0.001)

        await asyncio.wait_for(poll(), 10)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Troubled:
    monkeypatch.setattr("orchestration.engines.writer.PAUSE", timedelta(seconds=0.001))
    return Troubled(tmp_path)


async def ends_well(office: Troubled, run_id: str) -> None:
    """The write of the run is known to be done, by itself, once."""
    run = await office.finish(run_id)
    assert (run.status, office.writes) == ("succeeded", 1)
    events = [decode(row.body) for row in await office.engine._store.events(run_id)]
    assert not [each for each in events if isinstance(each, TaskInDoubt | AttemptInterrupted)]


async def test_a_full_disk_loses_nothing_and_everything_goes_on_once_there_is_room(office: Troubled) -> None:
    async with opened(office):
        run_id = await office.begin_write()
        waiting = await office.propose("w", plan(a=add()))
        office.disk.fill(full=True)
        with pytest.raises(Unavailable, match="could not be saved just now, so nothing was changed"):
            await office.propose("p", plan(a=add()))
        office.go.set()  # the result comes, and there is no room for it
        await office.failures(office.disk.openings + 5)
        assert (await office.engine.view(waiting)).status == "proposed", "what is there can be looked at"
        assert (await office.engine.view(run_id)).status == "running"
        office.disk.fill(full=False)
        await ends_well(office, run_id)
        assert (await office.engine.view(await office.propose("p", plan(a=add())))).status == "proposed"


@asynccontextmanager
async def somebody_else(path: Path) -> AsyncIterator[None]:
    """Another process in the middle of a write of its own: a backup, a curious administrator."""
    lines = (
        "import sqlite3, sys",
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)",
        "db.execute('BEGIN IMMEDIATE')",
        "print('locked', flush=True)",
        "sys.stdin.read()",
    )
    command = [sys.executable, "-c", "\n".join(lines), str(path)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        await process.communicate(b"")


async def test_a_log_locked_by_another_process_loses_nothing_and_goes_on_when_it_lets_go(office: Troubled) -> None:
    async with opened(office):
        run_id = await office.begin_write()
        async with somebody_else(office.path / "tandem.db"):
            with pytest.raises(Unavailable, match="could not be saved just now, so nothing was changed"):
                await office.propose("p", plan(a=add()))
            office.go.set()
            await office.failures(office.disk.openings + 5)
            assert (await office.engine.view(run_id)).status == "running"
        await ends_well(office, run_id)
        assert (await office.engine.view(await office.propose("p", plan(a=add())))).status == "proposed"


# What cannot happen while the disk keeps its word: its tail is gone, or something else stands there.


def cut(files: Files, random: Random) -> Files:
    """The end of the write-ahead log is missing."""
    wal = files["tandem.db-wal"]
    return files | {"tandem.db-wal": wal[: random.randrange(len(wal))]}


def garbled(files: Files, random: Random) -> Files:
    """The last page was half written."""
    wal, page = bytearray(files["tandem.db-wal"]), 4096
    start = len(wal) - page + random.randrange(page)
    wal[start:] = random.randbytes(len(wal) - start)
    return files | {"tandem.db-wal": bytes(wal)}


@pytest.mark.parametrize("damage", [cut, garbled])
@pytest.mark.parametrize("name", ["reads", "absent", "asked"])
def test_a_log_that_lost_its_tail_goes_on_from_what_is_whole(
    tmp_path: Path, name: str, damage: Callable[[Files, Random], Files]
) -> None:
    scenario, random, world = SCENARIOS[name], Random(name), World()
    whole, lost, lengths = File(tmp_path / "whole"), File(tmp_path / "lost"), set()
    last = Files()

    def remember(_: str) -> None:
        last.update(whole.image())

    expected = outcome(asyncio.run(live(whole, world, scenario, remember))) | {"decided": []}  # some of it twice
    for _ in range(12):
        lost.restore(damage(last, random))
        log = lost.read()
        lengths.add(len(log.rows) if log else 0)
        # People do not remember a press that the log has lost: they see the question, and press again.
        people = World(now=world.now, cards=world.cards, said_no=dict(world.said_no))
        assert outcome(asyncio.run(live(lost, people, scenario))) | {"decided": []} == expected
    assert len(lengths) > (3 if damage is cut else 0)


@pytest.mark.parametrize("start", [0, 4096])
async def test_a_damaged_log_is_named_with_the_way_out(tmp_path: Path, start: int) -> None:
    office = Office(tmp_path)
    async with opened(office):
        await office.run(plan(a=add()))
    path = tmp_path / "tandem.db"
    body = bytearray(path.read_bytes())
    body[start:] = Random(1).randbytes(len(body) - start)
    path.write_bytes(body)
    with pytest.raises(Invalid, match=r"tandem\.db is damaged .*backup"):
        await Office(tmp_path).start()
