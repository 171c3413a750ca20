"""What approvers do with a question other than answer it: hand on, ask back, have it done differently, change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.plan import Node
from orchestration.core.view import ApprovalView, RunView
from orchestration.errors import AlreadyDecided, Invalid, NotPermitted, Outdated
from orchestration.planning.compiler import with_needs
from tests.support.office import ALEX, MEGAN, Number, Office, opened, plan
from tests.unit.engines.test_asking import ADELE, WHO, People, asking


class Draft(msgspec.Struct):
    """A text and how often somebody wanted it done differently."""

    text: str
    to: list[str] = []
    copies: int = 1


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.sent = []  # type: ignore[attr-defined]

    async def people(_: Number, __: TaskContext) -> People:
        return People([ALEX, ADELE, MEGAN], ALEX, ADELE)

    async def write_up(_: Number, task: TaskContext) -> Draft:
        return Draft(" and ".join(["a draft", *task.feedback]), ["adele@contoso.example"])

    async def send(draft: Draft, _: TaskContext) -> Draft:
        office.sent.append(draft)  # type: ignore[attr-defined]
        return draft

    office.registry.add(worker("people", title="People")(people))
    office.registry.add(worker("write_up", title="Draft", takes_feedback=True)(write_up))
    office.registry.add(
        worker(
            "send",
            title="Send",
            effect="write",
            system="Test",
            preview=lambda draft: Preview("Send it", [("Text", draft.text)]),
            editable=("text", "to"),
        )(send)
    )
    return office


DRAFT = Node(capability="write_up")
SEND = Node(capability="send", with_={"text": "${tasks.draft.text}", "to": "${tasks.draft.to}"}, needs=["draft"])


async def asked(office: Office, run_id: str, which: str) -> ApprovalView:
    run = await office.until(run_id, lambda r: any(each.id == which and each.open for each in r.approvals), which)
    return one(run, which)


def one(run: RunView, which: str) -> ApprovalView:
    return next(each for each in run.approvals if each.id == which)


async def history(office: Office, run_id: str) -> list[e.Event]:
    return [decode(row.body) for row in await office.engine._store.events(run_id)]


async def question(office: Office, **more: Any) -> tuple[str, ApprovalView]:
    tasks = {"who": WHO, "ask": asking(delegates="${tasks.who.people}", **more)}
    run_id = await office.run(with_needs(plan(**tasks)))
    return run_id, await asked(office, run_id, "ask.1")


# --- handing on


async def test_a_colleague_answers_instead_and_nobody_else_may(office: Office) -> None:
    async with opened(office):
        run_id, ask = await question(office)
        assert [person.id for person in ask.delegates] == [ADELE.id, MEGAN.id]
        hand = c.DelegateApproval(approval="ask.1", by=ALEX, to=ADELE.id, shown=ask.entry, comment="I am away")
        with pytest.raises(NotPermitted, match="for Alex Wilber"):
            await office.send(run_id, msgspec.structs.replace(hand, by=MEGAN))
        run = await office.send(run_id, hand)
        assert one(run, "ask.1").approvers == [ADELE]
        await office.until(run_id, lambda r: ("approval:ask.1", ADELE.id) in r.receipts)
        with pytest.raises(NotPermitted, match="handed this question to Adele Vance"):
            await office.decide(run_id, "ask.1", ALEX, "approve")
        with pytest.raises(Invalid, match="asked already"):
            await office.send(run_id, msgspec.structs.replace(hand, by=ADELE, to=ADELE.id))
        with pytest.raises(NotPermitted, match="possible are"):
            await office.send(run_id, msgspec.structs.replace(hand, by=ADELE, to="oid-stranger"))
        run = await office.decide(run_id, "ask.1", ADELE, "approve")
        assert one(run, "ask.1").decided_by == ADELE
        assert one(run, "ask.1").delegated == [(ALEX, ADELE)]


async def test_separation_of_duties_holds_for_whom_a_question_is_handed_to(office: Office) -> None:
    async with opened(office):
        run_id, ask = await question(office, not_initiator=True)
        assert [person.id for person in ask.delegates] == [ADELE.id]
        hand = c.DelegateApproval(approval="ask.1", by=ALEX, to=MEGAN.id, shown=ask.entry)
        with pytest.raises(NotPermitted, match="possible are Adele Vance"):
            await office.send(run_id, hand)


async def test_a_group_of_approvers_is_everybody_but_the_initiator_where_duties_are_separate(office: Office) -> None:
    async with opened(office):
        _, ask = await question(office, approver="", approvers="${tasks.who.people}", not_initiator=True)
        assert ask.approvers == [ALEX, ADELE]


# --- asking back


async def test_an_approver_asks_back_and_is_told_the_reply_and_then_decides(office: Office) -> None:
    async with opened(office):
        run_id, ask = await question(office)
        back = c.AskBack(approval="ask.1", by=ALEX, text="Which supplier?", shown=ask.entry)
        with pytest.raises(Invalid, match="write what you would like to know"):
            await office.send(run_id, msgspec.structs.replace(back, text="  "))
        with pytest.raises(AlreadyDecided, match="Nobody waits for a reply"):
            await office.send(run_id, c.Explain(approval="ask.1", by=MEGAN, text="Fabrikam"))
        await office.send(run_id, back)
        await office.until(run_id, lambda r: ("back:ask.1:1", MEGAN.id) in r.receipts)
        assert office.surface.asked_back == [("ask.1", "Which supplier?")]
        with pytest.raises(NotPermitted, match="Only Megan Bowen"):
            await office.send(run_id, c.Explain(approval="ask.1", by=ALEX, text="Fabrikam"))
    async with opened(office):  # a question to the initiator survives a restart
        await office.send(run_id, c.Explain(approval="ask.1", by=MEGAN, text="Fabrikam"))
        await office.until(run_id, lambda r: ("reply:ask.1:2", ALEX.id) in r.receipts)
        assert office.surface.replies == [("ask.1", "Fabrikam", ALEX)]
        run = await office.decide(run_id, "ask.1", ALEX, "approve")
        assert [(remark.by, remark.text) for remark in one(run, "ask.1").remarks] == [
            (ALEX, "Which supplier?"),
            (MEGAN, "Fabrikam"),
        ]


async def test_nobody_asks_back_in_a_run_of_their_own(office: Office) -> None:
    async with opened(office):
        run_id, ask = await question(office, approver="${run.initiator}")
        with pytest.raises(Invalid, match="your own"):
            await office.send(run_id, c.AskBack(approval="ask.1", by=MEGAN, text="Why?", shown=ask.entry))


# --- feedback to a worker


async def test_feedback_has_the_draft_done_again_and_says_what_changed(office: Office) -> None:
    ask = asking(approver="${run.initiator}", text="${tasks.draft.text}", revises="draft")
    async with opened(office):
        run_id = await office.run(with_needs(plan("sent", who=WHO, draft=DRAFT, ask=ask, beside=DRAFT)))
        first = await asked(office, run_id, "ask.1")
        await office.until(run_id, lambda r: all(t.status == "succeeded" for t in r.tasks if t.name == "beside"))
        say = c.GiveFeedback(approval="ask.1", by=MEGAN, text="shorter", shown=first.entry)
        with pytest.raises(Invalid, match="what shall be different"):
            await office.send(run_id, msgspec.structs.replace(say, text=""))
        await office.send(run_id, say)
        second = await asked(office, run_id, "ask.2")
        assert one(await office.engine.view(run_id), "ask.1").replaced
        shown = await office.engine.shown(run_id, "ask.2")
        assert shown.text == "a draft and shorter"
        assert [(each.label, each.before, each.now) for each in shown.changed] == [
            ("Text", "a draft", "a draft and shorter")
        ]
        with pytest.raises(AlreadyDecided, match="a newer card asks"):
            await office.send(run_id, say)
        await office.send(run_id, msgspec.structs.replace(say, approval="ask.2", shown=second.entry, text="funnier"))
        await asked(office, run_id, "ask.3")
        assert (await office.engine.shown(run_id, "ask.3")).text == "a draft and shorter and funnier"
        run = await office.decide(run_id, "ask.3", MEGAN, "approve")
        run = await office.finish(run_id)
        begun = [each.task for each in await history(office, run_id) if isinstance(each, e.TaskStarted)]
        assert (run.status, begun.count("draft"), begun.count("beside"), begun.count("who")) == ("succeeded", 3, 1, 1)


async def test_who_gave_the_feedback_on_behalf_of_another_is_asked_about_the_new_draft(office: Office) -> None:
    ask = asking(text="${tasks.draft.text}", revises="draft", delegates="${tasks.who.people}")
    async with opened(office):
        run_id = await office.run(with_needs(plan(who=WHO, draft=DRAFT, ask=ask)))
        first = await asked(office, run_id, "ask.1")
        await office.send(run_id, c.DelegateApproval(approval="ask.1", by=ALEX, to=ADELE.id, shown=first.entry))
        await office.send(run_id, c.GiveFeedback(approval="ask.1", by=ADELE, text="shorter", shown=first.entry))
        assert (await asked(office, run_id, "ask.2")).approvers == [ADELE]


async def test_what_takes_no_feedback_is_not_done_differently(office: Office) -> None:
    async with opened(office):
        run_id, ask = await question(office)
        with pytest.raises(NotPermitted, match="cannot be done differently"):
            await office.send(run_id, c.GiveFeedback(approval="ask.1", by=ALEX, text="x", shown=ask.entry))


# --- changing what is written


async def test_exactly_what_was_changed_and_then_allowed_is_written(office: Office) -> None:
    async with opened(office):
        run_id = await office.run(plan("sent", draft=DRAFT, send=SEND))
        first = await asked(office, run_id, "send.1")
        shown = await office.engine.shown(run_id, "send.1")
        assert [(field.name, field.value, field.multiline) for field in shown.fields] == [
            ("text", "a draft", False),
            ("to", "adele@contoso.example", True),
        ]
        changed = {"text": "another draft", "to": "alex@contoso.example\n megan@contoso.example \n"}
        edit = office.engine.edit
        with pytest.raises(Invalid, match="'copies' of send cannot be changed"):
            await edit(run_id, "send.1", by=MEGAN, shown=first.entry, fields={"copies": "9"})
        with pytest.raises(NotPermitted, match="for Megan Bowen"):
            await edit(run_id, "send.1", by=ALEX, shown=first.entry, fields=changed)
        with pytest.raises(Outdated):
            await edit(run_id, "send.1", by=MEGAN, shown="something else", fields=changed)
        await edit(run_id, "send.1", by=MEGAN, shown=first.entry, fields=changed)
        second = await asked(office, run_id, "send.2")
        assert second.entry != first.entry
        shown = await office.engine.shown(run_id, "send.2")
        assert shown.facts == [("Text", "another draft")]
        assert [(each.label, each.before, each.now) for each in shown.changed] == [
            ("Text", "a draft", "another draft"),
            ("To", "adele@contoso.example", "alex@contoso.example\nmegan@contoso.example"),
        ]
        with pytest.raises(AlreadyDecided, match="a newer card asks"):
            await office.decide(run_id, "send.1", MEGAN, "approve")
        assert office.sent == []  # type: ignore[attr-defined]
        await edit(run_id, "send.2", by=MEGAN, shown=second.entry, fields={"text": "the last draft"})
        await asked(office, run_id, "send.3")
    async with opened(office):  # and what was changed survives a restart
        await office.decide(run_id, "send.3", MEGAN, "approve")
        await office.finish(run_id)
        people = ["alex@contoso.example", "megan@contoso.example"]
        assert office.sent == [Draft("the last draft", people)]  # type: ignore[attr-defined]


# --- what is refused


async def test_every_refused_answer_is_an_event_once(office: Office) -> None:
    async with opened(office):
        run_id, _ = await question(office)
        for _ in range(2):
            with pytest.raises(NotPermitted):
                await office.decide(run_id, "ask.1", ADELE, "approve")
            with pytest.raises(Outdated):
                await office.engine.decide(run_id, "ask.1", by=ALEX, shown="older", choice="approve")
        await office.decide(run_id, "ask.1", ALEX, "approve")
        with pytest.raises(AlreadyDecided):
            await office.decide(run_id, "ask.1", ALEX, "reject")
        await office.finish(run_id)
        refused = [each for each in await history(office, run_id) if isinstance(each, e.AnswerRefused)]
        assert [(each.by.id, each.code) for each in refused] == [
            (ADELE.id, "not_permitted"),
            (ALEX.id, "outdated"),
            (ALEX.id, "already_decided"),
        ]
