"""`report.workbook`: the outcome of a reconciliation as an Excel workbook."""

from __future__ import annotations

import asyncio
import io
from datetime import date

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.core.question import Answered
from orchestration.core.run import Person
from orchestration.errors import Invalid
from orchestration.validation.names import name_of
from orchestration.workers.book import Book
from orchestration.workers.discrepancy import one_line
from orchestration.workers.ledger import Ledger
from orchestration.workers.ledger_sheets import ledger_sheets
from orchestration.workers.reconciliation import Reconciliation, shown_system
from orchestration.workers.sheets import discrepancies_sheet, summary_sheet

_LONGEST_NAME = 200  # a path in SharePoint has 400 letters


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Where the workbook comes from.

    Attributes:
        id: The run.
        goal: What was asked for, in the initiator's words.
        initiator: On whose behalf it was made.
        date: When it was asked for.
    """

    id: str
    goal: str
    initiator: Person
    date: date


class WorkbookInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes into the workbook.

    Attributes:
        title: Heading of the summary.
        name: File name, ending in .xlsx.
        reconciliation: The comparison.
        decisions: What the accountant answered; null if nothing had to be decided.
        run: Where it comes from.
        ledgers: System => what was compared, for a sheet of its own; none to leave those sheets out.
    """

    title: str
    name: str
    reconciliation: Reconciliation
    decisions: Answered | None
    run: RunFacts
    ledgers: dict[str, Ledger | None] = {}


class Workbook(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file.

    Attributes:
        name: File name.
        content: The .xlsx.
        size_bytes: Its size.
        sheets: Names of its sheets.
    """

    name: str
    content: bytes
    size_bytes: int
    sheets: list[str]


@worker(
    "report.workbook",
    title="Make the workbook",
    attempts=1,
    summarize=lambda result: f"{result.name}, {max(1, round(result.size_bytes / 1000))} KB",
)
async def workbook(arguments: WorkbookInput, task: TaskContext) -> Workbook:
    """Make a workbook: a summary with a chart, one row for each discrepancy, and a sheet for each system.

    The same arguments give the same bytes.

    Raises:
        Invalid: The file name cannot be used.
    """
    del task
    return await asyncio.to_thread(make, arguments)


def make(arguments: WorkbookInput) -> Workbook:
    """What `workbook` promises, without waiting for anything."""
    name = _file_name(arguments.name)
    decided = _decided(arguments.reconciliation, arguments.decisions)
    content = io.BytesIO()
    with Book(
        content, title=one_line(arguments.title, 200), author=arguments.run.initiator.name, day=arguments.run.date
    ) as book:
        summary_sheet(book, arguments.title, arguments.reconciliation, arguments.decisions, decided, _origin(arguments))
        discrepancies_sheet(book, arguments.reconciliation, arguments.decisions, decided)
        ledger_sheets(book, arguments.reconciliation, arguments.ledgers)
        sheets = book.names()
    return Workbook(name=name, content=content.getvalue(), size_bytes=content.tell(), sheets=sheets)


def _decided(reconciliation: Reconciliation, decisions: Answered | None) -> dict[str, str]:
    """Discrepancy => the decision about it, in words."""
    if decisions is None:
        return {}
    titles = {system.system: f"{system.name} is right" for system in reconciliation.figures.systems}
    titles |= {
        system: f"Investigate: {shown_system(system)} was chosen, but was left out"
        for system in reconciliation.left_out
    }
    return {
        each.id: titles.get(choice) or choice.replace("_", " ").capitalize()
        for each in reconciliation.discrepancies
        if (choice := decisions.choices.get(each.id, ""))
    }


def _origin(arguments: WorkbookInput) -> list[tuple[str, str]]:
    run = arguments.run
    return [
        ("On behalf of", f"{run.initiator.name} ({run.initiator.upn})" if run.initiator.upn else run.initiator.name),
        ("Asked for", run.goal),
        ("On", run.date.isoformat()),
        ("Run", run.id),
    ]


def _file_name(name: str) -> str:
    if not name.lower().endswith(".xlsx") or not 6 <= len(name) <= _LONGEST_NAME:
        raise Invalid(
            f"{name!r} cannot be the workbook's file name: it must end in .xlsx and have 6 to {_LONGEST_NAME} letters."
        )
    return name_of(name)
