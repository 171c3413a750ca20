"""By which way a question reaches a person, and what the initiator is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from bot.routes import wording
from bot.routes.links import Links
from bot.routes.receipt import Routed
from orchestration.capabilities import TaskContext
from orchestration.core.plan import Answer, Node, Plan
from orchestration.errors import NotFound, NotPermitted, Refused, SignInNeeded, Unavailable
from orchestration.validation.policy import Policy
from tests.support.office import Number
from tests.unit.routes.bureau import ADELE, ALEX, APP, MEGAN, TENANT, Bureau, chat_of, gone, opened


@pytest.fixture
async def bureau(tmp_path: Path) -> AsyncIterator[Bureau]:
    async with opened(tmp_path) as made:
        yield made


def route(run: Any, person: Any = ALEX) -> Routed | None:
    return Routed.decode(run.receipts[("approval:ask.1", person.id)])


async def test_who_has_a_chat_is_asked_there_and_nowhere_else(bureau: Bureau) -> None:
    await bureau.knows(ALEX)
    run = await bureau.asked(await bureau.begin())
    assert [person for _, _, person in bureau.surface.asked] == [ALEX]
    assert (bureau.post.drafts, bureau.system.taken, bureau.doors.tried) == ({}, [], [])
    assert route(run) is None


async def test_a_chat_is_opened_with_who_has_the_app_and_never_wrote(bureau: Bureau) -> None:
    bureau.doors.installed.add(ALEX.id)
    await bureau.asked(await bureau.begin())
    assert [person for _, _, person in bureau.surface.asked] == [ALEX]
    assert bureau.post.drafts == {}


async def test_without_the_app_a_mail_goes_out_as_the_initiator_and_the_initiator_is_told(bureau: Bureau) -> None:
    run = await bureau.asked(await bureau.begin())
    assert route(run) == Routed("mail", "d1")
    (mail,) = bureau.post.drafts.values()
    assert (mail["sender"], mail["to"], bureau.post.sent) == (MEGAN, ALEX, ["d1"])
    assert bureau.surface.asked == []
    ((chat, said),) = bureau.chats.told
    assert chat == "a:megan"
    assert "Alex Wilber" in said
    assert "mail in your name" in said


async def test_the_mail_says_what_who_and_when_and_leads_to_the_chat(bureau: Bureau) -> None:
    await bureau.asked(await bureau.begin("Pay 3 invoices?", due_hours=8))
    (mail,) = bureau.post.drafts.values()
    assert mail["subject"] == "Your decision is needed: Pay 3 invoices?"
    assert "Who asks: Megan Bowen" in mail["text"]
    assert "Due: 2026-11-22 17:00 UTC" in mail["text"]
    assert f"https://teams.microsoft.com/l/chat/0/0?users=28:{APP}&tenantId={TENANT}" in mail["text"]


async def test_the_mail_and_what_the_initiator_is_told_are_in_the_initiators_language(bureau: Bureau) -> None:
    german = msgspec.structs.replace(chat_of(MEGAN), locale="de-DE")
    await bureau.conversations.remember(MEGAN, german)
    await bureau.asked(await bureau.begin("Pay 3 invoices?", due_hours=8))
    (mail,) = bureau.post.drafts.values()
    assert mail["subject"] == "Ihre Entscheidung wird gebraucht: Pay 3 invoices?"
    assert "Fällig: 22. November 2026, 17:00 UTC" in mail["text"]
    assert "Schreiben Sie dort „Status“" in mail["text"]
    ((_, said),) = bureau.chats.told
    assert "in Ihrem Namen eine E-Mail gesendet" in said


async def test_a_mail_holds_no_content_and_no_link_that_decides(bureau: Bureau) -> None:
    run = await bureau.asked(await bureau.begin(text="Supplier 4711 gets 12,000 EUR"))
    (mail,) = bureau.post.drafts.values()
    assert "4711" not in mail["subject"] + mail["text"]
    links = [line for line in mail["text"].splitlines() if "://" in line]
    assert [line for line in links if not line.startswith("https://teams.microsoft.com/l/")] == []
    for secret in (run.run_id, run.approvals[0].entry, "ask.1", "approve"):
        assert secret not in mail["text"]


async def test_the_mail_goes_out_once_however_often_the_route_is_taken(bureau: Bureau) -> None:
    run = await bureau.asked(await bureau.begin())
    shown = await bureau.engine.shown(run.run_id, "ask.1")
    receipts = {await bureau.routes.ask(run, run.approvals[0], shown, ALEX) for _ in range(3)}
    assert receipts == {run.receipts[("approval:ask.1", ALEX.id)]}
    assert (len(bureau.post.drafts), bureau.post.sent, len(bureau.chats.told)) == (1, ["d1"], 1)


async def test_a_mail_that_was_drafted_before_a_failure_is_the_one_that_is_sent(bureau: Bureau) -> None:
    bureau.post.refuse_send = Unavailable("Outlook does not answer")
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda _: bool(bureau.post.drafts))
    assert bureau.post.sent == []
    await settle(bureau)
    bureau.clock.advance(timedelta(minutes=1))
    await bureau.asked(run_id)
    assert (list(bureau.post.drafts), bureau.post.sent) == (["d1"], ["d1"])


async def settle(bureau: Bureau) -> None:
    """What goes on comes to rest: whoever could not be reached is put off."""
    async with asyncio.timeout(10):
        while not bureau.engine._delivery._unreached:  # noqa: ASYNC110 - the engine tells nobody when it puts off
            await asyncio.sleep(0.002)


async def test_a_blocked_chat_leads_to_a_mail(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    await bureau.knows(ALEX)

    async def blocked(*_: Any) -> str:
        raise gone()

    monkeypatch.setattr(bureau.surface, "ask", blocked)
    assert route(await bureau.asked(await bureau.begin())) == Routed("mail", "d1")


async def test_an_outage_of_teams_is_no_reason_for_a_mail(bureau: Bureau) -> None:
    await bureau.knows(ALEX)
    bureau.surface.away.add(ALEX.id)
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda run: bool(run.approvals))
    await settle(bureau)
    assert bureau.post.drafts == {}
    bureau.surface.away.clear()
    bureau.engine.nudge(ALEX.id)
    await bureau.asked(run_id)
    assert len(bureau.surface.asked) == 1


@pytest.mark.parametrize(
    "error",
    [SignInNeeded("Sign in."), NotPermitted("No mail."), NotFound("Nobody.")],
    ids=["signed_out", "no_consent", "unknown"],
)
async def test_where_no_mail_can_go_out_in_the_initiators_name_nobody_elses_is_used(
    bureau: Bureau, error: Exception
) -> None:
    bureau.post.refuse = error  # type: ignore[assignment]
    bureau.surface.away.add(ALEX.id)
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda run: bool(run.approvals))
    await settle(bureau)
    run = await bureau.engine.view(run_id)
    assert ("approval:ask.1", ALEX.id) not in run.receipts
    assert bureau.post.sent == []


@pytest.mark.parametrize(
    "policy",
    [Policy(capabilities={"mail.send": "deny"}), Policy(initiators={"mail.send": [ALEX.upn]})],
    ids=["denied", "for_others"],
)
async def test_where_policy_lets_the_initiator_send_no_mail_none_goes_out_in_their_name(
    bureau: Bureau, policy: Policy
) -> None:
    bureau.policy = policy
    bureau.surface.away.add(ALEX.id)
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda run: bool(run.approvals))
    await settle(bureau)
    assert (bureau.post.drafts, bureau.post.sent) == ({}, [])


async def test_a_reminder_takes_the_way_of_the_question(bureau: Bureau) -> None:
    run_id = await bureau.begin(due_hours=8, remind_hours=4)
    await bureau.asked(run_id)
    bureau.clock.advance(timedelta(hours=5))
    await bureau.until(run_id, lambda run: ("reminder:ask.1", ALEX.id) in run.receipts)
    first, second = bureau.post.drafts.values()
    assert second["subject"] == "Reminder: please answer “Pay?”"
    assert first["key"] != second["key"]
    assert bureau.surface.reminded == []


async def test_what_policy_names_goes_to_the_system_and_to_no_chat(bureau: Bureau) -> None:
    await bureau.knows(ALEX)
    bureau.name_system()
    run = await bureau.asked(await bureau.begin())
    (question,) = bureau.system.questions
    assert (question["type"], question["to"]["upn"]) == ("question", ALEX.upn)
    assert question["approval"]["shown"] == run.approvals[0].entry
    assert [choice["id"] for choice in question["approval"]["choices"]] == ["approve", "reject"]
    assert question["answer_url"] == "https://tandem.contoso.example/api/approvals/answers"
    assert (bureau.surface.asked, bureau.post.drafts) == ([], {})
    assert route(run) == Routed("workflow", "Ledger")


async def test_a_write_goes_to_the_system_of_its_capability(bureau: Bureau) -> None:
    bureau.name_system(for_capabilities=["save"], titles=[])
    nodes = {"save": Node(capability="save", with_={"n": 7})}
    plan = Plan(title="Save", tasks=nodes, answer=Answer(text="done"))
    run_id = await bureau.launch(plan)
    await bureau.asked(run_id)
    (question,) = bureau.system.questions
    assert question["approval"]["kind"] == "write"
    assert question["approval"]["facts"]


async def test_other_questions_stay_in_teams(bureau: Bureau) -> None:
    await bureau.knows(ALEX)
    bureau.name_system(titles=["Hire"])
    await bureau.asked(await bureau.begin())
    assert bureau.system.taken == []
    assert len(bureau.surface.asked) == 1


async def test_whom_the_system_may_not_vouch_for_is_asked_in_teams(bureau: Bureau) -> None:
    await bureau.knows(ALEX, ADELE)
    bureau.people = [ALEX, ADELE]
    bureau.name_system(deciders=[ADELE.upn])
    await bureau.asked(await bureau.begin(), count=2)
    assert [question["to"]["id"] for question in bureau.system.questions] == [ADELE.id]
    assert [person for _, _, person in bureau.surface.asked] == [ALEX]


async def test_a_system_that_is_down_gets_the_question_later_under_the_same_delivery(bureau: Bureau) -> None:
    bureau.name_system()
    bureau.system.answers = [web.Response(status=503)]
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda _: not bureau.system.answers)
    await settle(bureau)
    bureau.clock.advance(timedelta(minutes=1))
    await bureau.asked(run_id)
    (question,) = bureau.system.questions
    assert question["delivery"] == f"question:{run_id}:ask.1:{ALEX.id}"
    assert bureau.chats.told == []


async def test_a_system_that_refuses_is_told_to_the_initiator_and_tried_again(bureau: Bureau) -> None:
    bureau.name_system()
    bureau.system.answers = [web.Response(status=400)]
    run_id = await bureau.begin()
    await bureau.until(run_id, lambda _: bool(bureau.chats.told))
    assert "Ledger" in bureau.chats.told[0][1]
    await settle(bureau)
    bureau.clock.advance(timedelta(minutes=1))
    await bureau.asked(run_id)


async def test_the_system_is_told_when_a_question_is_over(bureau: Bureau) -> None:
    bureau.name_system()
    run_id = await bureau.begin()
    await bureau.asked(run_id)
    await bureau.decide(run_id, "ask.1", ALEX, "approve")
    await bureau.until(run_id, lambda run: ("withdrawn:ask.1", ALEX.id) in run.receipts)
    closed = bureau.system.questions[-1]
    assert (closed["type"], closed["outcome"]["choice"]) == ("closed", "approve")
    assert await bureau.database.documents("approval_route") == {}


async def test_what_ended_while_the_process_was_down_is_told_after_the_start(bureau: Bureau) -> None:
    bureau.name_system()
    run_id = await bureau.begin()
    await bureau.asked(run_id)
    bureau.system.answers = [web.Response(status=500)] * 4
    await bureau.decide(run_id, "ask.1", ALEX, "reject")
    await bureau.finish(run_id)
    await bureau.stop()
    bureau.system.answers.clear()
    bureau.database = type(bureau.database)(bureau.path / "tandem.db")
    await bureau.start()
    await bureau.until(run_id, lambda run: ("withdrawn:ask.1", ALEX.id) in run.receipts)


async def test_what_to_do_about_a_failure_is_asked_in_teams_whatever_the_system_takes(bureau: Bureau) -> None:
    async def fail(_: Number, __: TaskContext) -> Number:
        raise Refused("The target says no.")

    bureau.register("fail", fail, write=True, attempts=1)
    bureau.name_system(for_capabilities=["*"], titles=[""])
    nodes = {"fail": Node(capability="fail", on_failure="ask")}
    run_id = await bureau.launch(Plan(title="Fail", tasks=nodes, answer=Answer(text="done")))
    await bureau.asked(run_id)
    await bureau.decide(run_id, "fail.1", MEGAN, "approve")
    await bureau.asked(run_id, 2)
    assert [question["approval"]["kind"] for question in bureau.system.questions if question["type"] == "question"] == [
        "write"
    ]
    assert [shown.kind for _, shown, _ in bureau.surface.asked] == ["failure"]


@pytest.mark.parametrize("more", [{"label": "confidential"}, {"tainted": True}])
async def test_a_title_that_may_hold_what_is_protected_is_not_in_the_mail(bureau: Bureau, more: dict[str, Any]) -> None:
    await bureau.knows(ALEX)
    run = await bureau.asked(await bureau.begin("Dismiss Lee Gu?"))
    secret = msgspec.structs.replace(run.approvals[0], **more)
    said = wording.subject(run, secret, reminder=False) + wording.body(run, secret, bureau.links, reminder=False)
    assert "Lee Gu" not in said
    assert "Month-end close" in said


async def test_the_link_that_adds_the_app_is_there_where_its_id_is_known(bureau: Bureau) -> None:
    await bureau.knows(ALEX)
    run = await bureau.asked(await bureau.begin())
    links = Links(APP, TENANT, "44444444-4444-4444-8444-444444444444")
    text = wording.body(run, run.approvals[0], links, reminder=False)
    assert f"https://teams.microsoft.com/l/app/44444444-4444-4444-8444-444444444444?tenantId={TENANT}" in text
