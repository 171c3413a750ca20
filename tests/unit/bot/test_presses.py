"""Every press is authorised and applied once: cards prove nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot import texts
from bot.cards.verdict import answered_before
from bot.inbound import LONGEST_TEXT
from orchestration.core.commands import StartRun
from tests.support.chat import ALEX, MEGAN, Desk, buttons, everything

CARD = "application/vnd.microsoft.card.adaptive"
NOTE = "application/vnd.microsoft.activity.message"


async def pressed(desk: Desk, person: Any, verb: str, data: dict[str, Any], card: str = "") -> tuple[str, Any]:
    status, body = await desk.execute(person, verb, data, card)
    assert (status, body["statusCode"]) == (200, 200)
    return body["type"], body["value"]


async def decision(desk: Desk) -> dict[str, Any]:
    """What the accountant's button would send."""
    return dict(buttons((await desk.asked()).card)["Send decisions"]["data"])


async def test_start_on_a_message_that_the_channel_calls_otherwise_keeps_the_card_there(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    data = buttons(desk.last(MEGAN).card)["Start"]["data"]
    kind, card = await pressed(desk, MEGAN, "run.start", data, card="another-id")
    assert kind == CARD
    assert "Your runs" not in str(card)
    run = await desk.engine.view(data["run_id"])
    assert "another-id" in run.receipts["progress", MEGAN.id]


async def test_start_pressed_twice_starts_once_and_shows_the_same(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    data = buttons(desk.last(MEGAN).card)["Start"]["data"]
    first = await pressed(desk, MEGAN, "run.start", data)
    second = await pressed(desk, MEGAN, "run.start", data)
    assert first[0] == second[0] == CARD
    starts = [each.type for each in await desk.store.events(data["run_id"]) if each.type == "RunStarted"]
    assert starts == ["RunStarted"]


async def test_nobody_else_starts_or_cancels_a_run_or_sees_it_by_trying(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    data = buttons(desk.last(MEGAN).card)["Start"]["data"]
    for verb in ("run.start", "run.cancel"):
        kind, said = await pressed(desk, ALEX, verb, data)
        assert kind == NOTE
        assert "Megan Bowen" in said
        assert "Stock" not in said
    await desk.press(MEGAN, "Start")
    assert (await pressed(desk, ALEX, "run.start", data))[0] == NOTE
    assert (await desk.run()).status == "running"


async def test_start_after_the_end_shows_how_it_ended(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    data = buttons(desk.last(MEGAN).card)["Start"]["data"]
    await desk.press(MEGAN, "Cancel")
    kind, card = await pressed(desk, MEGAN, "run.start", data)
    assert kind == CARD
    assert "Cancelled" in everything(card)
    assert (await desk.run()).started_at is None


async def test_a_decision_pressed_twice_is_one_decision_and_says_by_whom(desk: Desk) -> None:
    data = await decision(desk)
    first = await pressed(desk, ALEX, "approval.decide", {**data, "rule:amount": "left", "comment": "mine"})
    assert await pressed(desk, ALEX, "approval.decide", {**data, "rule:amount": "left", "comment": "mine"}) == first
    second = await pressed(desk, ALEX, "approval.decide", {**data, "rule:amount": "right", "comment": "other"})
    assert first[0] == second[0] == CARD
    assert answered_before() in everything(second[1])
    assert "other" not in everything(second[1])
    assert "Alex Wilber" in everything(first[1])
    assert (await desk.run()).approvals[0].comment == "mine"


async def test_the_wrong_person_learns_nothing_and_changes_nothing(desk: Desk) -> None:
    data = await decision(desk)
    kind, said = await pressed(desk, MEGAN, "approval.decide", data)
    assert kind == NOTE
    assert "Alex Wilber" in said
    assert "INV" not in said
    assert (await desk.run()).approvals[0].open


async def test_why_brings_the_rows_of_one_item_as_a_message_and_leaves_the_card(desk: Desk) -> None:
    data = await decision(desk)
    before = len(desk.chat(ALEX))
    kind, said = await pressed(desk, ALEX, "approval.why", {**data, "why": "i1"})
    assert (kind, said) == (NOTE, texts.see_below())
    assert len(desk.chat(ALEX)) == before + 1
    told = everything(desk.last(ALEX).card)
    assert "INV-1" in told
    assert "to the cent" in told
    assert (await desk.run()).approvals[0].open


@pytest.mark.parametrize("odd", [{}, {"why": "i2"}, {"why": "zz"}, {"why": 7}])
async def test_why_without_a_choice_that_has_reasons_says_so(desk: Desk, odd: dict[str, Any]) -> None:
    kind, said = await pressed(desk, ALEX, "approval.why", {**await decision(desk), **odd})
    assert (kind, said) == (NOTE, texts.why_which())


async def test_going_on_without_an_answer_that_the_plan_needs_is_refused(desk: Desk) -> None:
    data = await decision(desk)
    for who in (MEGAN, ALEX):
        kind, said = await pressed(desk, who, "approval.skip", data)
        assert kind == NOTE
        assert ("does not go on without" in said) == (who is MEGAN)
    assert (await desk.run()).approvals[0].open


async def test_why_is_told_only_to_who_was_asked(desk: Desk) -> None:
    data = await decision(desk)
    before = len(desk.chat(MEGAN))
    kind, said = await pressed(desk, MEGAN, "approval.why", {**data, "why": "i1"})
    assert kind == NOTE
    assert "INV" not in said
    assert len(desk.chat(MEGAN)) == before


async def test_a_decision_after_the_run_was_cancelled_is_withdrawn(desk: Desk) -> None:
    data = await decision(desk)
    await desk.say(MEGAN, "cancel")
    kind, card = await pressed(desk, ALEX, "approval.decide", data)
    assert kind == CARD
    assert "No answer needed any more" in everything(card)


async def test_an_answer_to_something_older_gets_the_newest_card(desk: Desk) -> None:
    data = await decision(desk)
    kind, card = await pressed(desk, ALEX, "approval.decide", {**data, "shown": "0" * 40})
    assert kind == CARD
    assert "Send decisions" in buttons(card)
    assert (await desk.run()).approvals[0].open


@pytest.mark.parametrize("odd", [{"rule:amount": "nonsense"}, {"item:zz": "left"}, {"choice": "nonsense"}])
async def test_an_answer_that_does_not_fit_leaves_the_card_as_it_is(desk: Desk, odd: dict[str, Any]) -> None:
    kind, said = await pressed(desk, ALEX, "approval.decide", {**await decision(desk), **odd})
    assert kind == NOTE
    assert said.endswith("Nothing was changed.")
    assert (await desk.run()).approvals[0].open


async def test_an_empty_exception_follows_the_rule(desk: Desk) -> None:
    data = await decision(desk)
    await pressed(desk, ALEX, "approval.decide", {**data, "rule:amount": "right", "item:i1": "", "item:i2": "right"})
    run = await desk.run()
    assert run.approvals[0].choice == "answer"
    assert not run.approvals[0].open


@pytest.mark.parametrize(
    ("verb", "data", "said"),
    [
        ("run.start", {"run_id": "no-such-run"}, texts.unknown_run()),
        ("run.cancel", {"run_id": 7}, texts.unknown_button()),
        ("run.cancel", {}, texts.unknown_button()),
        ("approval.decide", {"run_id": "x", "approval": "decide.1", "shown": "y"}, texts.unknown_run()),
        ("approval.decide", {"run_id": "x"}, texts.unknown_button()),
        ("approval.decide", {"run_id": "x", "approval": ["a"], "shown": "y"}, texts.unknown_button()),
        ("goal.say", {"text": ""}, texts.unknown_button()),
        ("goal.answer", {}, texts.unknown_button()),
        ("make.coffee", {}, texts.unknown_button()),
    ],
)
async def test_buttons_that_lead_nowhere_say_so(desk: Desk, verb: str, data: dict[str, Any], said: str) -> None:
    assert await pressed(desk, MEGAN, verb, data) == (NOTE, said)


async def test_an_unknown_question_of_a_known_run_changes_nothing(desk: Desk) -> None:
    data = await decision(desk)
    kind, said = await pressed(desk, ALEX, "approval.decide", {**data, "approval": "other.1"})
    assert kind == NOTE
    assert "Nothing was changed" in said


async def test_cancel_on_the_list_of_runs_gives_the_list_again(desk: Desk) -> None:
    await desk.asked()
    await desk.say(MEGAN, "status")
    listing = desk.last(MEGAN)
    await desk.press(MEGAN, "Cancel", on=listing)
    assert "Your runs" in listing.says
    assert "Cancelled" in listing.says
    assert "Cancel" not in buttons(listing.card)


async def test_a_question_is_answered_where_its_message_has_another_id_for_those_who_press(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    button = buttons(desk.last(MEGAN).card)["September 2026"]
    await pressed(desk, MEGAN, button["verb"], button["data"], "the end of a stream")
    assert (await desk.run()).params == {"month": "2026-09"}


async def test_a_button_of_an_older_question_does_not_answer_the_open_one(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    older = desk.last(MEGAN)
    stale = buttons(older.card)["September 2026"]
    await desk.say(MEGAN, "cancel")
    await desk.say(MEGAN, "count the stock")
    assert await pressed(desk, MEGAN, stale["verb"], stale["data"], older.id) == (NOTE, texts.question_over())
    assert await desk.engine.runs() == []
    await desk.press(MEGAN, "October 2026")
    assert (await desk.run()).params == {"month": "2026-10"}


async def test_two_devices_that_answer_a_question_at_once_propose_one_run(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    question = buttons(desk.last(MEGAN).card)
    both = [question["September 2026"], question["October 2026"]]
    await asyncio.gather(*(pressed(desk, MEGAN, each["verb"], each["data"]) for each in both))
    assert len(await desk.engine.runs()) == 1


async def test_an_answer_that_comes_after_newer_progress_does_not_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.send(ALEX, "installationUpdate", action="add")
    await desk.say(MEGAN, "count the stock for October 2026")
    plan, send = desk.last(MEGAN), desk.engine.send

    async def slow(run_id: str, command: Any, **named: Any) -> Any:
        applied = await send(run_id, command, **named)
        if isinstance(command, StartRun):
            await desk.until(lambda: "Waiting for Alex Wilber" in plan.says, "progress was not shown")
        return applied

    monkeypatch.setattr(desk.engine, "send", slow)
    await desk.press(MEGAN, "Start")
    assert "Waiting for Alex Wilber" not in plan.says
    await desk.until(lambda: "Waiting for Alex Wilber" in plan.says, "the older card stays")


async def test_an_endless_answer_is_cut_before_anything_reads_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.say(MEGAN, "count the stock")
    taken: list[str] = []

    async def answer(_: Any, value: str, *__: Any) -> None:
        taken.append(value)

    monkeypatch.setattr(desk.goals, "answer", answer)
    await pressed(desk, MEGAN, "goal.answer", {"value": "x" * 100_000})
    assert [len(each) for each in taken] == [LONGEST_TEXT]
