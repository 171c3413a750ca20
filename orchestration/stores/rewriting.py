"""What an erasure changes in a run, as statements that both databases understand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestration.ports import Rewrite

UNCHANGED = "SELECT 1 FROM runs WHERE run_id = ? AND seq = ? AND NOT open"


def rewriting(change: Rewrite, mark: str) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Statements and the rows that each is for.

    Args:
        change: What is changed.
        mark: How the dialect spells a parameter.
    """
    run_id = change.run.run_id
    statements: list[tuple[str, list[tuple[Any, ...]]]] = [
        ("UPDATE runs SET title = ? WHERE run_id = ?", [(change.title, run_id)]),
        ("UPDATE salts SET salt = ? WHERE run_id = ?", [(change.salt, run_id)]),
        (
            "UPDATE events SET body = ?, seal = ? WHERE run_id = ? AND seq = ?",
            [(row.body, row.seal or None, run_id, row.seq) for row in change.events],
        ),
        (
            "UPDATE entries SET body = ? WHERE run_id = ? AND entry = ?",
            [(body, run_id, entry) for entry, body in change.entries.items() if body is not None],
        ),
        (
            "DELETE FROM entries WHERE run_id = ? AND entry = ?",
            [(run_id, entry) for entry, body in change.entries.items() if body is None],
        ),
        (
            "UPDATE runs SET initiator = ? WHERE run_id = ? AND initiator = ?",
            [(now, run_id, before) for before, now in change.people.items()],
        ),
        (
            "UPDATE approvals SET person = ? WHERE run_id = ? AND person = ?",
            [(now, run_id, before) for before, now in change.people.items()],
        ),
        (
            "UPDATE commands SET command_id = ? WHERE command_id = ? AND run_id = ?",
            [(now, before, run_id) for before, now in change.commands.items()],
        ),
        ("DELETE FROM snapshots WHERE run_id = ?", [(run_id,)]),
    ]
    for sql, rows in statements:
        if rows:
            yield sql.replace("?", mark), rows
