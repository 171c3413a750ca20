"""A deployment that offers what the shipped playbook uses, without any outside system."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import orchestration.playbooks
from orchestration.capabilities import NotDone, Preview, Registry, TaskContext, Worker, worker
from orchestration.capabilities.descriptor import Outcome
from orchestration.core.run import Person
from orchestration.workers.ledger import Ledger, Period
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import workbook

PLAYBOOKS = Path(next(iter(orchestration.playbooks.__path__)))


class Columns(msgspec.Struct, forbid_unknown_fields=True):
    supplier: str
    invoice: str
    amount: str
    date: str
    currency: str = ""
    supplier_name: str = ""
    note: str = ""


class Table(msgspec.Struct, forbid_unknown_fields=True):
    site: str
    path: str
    sheet: str
    columns: Columns
    source: str = "Register"
    period: str = ""
    documents: str = ""
    only_period: bool = False


class Rows(msgspec.Struct, forbid_unknown_fields=True):
    site: str
    path: str
    sheet: str
    columns: dict[str, str]
    month: str = ""
    optional: bool = False


class Read(msgspec.Struct):
    rows: list[dict[str, str]]
    month: str = ""


class Who(msgspec.Struct, forbid_unknown_fields=True):
    who: str


class Found(msgspec.Struct):
    id: str
    name: str
    upn: str
    mail: str = ""
    title: str = ""


class Upload(msgspec.Struct, forbid_unknown_fields=True):
    site: str
    folder: str
    name: str
    content: bytes


class Uploaded(msgspec.Struct):
    name: str
    web_url: str
    size_bytes: int
    etag: str
    item_id: str


async def _read(period: Period, task: TaskContext) -> Ledger:
    return Ledger(source="SAP", period=period.month, entries=[])


async def _table(table: Table, task: TaskContext) -> Ledger:
    return Ledger(source=table.source, period=table.period, entries=[])


async def _rows(rows: Rows, task: TaskContext) -> Read:
    return Read(rows=[])


async def _find(who: Who, task: TaskContext) -> Found:
    return Found("a", "Alex Wilber", "alex.wilber@contoso.example")


async def _upload(upload: Upload, task: TaskContext) -> Uploaded:
    return Uploaded(upload.name, "", len(upload.content), "", "")


async def _look(upload: Upload, task: TaskContext) -> Outcome:
    return NotDone()


def workers() -> list[Worker]:
    return [
        worker("ledger.sap.entries", title="Read SAP", system="SAP", name="sap")(_read),
        worker("ledger.dynamics.entries", title="Read Dynamics", system="Dynamics", name="dynamics")(_read),
        worker("files.table", title="Read a workbook", system="SharePoint")(_table),
        worker("files.rows", title="Read rows", system="SharePoint")(_rows),
        worker("people.find", title="Look somebody up", system="Microsoft 365")(_find),
        worker(
            "files.upload",
            title="Save a file",
            effect="write",
            system="SharePoint",
            dedupe="target",
            reconcile=_look,
            preview=lambda upload: Preview(upload.name, []),
        )(_upload),
        reconcile,
        workbook,
    ]


@pytest.fixture
def registry() -> Registry:
    return Registry(workers())


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder with the two reconciliations: the other playbooks need workers that this deployment lacks."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for playbook in PLAYBOOKS.glob("reconcile-*.yaml"):
        shutil.copy(playbook, folder)
    return folder


@pytest.fixture
def megan() -> Person:
    return Person("m", "Megan Bowen", "megan.bowen@contoso.example")


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
