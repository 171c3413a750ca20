"""What the plan card is told of tasks inside groups, and of what stands in for a task."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from orchestration.capabilities import Preview, Registry, TaskContext, worker
from orchestration.core.run import Person
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.port import Planned

PLAYBOOK = """
name: remind-suppliers
version: "1"
title: Remind suppliers
utterances: [Remind all suppliers of open invoices]
tasks:
  list:
    capability: suppliers.list
    with: {n: "1"}
  each:
    for_each:
      items: ${tasks.list.names}
      gives: "${tasks.post == null ? '' : string(tasks.post.n)}"
      tasks:
        post:
          capability: mail.post
          with: {n: "${for_each.item}"}
          fallback: {capability: letter.post, with: {n: "${for_each.item}"}}
  agree:
    repeat:
      at_most: 2
      gives: ${tasks.read_again.n}
      accepted_by: [fine]
      tasks:
        read_again: {capability: sap.read, with: {n: "${repeat.round}"}}
        fine:
          approval: {title: Is that all, approver: "${run.initiator}", approver_title: You}
answer: {text: "${string(tasks.each.count)} reminded"}
"""


class Text(msgspec.Struct):
    """Arguments and result of every worker here."""

    n: str | int = ""


class Names(msgspec.Struct):
    """A list."""

    names: list[str]


@pytest.fixture
def registry() -> Registry:
    async def echo(given: Text, _: TaskContext) -> Text:
        return given

    async def names(_: Text, __: TaskContext) -> Names:
        return Names([])

    def shown(_: Text) -> Preview:
        return Preview("Post", [])

    return Registry(
        [
            worker("suppliers.list", title="List suppliers", system="SAP")(names),
            worker("sap.read", title="Read SAP", system="SAP")(echo),
            worker("mail.post", title="Send a mail", system="Outlook", effect="write", preview=shown, name="m")(echo),
            worker("letter.post", title="Post a letter", system="Post", effect="write", preview=shown, name="l")(echo),
        ]
    )


async def test_a_plan_with_groups_says_what_their_tasks_read_write_and_ask(
    registry: Registry, tmp_path: Path, megan: Person, now: datetime
) -> None:
    (tmp_path / "remind-suppliers.yaml").write_text(PLAYBOOK, encoding="utf-8")
    planned = await PlaybookPlanner(registry, tmp_path).plan("Remind all suppliers of open invoices", megan, now)
    assert isinstance(planned, Planned)
    assert planned.reads == ["List suppliers", "Read SAP"]
    assert planned.writes == ["Send a mail", "Post a letter, if that cannot be done"]
    assert planned.asks == ["You: is that all"]
