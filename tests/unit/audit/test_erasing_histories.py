"""Whoever is erased from a committed history: it folds to the same shape, and its chain holds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from orchestration.audit.chain import link, remains
from orchestration.audit.erasure import changed
from orchestration.audit.redaction import Person, Redaction
from orchestration.audit.verify import Trail, verify
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.evolve import fold
from orchestration.core.run import OPERATOR, Run
from orchestration.core.run import Person as Somebody
from orchestration.ports import Anchor, Archive, EventRow, RunRow

HISTORIES = sorted((Path(__file__).parents[2] / "replay" / "histories").glob("*.jsonl"))
SALT, FRESH = b"0123456789abcdef", b"fedcba9876543210"


class _Line(msgspec.Struct):
    event: msgspec.Raw


def archive_of(path: Path) -> Archive:
    rows: list[EventRow] = []
    before, run_id = b"", path.stem
    for seq, line in enumerate(path.read_bytes().splitlines(), 1):
        body = bytes(msgspec.json.decode(line, type=_Line).event)
        event = decode(body)
        before = link(before, run_id, seq, type(event).__name__, body, SALT)
        rows.append(EventRow(run_id, seq, event.at, type(event).__name__, body, before))
    first = decode(rows[0].body)
    assert isinstance(first, e.RunProposed)
    run = RunRow(run_id, "succeeded", first.plan.title, first.initiator.id, False, False, None, first.at, len(rows))
    return Archive(run, rows, [], [])


def shape(run: Run) -> object:
    """What does not say anything of anybody."""
    return (
        run.status,
        run.seq,
        {name: (task.status, task.attempt, task.entry) for name, task in run.tasks.items()},
        {name: (each.open, each.choice, len(each.approvers)) for name, each in run.approvals.items()},
    )


def people(archive: Archive) -> list[Somebody]:
    found: dict[str, Somebody] = {}
    for row in archive.events:
        event = decode(row.body)
        for name in ("initiator", "by", "to"):
            if isinstance(each := getattr(event, name, None), Somebody) and each.id != OPERATOR:
                found.setdefault(each.id, each)
        for each in getattr(event, "approvers", ()):
            found.setdefault(each.id, each)
    return list(found.values())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_history_without_somebody_folds_and_its_chain_holds(path: Path) -> None:
    archive = archive_of(path)
    run = fold(decode(row.body) for row in archive.events)
    assert verify(Trail(path.stem, len(archive.events), SALT, archive.events, []), []).why.count("is gone") <= 1
    for person in people(archive):
        redaction = Redaction(Person(person.id, (person.upn,) if person.upn else (), (person.name,), 1))
        change = changed(redaction, archive, SALT, FRESH)
        new = {row.seq: row for row in change.events}
        rows = [new.get(row.seq, row) for row in archive.events]
        for row in rows:
            assert person.name.encode() not in row.body, row
            assert not person.upn or person.upn.encode() not in row.body, row
        assert shape(fold(decode(row.body) for row in rows)) == shape(run)
        left = Anchor(path.stem, len(rows), remains(FRESH, rows, []), archive.run.proposed_at, "erased")
        verdict = verify(Trail(path.stem, len(rows), FRESH, rows, []), [left])
        assert verdict.fits, (person, verdict.why)
