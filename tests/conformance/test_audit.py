"""A log that was touched is found out, whichever store it is in; erasing somebody leaves it whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.cli.erase import foretold
from bot.cli.history import read as history
from bot.cli.log import DatabaseLog, FileLog, Log
from bot.cli.verify import anchored, everything, examine, known, told
from orchestration.audit import chain
from orchestration.audit.anchors import FileAnchors, files_of
from orchestration.audit.erasure import Erased, Erasure
from orchestration.audit.personal import parts
from orchestration.audit.verify import Verdict
from orchestration.core import commands as c
from orchestration.core.codec import decode
from orchestration.core.evolve import fold
from orchestration.core.view import RunView
from orchestration.engines.clock import SystemClock
from orchestration.engines.fork import copy_run
from orchestration.errors import Conflict, Invalid, NotFound, Unavailable
from orchestration.ports import Anchor, Rewrite, Store
from orchestration.stores.postgres import PostgresStore
from orchestration.stores.sqlite import SqliteStore
from tests.conformance.test_engine import PLAN, At, again
from tests.support import postgres
from tests.support.office import ALEX, MEGAN, opened

WORDS = "Nordwind confessed everything"


class Apart:
    """A log that is read in a thread of its own, because a command line has no loop."""

    def __init__(self, log: Log) -> None:
        self._log, self.name, self.store = log, log.name, log.store

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._log.rows, query, *values).result()


class Place:
    """A log in one of the databases, and its anchors."""

    def __init__(self, path: Path, store: Callable[[], Store], log: Log, url: str) -> None:
        self.path, self.make, self.log, self.url = path, store, Apart(log), url
        self.folder = path / "anchors"

    def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What somebody does who can write to the database."""
        if self.url:
            with psycopg.connect(self.url, autocommit=True) as db:
                cursor = db.execute(sql.replace("?", "%s").encode(), values)
                return cursor.fetchall() if cursor.description else []
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(self.path / "tandem.db", isolation_level=None)) as db:
            return db.execute(sql, values).fetchall()

    async def worked(self, goal: str = "Reconcile for Nordwind") -> str:
        """A run that ended, and whose approver had something to say."""
        office = At(self.path, self.make())
        office.engine_options["anchors"] = FileAnchors(self.folder)
        async with opened(office):
            applied = await office.engine.propose(
                PLAN, goal=goal, initiator=MEGAN, origin="chat-of-megan", command_id=""
            )
            run_id = applied.run.run_id
            await office.engine.send(run_id, c.StartRun(by=MEGAN), command_id=f"{run_id}:start:{MEGAN.id}")
            await office.until(run_id, lambda run: bool(run.receipts), "nobody was asked")
            await again(
                lambda: office.decide(
                    run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"}, comment=WORDS, command_id=f"{run_id}:a"
                )
            )
            run: RunView = await office.finish(run_id)
            assert run.status == "succeeded"
            await office.until(run_id, lambda run: ("outcome", MEGAN.id) in run.receipts)
        return run_id

    def verify(self, run_id: str) -> Verdict:
        return examine(self.log, anchored(self.folder), run_id)

    def all(self) -> dict[str, Verdict]:
        return {each.run_id: each for each in everything(self.log, anchored(self.folder))}

    async def erase(self, who: str, rewrite: Callable[[Store, Rewrite], Any] | None = None) -> Erased:
        store = self.make()
        await store.open()
        try:
            change = (lambda wish: rewrite(store, wish)) if rewrite else None
            return await Erasure(store, FileAnchors(self.folder), SystemClock(), change).erase(who)
        finally:
            await store.close()

    def relink(self, run_id: str) -> None:
        """Make a chain that fits what is in the database now, as somebody would who knows how."""
        ((salt,),) = self.sql("SELECT salt FROM salts WHERE run_id = ?", run_id)
        before = b""
        for seq, type_, body in self.sql("SELECT seq, type, body FROM events WHERE run_id = ? ORDER BY seq", run_id):
            before = chain.link(before, run_id, seq, type_, body, salt)
            self.sql("UPDATE events SET link = ? WHERE run_id = ? AND seq = ?", before, run_id, seq)

    def body(self, run_id: str, type_: str) -> tuple[int, dict[str, Any]]:
        ((seq, body), *_) = self.sql(
            "SELECT seq, body FROM events WHERE run_id = ? AND type = ? ORDER BY seq", run_id, type_
        )
        return seq, json.loads(body)

    def put(self, run_id: str, seq: int, body: dict[str, Any]) -> None:
        coded = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        self.sql("UPDATE events SET body = ? WHERE run_id = ? AND seq = ?", coded, run_id, seq)

    def bytes(self) -> bytes:
        """Whatever files of the database hold, but for PostgreSQL's journal, which it overwrites in its own time."""
        if not self.url:
            return b"".join(path.read_bytes() for path in self.path.glob("tandem.db*"))
        self.sql("CHECKPOINT")
        ((folder,),) = self.sql("SHOW data_directory")
        ((base,),) = self.sql("SELECT oid FROM pg_database WHERE datname = current_database()")
        return b"".join(path.read_bytes() for path in Path(folder, "base", str(base)).iterdir() if path.is_file())


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            file = tmp_path / "tandem.db"
            yield Place(tmp_path, lambda: SqliteStore(file), FileLog(file), "")
        else:
            url = stack.enter_context(postgres.fresh())
            yield Place(tmp_path, lambda: PostgresStore(url), DatabaseLog(url), url)


