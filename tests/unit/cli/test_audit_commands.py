"""`tandem verify`, `tandem erase`, `tandem export`: beside a running bot and without one."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner

from bot.cli.app import app
from bot.cli.export import since
from bot.cli.log import FileLog
from bot.cli.trouble import Trouble
from bot.cli.verify import look
from orchestration.audit.anchors import FileAnchors, files_of
from orchestration.core import commands as c
from tests.conformance.test_engine import PLAN
from tests.support.office import ALEX, MEGAN, Office
from tests.support.operator import Console, console, short_folder

# Written by hand after the CloudEvents 1.0.2 specification and its JSON format: the official schema cannot be had here.
CLOUD_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "pattern": r"^[!-~]+$"},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
        "datacontenttype": {"type": "string", "minLength": 1},
        "data": {},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
    "not": {"required": ["data", "data_base64"]},
    "propertyNames": {"pattern": "^([a-z0-9]{1,20}|data_base64)$"},
    "additionalProperties": {"type": ["string", "boolean", "integer"]},
}


@pytest.fixture
async def desk() -> AsyncIterator[Console]:
    async with short_folder() as path:
        office = Office(path, anchors=FileAnchors(path / "anchors"))
        async with console(office) as made:
            yield made


async def worked(desk: Console) -> str:
    office = desk.office
    run_id = await office.run(PLAN)
    await office.until(run_id, lambda run: bool(run.receipts))
    office.clock.advance(timedelta(minutes=1))
    await office.decide(run_id, "ask.1", ALEX, "answer", rules={"amount": "sap"})
    await office.finish(run_id)
    await office.until(run_id, lambda run: ("outcome", MEGAN.id) in run.receipts)
    return run_id


async def test_all_of_it_beside_a_running_bot(desk: Console) -> None:
    run_id = await worked(desk)
    assert f"{run_id}  fits, " in await desk.run("verify")
    assert "1 runs fit, 0 do not." in await desk.run("verify", "--all")
    foretold = await desk.run("erase", MEGAN.upn, "--dry-run")
    assert f"{run_id}  Test: all of its content goes" in foretold or "all of its content goes" in foretold
    assert "Nothing was changed." in foretold
    assert "Erased. 'erased person 1' stands where they were." in await desk.run("erase", MEGAN.upn, typed="y\n")
    assert "somebody was erased from it" in await desk.run("verify", run_id)
    assert "erased person 1" in await desk.run("history", run_id)
    assert (await desk.office.engine.view(run_id)).initiator.name == "erased person 1"
    held = b"".join(path.read_bytes() for path in desk.office.path.glob("tandem.db*"))
    assert MEGAN.name.encode() not in held
    assert "holds nobody" in await desk.trouble("erase", MEGAN.upn, "--yes")
    said = await desk.trouble("replay", run_id, "--from", "4", "--dry-run", "--wait", "1s")
    assert "people were erased" in said


async def test_an_open_run_keeps_a_person_from_being_erased(desk: Console) -> None:
    run_id = await desk.office.run(PLAN)
    assert "still open: cancel it first" in await desk.run("erase", MEGAN.id, "--dry-run")
    assert f"tandem cancel RUN) or let them end; nothing was erased.\n  {run_id}" in await desk.trouble(
        "erase", MEGAN.id
    )
    await desk.office.engine.send(run_id, c.CancelRun(by=MEGAN))
    await desk.office.finish(run_id)


def call(path: Path, *arguments: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, [*arguments, "--state", str(path)])
    return said.exit_code, said.output


@pytest.fixture
async def ended(tmp_path: Path) -> AsyncIterator[tuple[Path, str]]:
    """A state folder whose bot has ended, and a run in it."""
    async with short_folder() as path:
        async with console(Office(path, anchors=FileAnchors(path / "anchors"))) as desk:
            run_id = await worked(desk)
        yield path, run_id


async def test_what_does_not_fit_is_named_with_an_exit_code_of_its_own(ended: tuple[Path, str]) -> None:
    path, run_id = ended
    assert call(path, "verify")[0] == 0
    with closing(sqlite3.connect(path / "tandem.db", isolation_level=None)) as db:
        db.execute("UPDATE events SET body = CAST(replace(body, 'task', 'mask') AS BLOB) WHERE seq = 3")
    code, said = call(path, "verify", run_id)
    assert code == 3
    assert "DOES NOT FIT: event 3" in said
    code, said = call(path, "verify", "--all")
    assert (code, said.splitlines()[-1]) == (3, "0 runs fit, 1 do not.")
    (file,) = files_of(path / "anchors")
    file.write_bytes(b"{}\n" + file.read_bytes())
    assert "anchors-000001.jsonl, line 1 is garbled" in call(path, "verify", "--all")[1]


async def test_a_run_that_is_gone_can_be_asked_for(ended: tuple[Path, str]) -> None:
    path, run_id = ended
    with closing(sqlite3.connect(path / "tandem.db", isolation_level=None)) as db:
        for table in ("events", "runs", "salts", "entries"):
            db.execute(f"DELETE FROM {table}")
    code, said = call(path, "verify", run_id[:15])
    assert code == 3
    assert "the whole run is gone" in said


async def test_without_anchors_that_is_said(ended: tuple[Path, str]) -> None:
    path, _ = ended
    for file in files_of(path / "anchors"):
        file.unlink()
    code, said = call(path, "verify", "--all")
    assert code == 0
    assert "There are no anchors in" in said


async def test_erasing_without_a_bot_asks_first(ended: tuple[Path, str]) -> None:
    import asyncio

    path, _ = ended

    def at_terminal(typed: str) -> str:
        return CliRunner().invoke(app, ["erase", ALEX.upn, "--state", str(path)], input=typed).output

    assert "Aborted" in await asyncio.to_thread(at_terminal, "n\n")
    assert ALEX.name.encode() in (path / "tandem.db").read_bytes()
    assert "Erased." in await asyncio.to_thread(at_terminal, "y\n")
    assert ALEX.name.encode() not in (path / "tandem.db").read_bytes()
    assert call(path, "verify", "--all")[0] == 0


async def test_every_exported_line_is_a_cloud_event(ended: tuple[Path, str]) -> None:
    path, run_id = ended
    out = path / "events.jsonl"
    code, said = call(path, "export", "last", "--out", str(out))
    assert code == 0
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert f"{len(lines)} events are in" in said
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    check = Draft202012Validator(CLOUD_EVENT, format_checker=FormatChecker())
    for line in lines:
        check.validate(line)
    done = next(line for line in lines if line["type"] == "tandem.TaskSucceeded")
    assert done["source"] == f"/tandem/runs/{run_id}"
    assert done["subject"] == f"{run_id}/{done['data']['task']}"
    assert done["id"] == done["sequence"]
    assert len(done["link"]) == 64
    asked = next(line for line in lines if line["type"] == "tandem.ApprovalDecided")
    assert asked["subject"] == f"{run_id}/ask"
    with pytest.raises(Trouble, match="exists already"):
        CliRunner().invoke(app, ["export", "last", "--out", str(out), "--state", str(path)], catch_exceptions=False)


async def test_since_takes_instants_and_spans(ended: tuple[Path, str]) -> None:
    path, _ = ended
    whole = call(path, "export", "--since", "2000-01-01")[1].splitlines()
    assert call(path, "export", "last")[1].splitlines() == whole
    assert call(path, "export", "--since", "2099-01-01")[1] == ""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert since("2d", noon) == noon - timedelta(days=2)
    with pytest.raises(Trouble):
        since("yesterday")


async def test_the_doctor_tells_how_far_the_anchors_are_behind(ended: tuple[Path, str]) -> None:
    path, _ = ended
    log, folder = FileLog(path / "tandem.db"), path / "anchors"
    (found,) = look(log, folder)
    assert (found.mark, found.text) == ("good", f"The heads of 1 runs are anchored in {folder}.")
    for file in files_of(folder):
        file.unlink()
    (found,) = look(log, folder, datetime(2026, 11, 23, tzinfo=UTC))
    assert found.mark == "bad"
    assert "1 runs have events that are not anchored" in found.text


async def test_a_log_without_a_chain_yet_is_told_as_that(tmp_path: Path) -> None:
    from orchestration.stores.migrations import migrations

    with closing(sqlite3.connect(tmp_path / "tandem.db", isolation_level=None)) as db:
        for step in migrations("sqlite")[:2]:
            db.executescript(step.sql)
        db.execute("INSERT INTO runs VALUES ('r', 'x', 'T', 'm', 0, 0, NULL, 1, 1)")
    said = CliRunner().invoke(app, ["verify", "--state", str(tmp_path)])
    assert "has no chain yet" in str(said.exception)
