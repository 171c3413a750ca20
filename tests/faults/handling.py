"""A question that is handed on, asked back about and sent back; a write that is changed before it is allowed."""

from __future__ import annotations

from functools import partial

import msgspec

from orchestration.capabilities import Done, Preview, TaskContext, worker
from orchestration.capabilities.descriptor import Outcome
from orchestration.core.commands import AskBack, Command, DelegateApproval, Explain, GiveFeedback
from orchestration.core.plan import Node, Question
from orchestration.core.view import ApprovalView, RunView
from orchestration.planning.compiler import with_needs
from tests.faults.life import Life
from tests.faults.scenario import Scenario
from tests.support.office import ALEX, MEGAN, Number, plan
from tests.unit.engines.test_asking import ADELE, People


class Letter(msgspec.Struct):
    """What is drafted and sent."""

    text: str = ""


def _workers(life: Life) -> None:
    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE], ALEX, ADELE)

    async def draft(_: Number, task: TaskContext) -> Letter:
        return Letter(" and ".join(["a draft", *task.feedback]))

    async def send(letter: Letter, task: TaskContext) -> Letter:
        assert letter.text == "a draft and shorter, signed", "only what was allowed is sent"
        await life.systems.upload(Number(1), task)
        return letter

    async def look(letter: Letter, task: TaskContext) -> Outcome:
        found = await life.systems.look(Number(1), task)
        return Done(letter) if isinstance(found, Done) else found

    life.registry.add(worker("people", title="People")(people))
    life.registry.add(worker("draft", title="Draft", takes_feedback=True)(draft))
    life.registry.add(
        worker(
            "letter",
            title="Send",
            effect="write",
            system="Mail",
            dedupe="target",
            reconcile=look,
            preview=lambda letter: Preview("Send it", [("Text", letter.text)]),
            editable=("text",),
        )(send)
    )


def _next(life: Life, run: RunView) -> tuple[str, Command] | None:
    """What somebody does with the question about the draft, once they have got the card that lets them."""
    there = {(notice, person) for run_id, notice, person in life.world.cards if run_id == run.run_id}
    asked = next((each for each in run.approvals if each.id == "ask.1"), None)
    if asked is None:
        return None
    shown = asked.entry
    steps: list[tuple[str, tuple[str, str], Command]] = [
        ("hand", ("approval:ask.1", ALEX.id), DelegateApproval(approval="ask.1", by=ALEX, to=ADELE.id, shown=shown)),
        ("back", ("approval:ask.1", ADELE.id), AskBack(approval="ask.1", by=ADELE, text="For whom?", shown=shown)),
        ("reply", ("back:ask.1", MEGAN.id), Explain(approval="ask.1", by=MEGAN, text="For Lee")),
        ("revise", ("reply:ask.1", ADELE.id), GiveFeedback(approval="ask.1", by=ADELE, text="shorter", shown=shown)),
    ]
    for command_id, card, command in steps:
        if command_id not in life.world.told:
            return (command_id, command) if card in there else None
    return None


async def _handle(life: Life, run: RunView) -> bool:
    if (step := _next(life, run)) is not None:
        await life.command(run.run_id, *step)
        return True
    gate = next((each for each in run.approvals if each.id == "send.1"), None)
    if gate is None or "edit" in life.world.told:
        return False
    fields = {"text": "a draft and shorter, signed"}
    edit = partial(life.engine.edit, run.run_id, "send.1", by=MEGAN, shown=gate.entry, fields=fields)
    await life.send("edit", partial(edit, command_id="edit"))
    return True


def _answer(approval: ApprovalView) -> str:
    return "" if approval.id in ("ask.1", "send.1") else "approve"


HANDLED = Scenario(
    with_needs(
        plan(
            "${tasks.send.text}",
            who=Node(capability="people"),
            draft=Node(capability="draft"),
            ask=Node(
                approval=Question(
                    title="Send this?",
                    approver="${tasks.who.first}",
                    text="${tasks.draft.text}",
                    delegates="${tasks.who.people}",
                    revises="draft",
                )
            ),
            send=Node(capability="letter", with_={"text": "${tasks.draft.text}"}, needs=["ask"]),
        )
    ),
    _workers,
    choose=_answer,
    act=_handle,
)