async def test_a_run_that_nobody_touched_fits_and_is_anchored_to_its_end(place: Place) -> None:
    run_id = await place.worked()
    verdict = place.verify(run_id)
    assert verdict.fits, verdict.why
    assert verdict.events == verdict.anchored > 10
    assert verdict.chained_from == 1
    assert told(verdict) == f"{run_id}  fits, {verdict.events} events"


async def test_a_changed_event_is_named(place: Place) -> None:
    run_id = await place.worked()
    seq, body = place.body(run_id, "TaskStarted")
    place.put(run_id, seq, body | {"worker": "mallory"})
    verdict = place.verify(run_id)
    assert verdict.seq == seq
    assert f"event {seq} (TaskStarted) does not fit its link" in verdict.why


async def test_a_changed_word_of_a_person_is_named(place: Place) -> None:
    run_id = await place.worked()
    seq, body = place.body(run_id, "ApprovalDecided")
    place.put(run_id, seq, body | {"comment": "I never said so"})
    assert place.verify(run_id).seq == seq
    place.put(run_id, seq, body | {"by": body["by"] | {"name": "Mallory"}})
    assert place.verify(run_id).seq == seq


async def test_a_changed_column_is_named(place: Place) -> None:
    run_id = await place.worked()
    place.sql("UPDATE events SET at = at + 1 WHERE run_id = ? AND seq = 3", run_id)
    assert place.verify(run_id).seq == 3
    place.sql("UPDATE events SET at = at - 1 WHERE run_id = ? AND seq = 3", run_id)
    assert place.verify(run_id).fits
    place.sql("UPDATE events SET type = 'TaskFailed' WHERE run_id = ? AND seq = 3", run_id)
    assert place.verify(run_id).seq == 3


async def test_what_is_of_another_kind_than_it_was_does_not_confuse_it(place: Place) -> None:
    run_id = await place.worked()
    place.sql("UPDATE events SET body = ? WHERE run_id = ? AND seq = 4", b"\xff", run_id)
    assert place.verify(run_id).seq == 4
    place.sql("UPDATE events SET body = ? WHERE run_id = ? AND seq = 4", b"[1]", run_id)
    assert place.verify(run_id).seq == 4
    place.sql("UPDATE events SET at = 9000000000000000000 WHERE run_id = ? AND seq = 4", run_id)
    assert not place.verify(run_id).fits


