"""What people meet in the chat, whatever they send."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bot import inbound as i
from bot import texts
from bot.conversations import Conversation
from bot.inbound import read
from bot.outbound import Member, Message
from bot.silent_failures import failure
from orchestration.core.commands import RecordDelivery
from orchestration.core.label import Source
from orchestration.core.plan import Answer
from orchestration.errors import InvalidPlan, NotForYou, NotFound, TandemError, Unavailable
from tests.support.chat import ALEX, MEGAN, TENANT, Desk, activity, buttons, everything
from tests.support.teams import LittlePlanner

NOTE = "application/vnd.microsoft.activity.message"


async def test_whoever_adds_the_bot_is_greeted_by_name_with_goals_to_press(desk: Desk) -> None:
    nameless = {"id": "29:megan", "aadObjectId": MEGAN.id}
    await desk.send(MEGAN, "installationUpdate", action="add", **{"from": nameless})
    welcome, starters = desk.chat(MEGAN)
    assert "Hello Megan" in welcome.says
    assert buttons(welcome.card)["Count the stock"]["verb"] == "goal.say"
    assert starters.message.suggested
    for text in starters.message.suggested:
        assert isinstance(read(activity(MEGAN, text=text)).intent, i.Command), f"{text!r} is no word of ours"


async def test_an_upgrade_of_the_app_greets_nobody(desk: Desk) -> None:
    await desk.send(MEGAN, "installationUpdate", action="add-upgrade")
    assert desk.chat(MEGAN) == []


async def test_from_the_goal_to_the_answer_with_two_people(desk: Desk) -> None:
    question = await desk.asked()
    assert "Decide about 2 differences" in question.message.summary or question.message.summary == ""
    progress = desk.chat(MEGAN)[0]
    await desk.until(lambda: "Waiting for Alex Wilber" in progress.says, "the initiator does not see who is asked")

    decided = await desk.press(ALEX, "Send decisions", comment="as agreed", **{"rule:amount": "right"})
    assert "Alex Wilber" in everything(decided)
    assert "as agreed" in everything(decided)

    gate = await desk.sees(MEGAN, "Allow")
    assert "Stock count" in gate.message.summary
    await desk.press(MEGAN, "Allow")
    answer = await desk.sees(MEGAN, "Counted 7.")
    assert answer is desk.last(MEGAN), "the final answer is a new message"
    assert answer.message.summary == "Stock count: Counted 7."
    await desk.until(lambda: "Finished" in progress.says, "the progress card has no last update")
    assert "decided by Alex Wilber" in progress.says


async def test_the_plan_card_turns_into_the_progress_card(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    card = desk.last(MEGAN)
    assert card.message.summary == "Plan ready: Stock count. Start it?"
    assert set(buttons(card.card)) == {"Start", "Cancel"}
    await desk.press(MEGAN, "Start")
    assert "Cancel the run" in buttons(card.card)
    assert len(desk.chat(MEGAN)) == 1


async def test_typing_is_shown_before_the_answer_is_made(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    assert desk.outbound.typed == ["a:megan"]


async def test_a_missing_month_is_asked_for_and_a_press_answers(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    question = desk.last(MEGAN)
    assert question.message.summary == "Which month?"
    await desk.press(MEGAN, "September 2026", on=question)
    assert "Your answer: September 2026" in question.says
    assert "September 2026" in (await desk.sees(MEGAN, "Start")).says


async def test_a_missing_month_is_asked_for_and_words_answer_even_after_a_restart(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    question = desk.last(MEGAN)
    await desk.restart()
    await desk.say(MEGAN, "September")
    assert "Your answer: September" in question.says
    assert (await desk.run()).params == {"month": "2026-09"}


async def test_an_answer_that_is_not_understood_is_asked_again_naming_it(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    await desk.say(MEGAN, "Octember")
    assert "I do not know the month" in desk.last(MEGAN).says
    assert "Octember" in desk.last(MEGAN).says
    await desk.say(MEGAN, "October 2026")
    assert (await desk.run()).goal == "count the stock"


async def test_another_goal_takes_the_place_of_the_open_question(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    question = desk.last(MEGAN)
    await desk.say(MEGAN, "count the stock for August 2026")
    assert (await desk.run()).params == {"month": "2026-08"}
    assert "August" in question.says or "Not needed" in question.says


async def test_a_question_answered_twice_says_so_and_changes_nothing(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    pressed = buttons(desk.last(MEGAN).card)["September 2026"]
    await desk.execute(MEGAN, pressed["verb"], pressed["data"])
    _, body = await desk.execute(MEGAN, pressed["verb"], pressed["data"])
    assert body == {"statusCode": 200, "type": NOTE, "value": texts.question_over()}
    assert len(await desk.engine.runs()) == 1


async def test_a_question_does_not_stay_open_for_ever(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    desk.clock.advance(timedelta(hours=25))
    await desk.say(MEGAN, "September")
    assert "I cannot do that yet" in desk.last(MEGAN).says


async def test_an_unknown_goal_gets_what_the_bot_can_do(desk: Desk) -> None:
    await desk.say(MEGAN, "sing a song")
    assert "I cannot do that yet" in desk.last(MEGAN).says
    assert "sing a song" in desk.last(MEGAN).says
    assert "Count the stock" in buttons(desk.last(MEGAN).card)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("help", "What I can do"),
        ("Help!", "What I can do"),
        ("hi", "Hello Megan"),
        ("status", "Your runs"),
        ("cancel", texts.nothing_to_cancel()),
        ("sign in", texts.sign_in_not_needed()),
        ("sign out", texts.signed_out()),
        ("", texts.empty()),
        ("x" * 1001, texts.too_long()),
    ],
)
async def test_words_that_every_bot_should_know(desk: Desk, word: str, said: str) -> None:
    await desk.say(MEGAN, word)
    assert said in desk.last(MEGAN).says


async def test_one_activity_that_comes_twice_proposes_one_run_and_sends_one_card(desk: Desk) -> None:
    for _ in range(2):
        await desk.say(MEGAN, "count the stock for October 2026", id="the-same")
    assert len(await desk.engine.runs()) == 1
    assert len(desk.chat(MEGAN)) == 1


async def test_a_goal_pressed_twice_in_a_row_is_one_goal(desk: Desk) -> None:
    await desk.say(MEGAN, "help")
    for _ in range(2):
        await desk.press(MEGAN, "Count the stock")
    assert len(await desk.engine.runs()) == 1
    desk.clock.advance(timedelta(seconds=10))
    await desk.press(MEGAN, "Count the stock")
    assert len(await desk.engine.runs()) == 2


async def test_cancel_drops_an_open_question_first(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    question = desk.last(MEGAN)
    await desk.say(MEGAN, "cancel")
    assert desk.last(MEGAN).says == texts.question_dropped()
    assert "Not needed any more" in question.says


async def test_cancel_ends_the_only_run_and_its_card_says_so(desk: Desk) -> None:
    question = await desk.asked()
    progress = desk.chat(MEGAN)[0]
    await desk.say(MEGAN, "cancel")
    assert "Cancelled: Stock count." in [bubble.says for bubble in desk.chat(MEGAN)]
    await desk.until(lambda: "Cancelled" in progress.says and not buttons(progress.card), "the card was not updated")
    await desk.until(lambda: "No answer needed any more" in question.says, "the approver's card still asks")


async def test_cancel_with_several_runs_lets_the_person_choose(desk: Desk) -> None:
    for month in ("October", "August"):
        await desk.say(MEGAN, f"count the stock for {month} 2026")
    await desk.say(MEGAN, "cancel")
    assert "Your runs" in desk.last(MEGAN).says
    assert {run.status for run in await desk.engine.runs()} == {"proposed"}
    listing = desk.last(MEGAN)
    await desk.press(MEGAN, "Cancel", on=listing)
    assert sorted(run.status for run in await desk.engine.runs()) == ["cancelled", "proposed"]


async def test_a_run_cancelled_before_its_start_is_told_on_its_own_card_only(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    plan = desk.last(MEGAN)
    await desk.press(MEGAN, "Cancel")
    run = await desk.run()
    await desk.until(lambda: "Cancelled" in plan.says, "the plan card was not updated")
    assert run.status == "cancelled"
    assert desk.chat(MEGAN) == [plan]


async def test_status_shows_open_questions_again(desk: Desk) -> None:
    first = await desk.asked()
    await desk.say(ALEX, "status")
    again = desk.last(ALEX)
    assert again is not first
    await desk.press(ALEX, "Send decisions", on=again)
    assert "Alex Wilber" in again.says
    await desk.sees(MEGAN, "Allow")


async def test_adding_the_bot_anew_brings_back_what_was_in_the_chat(desk: Desk) -> None:
    await desk.asked()
    desk.outbound.chats.clear()
    await desk.restart()
    await desk.send(ALEX, "installationUpdate", action="add")
    await desk.send(MEGAN, "installationUpdate", action="add")
    await desk.sees(MEGAN, "Waiting for Alex Wilber")
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")


async def test_an_approver_without_a_chat_is_named_to_the_initiator_once_and_asked_when_they_come(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    told = await desk.sees(MEGAN, "I cannot reach Alex Wilber in Teams yet")
    desk.clock.advance(timedelta(seconds=61))
    await desk.send(ALEX, "conversationUpdate")
    await desk.sees(ALEX, "Send decisions")
    assert [each for each in desk.chat(MEGAN) if each.says == told.says] == [told]


async def test_nobody_signed_in_the_run_waits_and_goes_on_after_the_sign_in(desk: Desk) -> None:
    desk.tokens.signed_in.clear()
    await desk.send(ALEX, "installationUpdate", action="add")
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    card = await desk.sees(MEGAN, f"https://signin.example/{MEGAN.id}")
    assert card.message.summary == "Please sign in so that “Stock count” can go on"
    status, _ = await desk.send(MEGAN, "invoke", name="signin/verifyState", value={"state": "123456"})
    assert status == 200
    assert desk.tokens.redeemed == ["123456"]
    assert desk.forgotten == [MEGAN.id]
    await desk.sees(ALEX, "Send decisions")
    await desk.until(lambda: "You are signed in" in card.says, "the sign-in card still asks")


async def test_another_persons_sign_in_is_refused_and_the_run_keeps_waiting(desk: Desk) -> None:
    desk.tokens.signed_in.clear()
    desk.tokens.verdict = "other_person"
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    await desk.sees(MEGAN, "https://signin.example")
    await desk.send(MEGAN, "invoke", name="signin/verifyState", value={"state": "123456"})
    assert "belongs to another account" in desk.last(MEGAN).says
    assert (await desk.run()).awaiting_sign_in


async def test_six_digits_are_an_answer_where_no_sign_in_is_waited_for(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock")
    await desk.say(MEGAN, "202610")
    assert desk.tokens.redeemed == []
    assert "I do not know the month “202610”" in desk.last(MEGAN).says


async def test_a_guest_of_the_tenant_gets_nothing_but_the_reason(desk: Desk) -> None:
    desk.outbound.members[ALEX.id] = Member(ALEX, guest=True, tenant=TENANT)
    await desk.say(ALEX, "count the stock for October 2026")
    assert [each.says for each in desk.chat(ALEX)] == [texts.guest()]
    await desk.restart()
    status, body = await desk.execute(ALEX, "goal.say", {"text": "count the stock for October 2026"})
    assert (status, body["value"]) == (200, texts.guest())
    assert await desk.engine.runs() == []


async def test_somebody_whose_account_is_of_another_tenant_gets_nothing_in_a_personal_chat_either(desk: Desk) -> None:
    desk.outbound.members[ALEX.id] = Member(ALEX, tenant=MEGAN.id)
    await desk.say(ALEX, "count the stock for October 2026")
    assert [each.says for each in desk.chat(ALEX)] == [texts.guest()]
    assert await desk.engine.runs() == []


async def test_an_answer_cites_what_was_read_and_asks_for_an_opinion_and_a_failure_does_not(desk: Desk) -> None:
    await desk.asked()
    run, read_there = await desk.run(), Source("Stock.xlsx", "SharePoint", "https://contoso.sharepoint.com/stock")
    read_run = msgspec.structs.replace(
        run, tasks=[msgspec.structs.replace(each, sources=[read_there], status="succeeded") for each in run.tasks]
    )
    await desk.notifier.report(read_run, Answer("Counted 7."))
    assert desk.last(MEGAN).message.feedback
    assert set(desk.last(MEGAN).message.sources) == {read_there}
    await desk.notifier.report(msgspec.structs.replace(read_run, status="failed"), None)
    assert not desk.last(MEGAN).message.feedback
    assert not desk.last(MEGAN).message.sources


async def test_a_thumb_under_an_answer_is_kept_with_its_run_once(desk: Desk) -> None:
    await desk.asked()
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")
    await desk.press(MEGAN, "Allow")
    answer = await desk.sees(MEGAN, "Counted 7.")
    said = {"reaction": "like", "feedback": '{"feedbackText": "Saved me an hour"}'}
    value = {"actionName": "feedback", "actionValue": said}
    for _ in range(2):
        sent = await desk.send(
            MEGAN, "invoke", name="message/submitAction", value=value, replyToId=answer.id, id="thumb-1"
        )
        assert sent == (200, {}), "Teams takes an empty answer only"
    run = await desk.run()
    kept = [row for row in await desk.store.events(run.run_id) if row.type == "FeedbackLeft"]
    assert len(kept) == 1
    assert b"Saved me an hour" in kept[0].body
    await desk.send(MEGAN, "invoke", name="message/submitAction", value=value)
    kept = [row for row in await desk.store.events(run.run_id) if row.type == "FeedbackLeft"]
    assert len(kept) == 2, "without a message it is about the newest answer, as in the Playground"


async def test_a_thumb_under_somebody_elses_answer_is_not_kept(desk: Desk) -> None:
    await desk.asked()
    value = {"actionName": "feedback", "actionValue": {"reaction": "dislike", "feedback": ""}}
    mine = desk.chat(MEGAN)[0]
    await desk.send(ALEX, "invoke", name="message/submitAction", value=value, replyToId=mine.id)
    assert desk.last(ALEX).says == texts.feedback_unknown()
    run = await desk.run()
    assert [row for row in await desk.store.events(run.run_id) if row.type == "FeedbackLeft"] == []


async def test_whoever_has_to_wait_sees_a_sign_of_life(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> list[Any]:
        await gate.wait()
        return []

    monkeypatch.setattr(desk.engine, "runs", slow)
    asking = asyncio.ensure_future(desk.say(MEGAN, "status"))
    await desk.until(lambda: desk.outbound.typed, "no typing while the answer takes long")
    gate.set()
    await asking


async def test_a_plan_that_takes_long_is_bridged_by_a_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, plan = asyncio.Event(), LittlePlanner.plan

    async def slow(*given: Any, **named: Any) -> Any:
        await gate.wait()
        return await plan(*given, **named)

    monkeypatch.setattr("bot.goals.HINT_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(LittlePlanner, "plan", slow)
    asking = asyncio.ensure_future(desk.say(MEGAN, "count the stock for October 2026"))
    await desk.until(lambda: desk.outbound.hinted, "no line while the plan is worked out")
    gate.set()
    await asking
    assert desk.outbound.hinted == [("a:megan", texts.planning())]
    assert desk.last(MEGAN).message.summary == "Plan ready: Stock count. Start it?"


async def test_a_plan_that_takes_no_time_needs_no_line(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    assert desk.outbound.hinted == []


async def test_no_message_of_today_claims_to_be_made_by_a_model(desk: Desk) -> None:
    await desk.asked()
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")
    await desk.press(MEGAN, "Allow")
    await desk.sees(MEGAN, "Counted 7.")
    for text in ("help", "status", "sing a song", "hi"):
        await desk.say(MEGAN, text)
    messages = [bubble.message for chat in desk.outbound.chats.values() for bubble in chat]
    assert len(messages) > 8
    assert not any(message.by_model for message in messages)


async def test_a_code_typed_by_hand_signs_in_too(desk: Desk) -> None:
    desk.tokens.signed_in.clear()
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    await desk.sees(MEGAN, "https://signin.example")
    await desk.say(MEGAN, "123456")
    assert desk.tokens.redeemed == ["123456"]
    await desk.sees(MEGAN, "You are signed in")


async def test_sign_in_asks_again_with_a_new_link_for_a_run_that_waits(desk: Desk) -> None:
    desk.tokens.signed_in.clear()
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    first = await desk.sees(MEGAN, "https://signin.example")
    await desk.say(MEGAN, "sign in")
    assert "https://signin.example" in desk.last(MEGAN).says
    assert desk.last(MEGAN) is not first


async def test_single_sign_on_is_answered_with_412_when_the_token_cannot_be_exchanged(desk: Desk) -> None:
    desk.tokens.verdict = "not_signed_in"
    offer = {"id": "x1", "connectionName": "tandem", "token": "client-token"}
    status, body = await desk.send(MEGAN, "invoke", name="signin/tokenExchange", value=offer)
    assert status == 412
    assert body["id"] == "x1"
    desk.tokens.verdict = "signed_in"
    status, body = await desk.send(MEGAN, "invoke", name="signin/tokenExchange", value=offer)
    assert (status, body) == (200, {"id": "x1", "connectionName": "tandem"})


async def test_a_failed_silent_sign_in_is_told(desk: Desk) -> None:
    status, _ = await desk.send(MEGAN, "invoke", name="signin/failure", value={"code": "resourcematchfailed"})
    assert status == 200
    assert desk.last(MEGAN).says == failure("resourcematchfailed").text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"from": {"id": "29:megan", "name": "Megan"}}, texts.no_identity()),
        ({"channelId": "directline"}, texts.not_teams()),
        ({"conversation": {"id": "a:megan", "tenantId": ALEX.id}, "channelData": {}}, texts.other_tenant()),
    ],
)
async def test_whoever_cannot_be_served_is_told_why_and_nothing_happens(
    desk: Desk, more: dict[str, Any], said: str
) -> None:
    await desk.say(MEGAN, "count the stock for October 2026", **more)
    assert desk.last(MEGAN).says == said
    assert await desk.engine.runs() == []
    assert await desk.conversations.of(MEGAN.id) is None
    value = {"action": {"verb": "run.start", "data": {"run_id": "x"}}}
    status, body = await desk.send(MEGAN, "invoke", name="adaptiveCard/action", value=value, **more)
    assert (status, body["value"]) == (200, said)


async def test_a_channel_message_does_not_move_the_personal_chat(desk: Desk) -> None:
    await desk.say(MEGAN, "hi")
    elsewhere = {"id": "19:team", "tenantId": TENANT, "conversationType": "channel"}
    await desk.say(MEGAN, "hi", conversation=elsewhere)
    known = await desk.conversations.of(MEGAN.id)
    assert known is not None
    assert known.conversation.id == "a:megan"


async def test_whoever_removes_the_bot_is_not_written_to_any_more(desk: Desk) -> None:
    await desk.say(MEGAN, "hi")
    await desk.send(MEGAN, "installationUpdate", action="remove")
    assert await desk.conversations.of(MEGAN.id) is None
    await desk.restart()
    assert await desk.conversations.of(MEGAN.id) is None


@pytest.mark.parametrize(
    "value",
    [None, "text", {}, {"action": "x"}, {"action": {}}, {"action": {"verb": "run.start", "data": [1]}}],
)
async def test_a_malformed_press_is_a_bad_request(desk: Desk, value: Any) -> None:
    status, body = await desk.send(MEGAN, "invoke", name="adaptiveCard/action", value=value)
    assert status == 400
    assert body["type"] == "application/vnd.microsoft.error"


@pytest.mark.parametrize("type_", ["typing", "messageReaction", "messageUpdate", "event", "conversationUpdate", "odd"])
async def test_activities_that_want_nothing_get_nothing(desk: Desk, type_: str) -> None:
    assert await desk.send(MEGAN, type_) is None
    assert desk.chat(MEGAN) == []


async def test_an_unknown_invoke_is_not_implemented(desk: Desk) -> None:
    assert await desk.send(MEGAN, "invoke", name="composeExtension/query", value={}) == (501, None)


async def test_trouble_is_told_without_its_inside(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(desk.goals, "say", broken)
    await desk.say(MEGAN, "count the stock")
    assert desk.last(MEGAN).says == texts.trouble()
    _, body = await desk.execute(MEGAN, "goal.say", {"text": "count the stock"})
    assert body["value"] == texts.trouble()


async def test_a_channel_that_takes_nothing_does_not_break_the_turn(desk: Desk) -> None:
    desk.outbound.refusing["a:megan"] = Unavailable("Teams is down")
    await desk.say(MEGAN, "help")
    desk.outbound.refusing.clear()
    await desk.say(MEGAN, "help")
    assert "What I can do" in desk.last(MEGAN).says


async def test_a_slow_press_is_answered_in_time_and_its_card_follows(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Desk(tmp_path)
    slow.patience_seconds = 0.01
    slow._wire()
    await slow.start()
    try:
        await slow.say(MEGAN, "count the stock for October 2026")
        gate = asyncio.Event()
        send = slow.engine.send

        async def later(*args: Any, **named: Any) -> Any:
            await gate.wait()
            return await send(*args, **named)

        monkeypatch.setattr(slow.engine, "send", later)
        plan = slow.last(MEGAN)
        assert await slow.press(MEGAN, "Start") == texts.still_working()
        gate.set()
        await slow.until(lambda: "Cancel the run" in plan.says, "the card did not follow")
    finally:
        await slow.stop()


async def test_submit_buttons_of_older_clients_do_the_same(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    plan = desk.last(MEGAN)
    pressed = buttons(plan.card)["Start"]
    value = {**pressed["data"], "verb": pressed["verb"], "msteams": {"type": "invoke"}}
    await desk.send(MEGAN, "message", value=value, replyToId=plan.id)
    assert "Cancel the run" in buttons(plan.card)
    assert (await desk.run()).started_at is not None


async def test_people_do_not_wait_for_each_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    say = desk.goals.say

    async def held(who: Any, text: str, activity: str) -> None:
        if who.person.id == MEGAN.id:
            await gate.wait()
        await say(who, text, activity)

    monkeypatch.setattr(desk.goals, "say", held)
    waiting = asyncio.ensure_future(desk.say(MEGAN, "count the stock"))
    await desk.say(ALEX, "count the stock")
    assert desk.last(ALEX).message.summary == "Which month?"
    gate.set()
    await waiting


def test_the_desk_sends_what_the_channel_sends() -> None:
    read = activity(MEGAN, text="hi")
    assert read.from_property.aad_object_id == MEGAN.id
    assert Message(summary="s").card is None
    assert Conversation(id="a", service_url="s", channel_id="c", user_id="u", bot_id="b").kind == "personal"


async def test_a_message_that_comes_twice_cancels_only_what_it_meant_the_first_time(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.say(MEGAN, "help")
    await desk.say(MEGAN, "count the stock")
    for _ in range(2):
        await desk.say(MEGAN, "cancel", id="the-same")
    assert desk.last(MEGAN).says == texts.question_dropped()
    assert (await desk.run()).status == "proposed"


async def test_the_first_messages_of_a_person_stay_in_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    introduce, gate, asked = desk.outbound.introduce, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> Any:
        asked.set()
        await gate.wait()
        return await introduce(*given)

    monkeypatch.setattr(desk.outbound, "introduce", slow)
    first = asyncio.ensure_future(desk.say(MEGAN, "help"))
    await asyncio.wait_for(asked.wait(), 10)
    second = asyncio.ensure_future(desk.say(MEGAN, "status"))
    for _ in range(3):
        await desk.conversations.of(MEGAN.id)
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, second)
    assert ["What I can do" in each.says for each in desk.chat(MEGAN)] == [True, False]


async def test_a_goal_that_waited_for_the_introduction_knows_whose_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    introduce, gate, asked = desk.outbound.introduce, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> Any:
        asked.set()
        await gate.wait()
        return await introduce(*given)

    monkeypatch.setattr(desk.outbound, "introduce", slow)
    first = asyncio.ensure_future(desk.say(MEGAN, "help"))
    await asyncio.wait_for(asked.wait(), 10)
    second = asyncio.ensure_future(desk.say(MEGAN, "count the stock for October 2026"))
    for _ in range(3):
        await desk.conversations.of(MEGAN.id)
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, second)
    assert (await desk.run()).initiator.upn == MEGAN.upn


async def test_a_store_that_fails_is_told_and_not_thrown_at_the_channel(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(desk.conversations, "remember", broken)
    await desk.say(MEGAN, "help")
    assert desk.last(MEGAN).says == texts.trouble()
    status, body = await desk.execute(MEGAN, "run.start", {"run_id": "x"})
    assert (status, body["value"]) == (200, texts.trouble())


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("signin/verifyState", {"state": "123456"}, 200),
        ("signin/tokenExchange", {"id": "x1", "connectionName": "tandem", "token": "t"}, 412),
    ],
)
async def test_a_slow_sign_in_service_does_not_keep_teams_waiting(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: dict[str, Any], status: int
) -> None:
    slow = Desk(tmp_path)
    slow.patience_seconds = 0.01
    slow._wire()
    await slow.start()
    try:
        gate = asyncio.Event()
        redeem = slow.tokens.redeem

        async def later(*given: Any) -> Any:
            await gate.wait()
            return await redeem(*given)

        monkeypatch.setattr(slow.tokens, "redeem", later)
        answered, _ = await asyncio.wait_for(slow.send(MEGAN, "invoke", name=name, value=value), 10)
        assert answered == status
        gate.set()
        await slow.until(lambda: slow.forgotten == [MEGAN.id], "the sign-in was dropped")
    finally:
        await slow.stop()


async def test_a_pressed_card_that_is_gone_is_shown_anew(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock for October 2026")
    pressed = buttons(desk.last(MEGAN).card)["Start"]
    desk.outbound.chats["a:megan"].clear()
    await desk.send(MEGAN, "message", value={**pressed["data"], "verb": pressed["verb"]}, replyToId="gone")
    await desk.sees(MEGAN, "Cancel the run")
    assert not any("there is no such message" in each.says for each in desk.chat(MEGAN))


async def test_a_goal_that_cannot_be_planned_is_not_in_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def impossible(*_: Any, **__: Any) -> None:
        raise InvalidPlan(["nobody offers sap.read"])

    monkeypatch.setattr(LittlePlanner, "plan", impossible)
    await desk.say(MEGAN, "look up the salary of Adele Vance")
    assert "it cannot be done here yet" in desk.last(MEGAN).says
    assert "nobody offers sap.read" in caplog.text
    assert "salary" not in caplog.text


async def test_a_playbook_that_is_for_others_is_refused_with_who_could(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(*_: Any, **__: Any) -> None:
        raise NotForYou("stock.count", "Count the stock", ["lee.gu@contoso.example", "alex.wilber@contoso.example"])

    monkeypatch.setattr(LittlePlanner, "plan", refusing)
    await desk.say(MEGAN, "count the stock for October 2026")
    shown = desk.last(MEGAN).says
    assert "Only certain people may use" in shown
    assert "lee.gu@contoso.example" in shown
    assert "alex.wilber@contoso.example" in shown
    assert await desk.engine.runs() == []


async def test_the_tenth_sign_in_card_turns_into_signed_in_too(desk: Desk) -> None:
    desk.tokens.signed_in.clear()
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    await desk.sees(MEGAN, "https://signin.example")
    run = await desk.run()
    for number in range(2, 11):
        record = RecordDelivery(notice=f"sign_in:{number}", to=MEGAN.id, receipt="")
        await desk.engine.send(run.run_id, record)
    await desk.say(MEGAN, "sign in")
    receipts = (await desk.run()).receipts
    assert desk.last(MEGAN).id in receipts["sign_in:10", MEGAN.id]


@pytest.mark.parametrize("error", [NotFound("the chat is gone"), Unavailable("Teams is down")])
async def test_a_refusal_that_cannot_be_delivered_is_not_thrown_at_the_channel(desk: Desk, error: TandemError) -> None:
    desk.outbound.refusing["a:megan"] = error
    assert await desk.send(MEGAN, text="hi", **{"from": {"id": "29:megan", "name": "Megan"}}) is None


async def test_a_second_sign_in_without_an_id_counts_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def accepted(*_: Any) -> str:
        return "signed_in"

    desk.tokens.signed_in.clear()
    await desk.send(ALEX, "installationUpdate", action="add")
    await desk.say(MEGAN, "count the stock for October 2026")
    await desk.press(MEGAN, "Start")
    first = await desk.sees(MEGAN, "https://signin.example")
    with monkeypatch.context() as patched:
        patched.setattr(desk.tokens, "redeem", accepted)  # and yet there is no token
        await desk.send(MEGAN, "invoke", name="signin/verifyState", value={"state": "123456"}, id="")
    await desk.until(
        lambda: "https://signin.example" in desk.last(MEGAN).says and desk.last(MEGAN) is not first, "once"
    )
    await desk.send(MEGAN, "invoke", name="signin/verifyState", value={"state": "123456"}, id="")
    await desk.sees(ALEX, "Send decisions")
