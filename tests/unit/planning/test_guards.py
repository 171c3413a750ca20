"""Reads of a task that may be null are found unless a condition rules null out."""

from __future__ import annotations

import pytest

from orchestration.planning.guards import unguarded


@pytest.mark.parametrize(
    "expression",
    [
        "tasks.a",
        "tasks.b.x",
        "tasks.a == null ? 0 : tasks.a.x",
        "tasks.a != null ? tasks.a.x : 0",
        "null == tasks.a ? 0 : tasks.a.x + size(tasks.a.y)",
        "tasks.a != null && tasks.a.x > 0",
        "tasks.a == null || tasks.a.x > 0",
        "(tasks.a == null) || (tasks.a.x > 0 && tasks.a.y)",
        "!(tasks.a == null) && tasks.a.x",
        "tasks.a == null || tasks.c == null ? 0 : tasks.a.x + tasks.c.x",
        "tasks.a != null && tasks.c != null ? tasks.a.x + tasks.c.x : 0",
        "tasks.b.x ? 1 : tasks.a == null ? 2 : tasks.a.x",
        "tasks.a == null ? (tasks.c == null ? 0 : tasks.c.x) : tasks.a.x",
        "{'k': tasks.a == null ? 0 : tasks.a.x}",
        "tasks.a == null ? '?' : 'it: ' + tasks.a.x",
        "'tasks.a.x'",
        "tasks.a==null?0:tasks . a . x",
    ],
)
def test_guarded_reads_are_accepted(expression: str) -> None:
    assert unguarded(expression, {"a", "c"}) == []


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("tasks.a.x", "tasks.a.x"),
        ("tasks.a == null ? tasks.a.x : 0", "tasks.a.x"),
        ("tasks.a != null ? 0 : tasks.a.x", "tasks.a.x"),
        ("tasks.a.x > 0 && tasks.a != null", "tasks.a.x"),
        ("tasks.a != null || tasks.a.x", "tasks.a.x"),
        ("tasks.a == null && tasks.a.x", "tasks.a.x"),
        ("tasks.a == null && tasks.b.x ? 0 : tasks.a.x", "tasks.a.x"),
        ("tasks.c == null ? 0 : tasks.a.x", "tasks.a.x"),
        ("(tasks.a == null ? 0 : 1) + tasks.a.x", "tasks.a.x"),
        ("tasks.b.f(tasks.a == null, tasks.a.x)", "tasks.a.x"),
        ("tasks.a == null ? 0 : tasks.c.y", "tasks.c.y"),
        ("[1].map(i, tasks.a.x + i)", "tasks.a.x"),
        ("tasks.a == 'null' ? 0 : tasks.a.x", "tasks.a.x"),
    ],
)
def test_unguarded_reads_are_found(expression: str, read: str) -> None:
    assert unguarded(expression, {"a", "c"}) == [read]