async def test_a_body_kept_as_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tandem.db"
    place = Place(tmp_path, lambda: SqliteStore(file), FileLog(file), "")
    run_id = await place.worked()
    place.sql("UPDATE events SET body = CAST(body AS TEXT) WHERE seq = 4")
    assert place.verify(run_id).seq == 4
    place.sql("UPDATE events SET body = CAST(body AS BLOB) WHERE seq = 4")
    place.sql("UPDATE entries SET body = CAST(body AS TEXT)")
    assert "not kept as bytes" in place.verify(run_id).why


async def test_a_deleted_event_is_missed(place: Place) -> None:
    run_id = await place.worked()
    place.sql("DELETE FROM events WHERE run_id = ? AND seq = 5", run_id)
    verdict = place.verify(run_id)
    assert (verdict.seq, verdict.why) == (5, "event 5 is missing: it was deleted")


async def test_a_deleted_event_whose_place_was_closed_is_found(place: Place) -> None:
    run_id = await place.worked()
    place.sql("DELETE FROM events WHERE run_id = ? AND seq = 5", run_id)
    for seq in range(6, place.verify(run_id).events + 2):
        place.sql("UPDATE events SET seq = ? WHERE run_id = ? AND seq = ?", seq - 1, run_id, seq)
    assert place.verify(run_id).seq == 5


async def test_an_inserted_event_is_found(place: Place) -> None:
    run_id = await place.worked()
    for seq in range(place.verify(run_id).events, 4, -1):
        place.sql("UPDATE events SET seq = ? WHERE run_id = ? AND seq = ?", seq + 1, run_id, seq)
    place.sql(
        "INSERT INTO events SELECT run_id, 5, at, type, body, link, seal FROM events WHERE run_id = ? AND seq = 3",
        run_id,
    )
    assert place.verify(run_id).seq == 5
    place.sql("UPDATE events SET link = NULL WHERE run_id = ? AND seq = 5", run_id)
    assert "event 5 (" in place.verify(run_id).why


async def test_an_event_added_at_the_end_is_found(place: Place) -> None:
    run_id = await place.worked()
    end = place.verify(run_id).events
    place.sql(
        "INSERT INTO events SELECT run_id, ?, at, type, body, link, seal FROM events WHERE run_id = ? AND seq = 3",
        end + 1,
        run_id,
    )
    assert place.verify(run_id).seq == end + 1


async def test_reordered_events_are_found(place: Place) -> None:
    run_id = await place.worked()
    for now, then in ((4, 400), (5, 4), (400, 5)):
        place.sql("UPDATE events SET seq = ? WHERE run_id = ? AND seq = ?", then, run_id, now)
    assert place.verify(run_id).seq == 4


async def test_a_tail_that_was_cut_off_is_missed_also_where_the_table_of_runs_agrees(place: Place) -> None:
    run_id = await place.worked()
    there = place.verify(run_id).events
    place.sql("DELETE FROM events WHERE run_id = ? AND seq > ?", run_id, there - 3)
    assert place.verify(run_id).seq == there - 2
    place.sql("UPDATE runs SET seq = ? WHERE run_id = ?", there - 3, run_id)
    verdict = place.verify(run_id)
    assert verdict.seq == there - 2
    assert f"the anchors know {there} events" in verdict.why


async def test_a_run_that_was_deleted_as_a_whole_is_missed(place: Place) -> None:
    run_id, other = await place.worked(), await place.worked()
    for table in ("events", "entries", "salts", "commands", "approvals", "runs"):
        place.sql(f"DELETE FROM {table} WHERE run_id = ?", run_id)
    found = place.all()
    assert found[other].fits
    assert "the whole run is gone" in found[run_id].why
    assert known(place.log, anchored(place.folder), run_id[:14]) == run_id


async def test_a_run_whose_row_alone_was_deleted_is_found(place: Place) -> None:
    run_id = await place.worked()
    place.sql("DELETE FROM runs WHERE run_id = ?", run_id)
    assert not place.all()[run_id].fits


