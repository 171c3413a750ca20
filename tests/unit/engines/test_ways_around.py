"""Ways around labels, ceilings and what was shown, each of which was open once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core import commands as c
from orchestration.core.label import Source
from orchestration.core.plan import Choice, Fallback, Node, Question
from orchestration.core.view import RunView
from orchestration.errors import Invalid, NotCleared, NotFound
from orchestration.planning.compiler import with_needs
from orchestration.planning.problems import plan_problems
from orchestration.validation.policy import Ceilings, Policy
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_asking import ADELE, WHO
from tests.unit.engines.test_handling import DRAFT, SEND, Draft, asked, history, office
from tests.unit.engines.test_labels import asked as asking
from tests.unit.engines.test_labels import made, of, whole

__all__ = ["office"]
LOW = Policy(ceilings=Ceilings(people={MEGAN.upn: "internal"}))
INITIATOR = "${run.initiator}"


async def decide(office: Office, run_id: str, which: str, choice: str) -> RunView:
    await asked(office, run_id, which)
    return await office.decide(run_id, which, MEGAN, choice)


async def entry_of(office: Office, run_id: str, name: str) -> str:
    return of(await office.engine.view(run_id), name).entry


async def test_leaving_a_write_as_it_is_leaves_its_label_and_taint(tmp_path: Path) -> None:
    office, n = made(tmp_path), 1

    async def source(_: Number, task: TaskContext) -> Number:
        task.note(Source("List", "SharePoint", label="highly_confidential", outside=True))
        return Number(n)

    office.registry.add(worker("source", title="Read", system="Test", clearance="highly_confidential")(source))
    hold = Node(approval=Question(approver=INITIATOR, title="Wait ${string(tasks.w.n)}"))
    write = Node(capability="post", with_={"n": "${tasks.data.n}"})
    async with opened(office):
        run_id = await office.run(whole(data=Node(capability="source"), w=write, hold=hold))
        await decide(office, run_id, "w.1", "approve")
        await asked(office, run_id, "hold.1")
        n = 2
        taken = c.RetractEntry(entry=await entry_of(office, run_id, "data"), by=MEGAN, task="data")
        await office.send(run_id, taken)
        await decide(office, run_id, "w.2", "leave")
        question = await asked(office, run_id, "hold.2")
        task = of(await office.engine.view(run_id), "w")
        assert (task.label, task.tainted) == ("highly_confidential", True)
        assert (question.label, question.tainted) == ("highly_confidential", True)


async def test_a_copy_does_not_show_its_initiator_a_question_that_they_may_not_see(tmp_path: Path) -> None:
    office = made(tmp_path, LOW)
    data = Node(capability="read.confidential", with_={"n": 4711})
    async with opened(office):
        run_id = await office.run(whole(who=Node(capability="who.alex"), data=data, ask=asking("who")))
        await asked(office, run_id, "ask.1")
        with pytest.raises(NotCleared, match="more than may be shown to you"):
            await office.engine.fork(run_id, len(await history(office, run_id)), by=MEGAN)


async def test_a_copy_does_not_tell_its_initiator_what_would_be_written_above_their_ceiling(tmp_path: Path) -> None:
    office = made(tmp_path, LOW)
    go = Node(approval=Question(approver=INITIATOR, title="Go?"))
    data = Node(capability="read.confidential", with_={"n": 4711}, needs=["go"])
    write = Node(capability="post", with_={"n": "${tasks.data.n}"})
    async with opened(office):
        run_id = await office.run(whole(go=go, data=data, w=write))
        await asked(office, run_id, "go.1")
        copy = (await office.engine.fork(run_id, len(await history(office, run_id)), by=MEGAN)).run
        await decide(office, copy.run_id, "go.1", "approve")
        run = await office.until(copy.run_id, lambda r: of(r, "w").status == "skipped")
        assert of(run, "w").message == "Post would have been done; what it is may not be shown to you."


async def test_what_approvers_say_is_as_sensitive_as_what_they_saw(tmp_path: Path) -> None:
    office = made(tmp_path)

    async def write_up(_: Number, task: TaskContext) -> Draft:
        return Draft(" and ".join(["a draft", *task.feedback]))

    office.registry.add(worker("write_up", title="Draft", takes_feedback=True)(write_up))
    text = "${tasks.draft.text} ${string(tasks.data.n)}"
    ask = Node(approval=Question(approver="${tasks.who}", title="Good?", text=text, revises="draft"))
    data = Node(capability="read.highly_confidential", with_={"n": 4711})
    async with opened(office):
        run_id = await office.run(whole(data=data, draft=DRAFT, who=Node(capability="who.alex"), ask=ask))
        first = await asked(office, run_id, "ask.1")
        assert of(await office.engine.view(run_id), "draft").label == "internal"
        say = c.GiveFeedback(approval="ask.1", by=ALEX, shown=first.entry, text="say that it is 4711")
        await office.send(run_id, say)
        await asked(office, run_id, "ask.2")
        assert of(await office.engine.view(run_id), "draft").label == "highly_confidential"


def test_the_ids_of_choices_are_fixed_so_that_none_comes_from_outside() -> None:
    choices = [Choice(id="${tasks.mail.sender}", title="Adele Vance")]
    ask = Node(approval=Question(approver=INITIATOR, title="Whom?", choices=choices))
    problems = plan_problems(with_needs(plan(mail=Node(capability="mail"), ask=ask)), None)
    assert any("an id is fixed" in problem for problem in problems)


async def test_nothing_is_changed_in_what_a_fallback_would_write(office: Office) -> None:
    async def broken(_: Draft, __: TaskContext) -> Draft:
        raise NotFound("It is gone.")

    office.registry.add(worker("broken", title="Send elsewhere")(broken))
    send = Node(capability="broken", with_=SEND.with_, needs=["draft"], fallback=Fallback("send", SEND.with_))
    async with opened(office):
        run_id = await office.run(with_needs(plan(draft=DRAFT, send=send)))
        question = await asked(office, run_id, "send.1")
        assert (question.editable, (await office.engine.shown(run_id, "send.1")).fields) == (False, [])
        fields = {"text": "another"}
        with pytest.raises(Invalid, match="cannot be changed"):
            await office.engine.edit(run_id, "send.1", by=MEGAN, shown=question.entry, fields=fields)


async def test_what_was_changed_goes_with_the_source_that_it_was_changed_in(office: Office) -> None:
    drafts = iter(("draft 1", "draft 2"))

    async def write_up(_: Number, __: TaskContext) -> Draft:
        return Draft(next(drafts), ["adele@contoso.example"])

    office.registry.add(worker("counted", title="Draft")(write_up))
    hold = Node(approval=Question(approver=INITIATOR, title="Wait"), needs=["send"])
    async with opened(office):
        run_id = await office.run(with_needs(plan(draft=Node(capability="counted"), send=SEND, hold=hold)))
        first = await asked(office, run_id, "send.1")
        await office.engine.edit(
            run_id, "send.1", by=MEGAN, shown=first.entry, fields={"text": "the secret of draft 1"}
        )
        await decide(office, run_id, "send.2", "approve")
        await asked(office, run_id, "hold.1")
        taken = c.RetractEntry(entry=await entry_of(office, run_id, "draft"), by=MEGAN, task="draft")
        await office.send(run_id, taken)
        await asked(office, run_id, "send.3")
        assert dict((await office.engine.shown(run_id, "send.3")).facts)["Text"] == "draft 2"
        await office.decide(run_id, "send.3", MEGAN, "approve")
        await asked(office, run_id, "hold.2")
        assert [each.text for each in office.sent] == ["the secret of draft 1", "draft 2"]  # type: ignore[attr-defined]


async def test_a_change_stays_where_what_was_taken_back_came_out_the_same(office: Office) -> None:
    hold = Node(approval=Question(approver=INITIATOR, title="Wait"), needs=["send"])
    async with opened(office):
        run_id = await office.run(with_needs(plan(draft=DRAFT, send=SEND, hold=hold)))
        first = await asked(office, run_id, "send.1")
        await office.engine.edit(run_id, "send.1", by=MEGAN, shown=first.entry, fields={"text": "changed"})
        await decide(office, run_id, "send.2", "approve")
        await asked(office, run_id, "hold.1")
        taken = c.RetractEntry(entry=await entry_of(office, run_id, "draft"), by=MEGAN, task="draft")
        await office.send(run_id, taken)
        run = await office.until(run_id, lambda r: any(each.id == "hold.2" for each in r.approvals))
        assert [each.id for each in run.approvals] == ["send.1", "send.2", "hold.1", "hold.2"]


async def test_everybody_who_asked_back_is_told_the_reply(office: Office) -> None:
    ask: dict[str, Any] = {"approvers": "${tasks.who.people}", "title": "Pay?", "quorum": 2, "not_initiator": True}
    async with opened(office):
        run_id = await office.run(with_needs(plan(who=WHO, ask=Node(approval=Question(**ask)))))
        question = await asked(office, run_id, "ask.1")
        for by in (ALEX, ADELE):
            await office.send(run_id, c.AskBack(approval="ask.1", by=by, shown=question.entry, text="Why?"))
        await office.send(run_id, c.Explain(approval="ask.1", by=MEGAN, text="It is due"))
        told = {("reply:ask.1:3", ALEX.id), ("reply:ask.1:3", ADELE.id)}
        await office.until(run_id, lambda r: told <= set(r.receipts))


async def test_an_edit_without_content_changes_nothing(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(with_needs(plan(draft=DRAFT, send=SEND)))
        question = await asked(office, run_id, "send.1")
        with pytest.raises(Invalid, match="Nothing was changed"):
            await office.send(run_id, c.EditArguments(approval="send.1", by=MEGAN, shown=question.entry, entry=""))


async def test_nobody_can_foresee_the_key_of_a_write(office: Office) -> None:
    """What carries it at the target is taken for the run's own write; run and task are in the data of every card."""
    keys: list[str] = []

    async def send(draft: Draft, task: TaskContext) -> Draft:
        keys.append(task.idempotency_key)
        return draft

    office.registry.add(
        worker("post", title="Post", effect="write", system="Test", preview=lambda _: Preview("Post", []))(send)
    )
    async with opened(office):
        for _ in range(2):
            run_id = await office.run(with_needs(plan(draft=DRAFT, send=Node(capability="post", with_=SEND.with_))))
            await decide(office, run_id, "send.1", "approve")
            await office.until(run_id, lambda r: of(r, "send").status == "succeeded")
    secrets = [key.rpartition(".")[2] for key in keys]
    assert len({*secrets}) == 2
    assert all(len(secret) == 16 for secret in secrets)