async def test_a_body_from_another_run_does_not_fit(place: Place) -> None:
    run_id, other = await place.worked(), await place.worked()
    seq, body = place.body(other, "ApprovalDecided")
    place.put(run_id, seq, body)
    place.sql(
        "UPDATE events SET link = (SELECT link FROM events o WHERE o.run_id = ? AND o.seq = ?) "
        "WHERE run_id = ? AND seq = ?",
        other, seq, run_id, seq,
    )  # fmt: skip
    assert place.verify(run_id).seq == seq


async def test_a_log_rewritten_with_a_chain_that_fits_is_found_by_its_anchors(place: Place) -> None:
    run_id = await place.worked()
    seq, body = place.body(run_id, "TaskStarted")
    place.put(run_id, seq, body | {"worker": "mallory"})
    place.relink(run_id)
    verdict = place.verify(run_id)
    assert "was rewritten, with all links after it" in verdict.why
    assert 0 < verdict.seq <= seq


async def test_links_that_were_taken_away_are_missed(place: Place) -> None:
    run_id = await place.worked()
    place.sql("UPDATE events SET link = NULL WHERE run_id = ?", run_id)
    assert not place.verify(run_id).fits


async def test_a_changed_or_lost_context_entry_names_the_event_that_names_it(place: Place) -> None:
    run_id = await place.worked()
    seq, body = place.body(run_id, "TaskSucceeded")
    place.sql("UPDATE entries SET body = ? WHERE run_id = ? AND entry = ?", b'{"n":77}', run_id, body["entry"])
    verdict = place.verify(run_id)
    assert verdict.seq == seq
    assert "was changed: its id is not its digest" in verdict.why
    place.sql("DELETE FROM entries WHERE run_id = ? AND entry = ?", run_id, body["entry"])
    assert place.verify(run_id).seq == seq


async def test_a_lost_or_exchanged_salt_is_found(place: Place) -> None:
    run_id = await place.worked()
    place.sql("UPDATE salts SET salt = ? WHERE run_id = ?", b"0123456789abcdef", run_id)
    assert place.verify(run_id).seq == 1
    place.sql("DELETE FROM salts WHERE run_id = ?", run_id)
    assert "its salt is gone" in place.verify(run_id).why


async def test_garbled_anchors_are_named_with_file_and_line(place: Place) -> None:
    run_id = await place.worked()
    (file,) = files_of(place.folder)
    lines = file.read_bytes().splitlines(keepends=True)
    for wrong, number in (([*lines[:1], b"what\n", *lines[1:]], 2), ([lines[0].replace(b'"seq":', b'"seq":1')], 1)):
        file.write_bytes(b"".join(wrong))
        found = anchored(place.folder)
        assert f"{file.name}, line {number} is garbled" in found.garbled
        assert examine(place.log, found, run_id).fits
    file.write_bytes(b"".join(lines[1:]) or lines[0].replace(b'"chain":"', b'"chain":"0'))
    assert anchored(place.folder).garbled
    file.write_bytes(b"".join(lines) + b'{"half a li')
    assert not anchored(place.folder).garbled
    await FileAnchors(place.folder).write([Anchor("r", 1, "ab", datetime.now(UTC))])
    assert not anchored(place.folder).garbled


async def test_a_missing_file_of_anchors_is_named(tmp_path: Path) -> None:
    anchors = FileAnchors(tmp_path, largest_bytes=10)
    for seq in range(1, 4):
        await anchors.write([Anchor("r", seq, "ab", datetime.now(UTC))])
    assert [path.name for path in files_of(tmp_path)] == [f"anchors-00000{n}.jsonl" for n in (1, 2, 3)]
    assert [anchor.seq for anchor in anchored(tmp_path).by_run["r"]] == [1, 2, 3]
    files_of(tmp_path)[1].unlink()
    assert "anchors-000002.jsonl is missing" in anchored(tmp_path).garbled


async def test_a_log_from_before_the_chain_is_told_as_that(place: Place) -> None:
    run_id = await place.worked()
    events = place.verify(run_id).events
    for file in files_of(place.folder):
        file.unlink()
    place.sql("UPDATE events SET link = NULL WHERE run_id = ? AND seq < 4", run_id)
    rows = place.sql("SELECT seq, type, body FROM events WHERE run_id = ? AND seq >= 4 ORDER BY seq", run_id)
    ((salt,),) = place.sql("SELECT salt FROM salts WHERE run_id = ?", run_id)
    before = b""
    for seq, type_, body in rows:
        before = chain.link(before, run_id, seq, type_, body, salt)
        place.sql("UPDATE events SET link = ? WHERE run_id = ? AND seq = ?", before, run_id, seq)
    verdict = place.verify(run_id)
    assert verdict.fits, verdict.why
    assert "before the chain up to event 3" in told(verdict)
    assert f"events 1 to {events} are not anchored" in told(verdict)


async def test_pruned_runs_are_not_missed_and_those_deleted_by_hand_are(place: Place) -> None:
    from orchestration.engines.prune import prune

    run_id = await place.worked()
    store = place.make()
    await store.open()
    later = datetime.now(UTC) + timedelta(days=30_000)
    assert (await prune(store, later, place.path / "x", anchors=FileAnchors(place.folder))).runs == 1
    await store.close()
    assert place.all()[run_id].fits
    assert told(place.all()[run_id]) == f"{run_id}  was pruned"


async def test_heads_that_a_process_had_no_time_to_anchor_are_anchored_by_the_next(place: Place) -> None:
    run_id = await place.worked()
    for file in files_of(place.folder):
        file.unlink()
    office = At(place.path, place.make())
    office.engine_options["anchors"] = FileAnchors(place.folder)
    async with opened(office):
        pass
    assert place.verify(run_id).anchored == place.verify(run_id).events


# --- erasing


async def test_erasing_an_initiator_leaves_a_log_that_fits_and_holds_nothing_of_them(place: Place) -> None:
    run_id, other = await place.worked(), await place.worked("Something else for Megan Bowen")
    assert MEGAN.name.encode() in place.bytes()
    erased = await place.erase(MEGAN.upn or MEGAN.id)
    assert erased.compacted
    held = place.bytes().lower()
    for word in (MEGAN.name, MEGAN.upn, "Reconcile for Nordwind", "chat-of-megan", WORDS):
        assert word == "" or word.lower().encode() not in held, word
    for each in (run_id, other):
        verdict = place.verify(each)
        assert verdict.fits, verdict.why
        assert verdict.erased
        told_again = history(place.log, each, everything=True)
        assert "erased person 1" in told_again.initiator
        assert told_again.goal == "erased"
    assert ALEX.name.encode() in place.bytes()
    assert any("all of its content goes" in line for line in foretold(erased.found))


async def test_erasing_an_approver_leaves_what_others_did(place: Place) -> None:
    run_id = await place.worked()
    await place.erase(ALEX.id)
    held = place.bytes()
    for word in (ALEX.name, ALEX.upn, WORDS):
        assert word == "" or word.encode() not in held, word
    verdict = place.verify(run_id)
    assert verdict.fits, verdict.why
    again_told = history(place.log, run_id)
    assert again_told.goal == "Reconcile for Nordwind"
    assert any("erased person 1" in moment.what for moment in again_told.moments)


async def test_two_people_can_be_erased_one_after_the_other(place: Place) -> None:
    run_id = await place.worked()
    await place.erase(ALEX.id)
    assert (await place.erase(MEGAN.id)).found.person.number == 2
    assert place.verify(run_id).fits
    assert MEGAN.name.encode() not in place.bytes()


async def test_an_erased_run_can_still_be_folded_and_is_not_copied(place: Place) -> None:
    run_id = await place.worked()
    await place.erase(MEGAN.id)
    store = place.make()
    await store.open()
    run = fold(decode(row.body) for row in await store.events(run_id))
    assert run.initiator.name == "erased person 1"
    with pytest.raises(Invalid, match="people were erased"):
        await copy_run(store, run_id, 6, "copy")
    await store.close()


async def test_documents_of_an_erased_person_go(place: Place) -> None:
    await place.worked()
    store = place.make()
    await store.open()
    await store.put("conversation", MEGAN.id, b'{"person":{"id":"x","name":"y"}}')
    await store.put("question", ALEX.id, b'{"goal":"Ask Megan Bowen"}')
    await store.close()
    erased = await place.erase(MEGAN.id)
    assert erased.found.documents == 2
    kinds = dict(place.sql("SELECT kind, body FROM documents"))
    assert "conversation" not in kinds
    assert json.loads(kinds["question"]) == {"goal": "Ask erased person 1"}


async def test_a_forged_erasure_does_not_fit(place: Place) -> None:
    run_id = await place.worked()
    seq, body = place.body(run_id, "ApprovalDecided")
    ((salt,),) = place.sql("SELECT salt FROM salts WHERE run_id = ?", run_id)
    ((raw,),) = place.sql("SELECT body FROM events WHERE run_id = ? AND seq = ?", run_id, seq)
    seal = chain.commitment(salt, seq, parts("ApprovalDecided", raw)[1])
    place.put(run_id, seq, body | {"comment": "erased person 1 says yes"})
    place.sql("UPDATE events SET seal = ? WHERE run_id = ? AND seq = ?", seal, run_id, seq)
    assert "nobody erased it: no anchor knows" in place.verify(run_id).why


async def test_what_an_erasure_left_cannot_be_changed(place: Place) -> None:
    run_id = await place.worked()
    await place.erase(ALEX.id)
    seq, body = place.body(run_id, "ApprovalDecided")
    place.put(run_id, seq, body | {"comment": "yes"})
    assert "was changed afterwards" in place.verify(run_id).why


async def test_an_open_run_is_refused_with_the_way_out_and_nothing_changes(place: Place) -> None:
    office = At(place.path, place.make())
    async with opened(office):
        run_id = await office.run(PLAN)
    before = place.sql("SELECT body FROM events ORDER BY run_id, seq")
    with pytest.raises(Conflict, match=rf"tandem cancel RUN.*\n.*{run_id}"):
        await place.erase(MEGAN.id)
    assert place.sql("SELECT body FROM events ORDER BY run_id, seq") == before
    assert place.sql("SELECT kind FROM documents") == []


async def test_nobody_is_told_as_that(place: Place) -> None:
    await place.worked()
    with pytest.raises(NotFound, match="holds nobody"):
        await place.erase("mallory@contoso.example")


@pytest.mark.parametrize("step", [0, 1, 2])
async def test_an_erasure_that_was_killed_goes_on_when_it_is_asked_again(place: Place, step: int) -> None:
    runs = [await place.worked(), await place.worked()]
    done = 0

    async def dies(store: Store, change: Rewrite) -> bool:
        nonlocal done
        if done == step:
            raise Unavailable("killed")
        done += 1
        return await store.rewrite(change)

    if step < 2:
        with pytest.raises(Unavailable, match="killed"):
            await place.erase(MEGAN.id, dies)
        for run_id in runs:
            assert place.verify(run_id).fits, place.verify(run_id).why
    else:  # after the last run, before the documents

        class Dead(Exception):
            pass

        async def dies_later(store: Store, change: Rewrite) -> bool:
            if not await store.rewrite(change):
                return False
            nonlocal done
            done += 1
            if done == 2:
                raise Dead
            return True

        with pytest.raises(Dead):
            await place.erase(MEGAN.id, dies_later)
    erased = await place.erase(MEGAN.upn or MEGAN.id)
    assert erased.found.person.number == 1
    assert MEGAN.name.encode() not in place.bytes()
    for run_id in runs:
        assert place.verify(run_id).fits, place.verify(run_id).why
