"""Group chats and channels: neutral words there, everything else in people's own chats."""

from __future__ import annotations

from typing import Any

import pytest

from bot import texts
from bot.groups import standing
from bot.inbound import read
from bot.outbound import Member
from orchestration.errors import Unavailable
from tests.support.chat import ALEX, MEGAN, TENANT, Bubble, Desk, activity, buttons

CHANNEL = "19:general@thread.tacv2"
THREAD = f"{CHANNEL};messageid=17"
BOT = {"type": "mention", "mentioned": {"id": "28:bot", "name": "Tandem"}, "text": "<at>Tandem</at>"}
GOAL = "<at>Tandem</at> count the stock for October 2026"


def there(id_: str = THREAD, kind: str = "channel") -> dict[str, Any]:
    return {
        "conversation": {"id": id_, "conversationType": kind, "tenantId": TENANT, "isGroup": True},
        "channelData": {"tenant": {"id": TENANT}, "team": {"id": CHANNEL}},
    }


def mentioned(text: str = GOAL, id_: str = THREAD, kind: str = "channel") -> dict[str, Any]:
    return {"text": text, "entities": [BOT], **there(id_, kind)}


def thread(desk: Desk, id_: str = THREAD) -> list[Bubble]:
    return desk.outbound.chats.get(id_, [])


async def met(desk: Desk) -> None:
    """Both have personal chats."""
    for person in (MEGAN, ALEX):
        await desk.send(person, "installationUpdate", action="add")
    desk.outbound.chats.clear()


@pytest.mark.parametrize("kind", ["channel", "groupChat"])
async def test_a_goal_said_in_a_group_is_carried_on_in_the_persons_own_chat(desk: Desk, kind: str) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned(kind=kind))
    assert "Start" in buttons(desk.last(MEGAN).card)
    (status,) = thread(desk)
    await desk.until(lambda: "A plan is ready for Megan Bowen" in status.says, "the group does not know of the plan")
    assert "Stock count" not in status.says


async def test_a_group_sees_counts_and_nothing_that_is_protected_until_the_end(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    seen: list[str] = []
    status = thread(desk)[0]
    await desk.press(MEGAN, "Start")
    await desk.sees(ALEX, "Send decisions")
    await desk.until(lambda: "one decision is waited for" in status.says, "the group does not know that it waits")
    assert "of 4 steps are done" in status.says
    seen += [bubble.says for bubble in thread(desk)]
    await desk.press(ALEX, "Send decisions", comment="as agreed", **{"rule:amount": "right"})
    await desk.sees(MEGAN, "Allow")
    await desk.press(MEGAN, "Allow")
    await desk.sees(MEGAN, "Counted 7.")
    await desk.until(lambda: "Done for Megan Bowen" in status.says, "the group does not know that it is done")
    seen += [bubble.says for bubble in thread(desk)]
    for protected in (
        "INV-1",
        "INV-2",
        "10.00",
        "as agreed",
        "Counted 7",
        "contoso.example/count",
        "Alex",
        "SharePoint",
    ):
        assert not any(protected in each for each in seen), protected
    assert not any(buttons(bubble.message.card) for bubble in thread(desk)), (
        "no buttons but the refresh of Teams itself"
    )


async def test_a_question_to_somebody_is_a_neutral_card_that_only_they_may_refresh(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    await desk.press(MEGAN, "Start")
    await desk.sees(ALEX, "Send decisions")
    await desk.until(lambda: len(thread(desk)) == 2, "the group has no card of the question")
    card = thread(desk)[1].card
    assert card["refresh"]["userIds"] == ["29:alex"]
    assert "actions" not in card
    await desk.press(ALEX, "Send decisions")
    await desk.until(lambda: "refresh" not in thread(desk)[1].card, "the card still asks for a refresh")


async def test_a_question_to_the_initiator_themselves_is_not_in_the_group(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    await desk.press(MEGAN, "Start")
    await desk.until(lambda: len(thread(desk)) == 2, "the group has no card of the question to Alex")
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")
    await desk.until(lambda: "2 of 4" in thread(desk)[0].says or "3 of 4" in thread(desk)[0].says, "no counts")
    assert len(thread(desk)) == 2


async def test_after_a_restart_the_same_card_in_the_group_goes_on(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    await desk.press(MEGAN, "Start")
    await desk.sees(ALEX, "Send decisions")
    await desk.until(lambda: len(thread(desk)) == 2, "the group has no card of the question")
    await desk.restart()
    await desk.say(MEGAN, "cancel")
    await desk.until(lambda: "Cancelled for Megan Bowen" in thread(desk)[0].says, "the group's card stands still")
    await desk.until(lambda: "refresh" not in thread(desk)[1].card, "the question is still open in the group")
    assert len(thread(desk)) == 2


async def test_a_missing_month_is_asked_in_private_and_the_group_follows_the_answer(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned("<at>Tandem</at> count the stock"))
    assert desk.last(MEGAN).message.summary == "Which month?"
    assert [bubble.says for bubble in thread(desk)] != []
    await desk.restart()
    await desk.say(MEGAN, "October 2026")
    await desk.until(lambda: "A plan is ready" in thread(desk)[0].says, "the group lost sight of the goal")


@pytest.mark.parametrize("then", ["drop", "unknown"])
async def test_a_goal_that_comes_to_nothing_is_said_so_in_the_group(desk: Desk, then: str) -> None:
    await met(desk)
    if then == "drop":
        await desk.send(MEGAN, **mentioned("<at>Tandem</at> count the stock"))
        await desk.say(MEGAN, "cancel")
    else:
        await desk.send(MEGAN, **mentioned("<at>Tandem</at> sing a song"))
        assert "I cannot do that yet" in desk.last(MEGAN).says
    assert "Nothing was started for Megan Bowen" in thread(desk)[0].says


async def test_what_is_not_said_to_the_bot_is_not_heard(desk: Desk) -> None:
    await met(desk)
    somebody = {"type": "mention", "mentioned": {"id": "29:alex", "name": "Alex"}, "text": "<at>Alex</at>"}
    await desk.say(MEGAN, "count the stock for October 2026", **there())
    await desk.say(MEGAN, "<at>Alex</at> cancel", entities=[somebody], **there())
    assert desk.outbound.chats == {}
    assert await desk.engine.runs() == []


async def test_without_a_personal_chat_the_way_to_one_is_told_and_nothing_starts(desk: Desk) -> None:
    await desk.send(MEGAN, **mentioned())
    assert [bubble.says for bubble in thread(desk)] == [texts.add_me(MEGAN)]
    assert await desk.engine.runs() == []
    assert await desk.conversations.of(MEGAN.id) is None


@pytest.mark.parametrize("word", ["status", "cancel", "sign in", "sign out"])
async def test_words_are_answered_in_the_persons_own_chat(desk: Desk, word: str) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned(f"<at>Tandem</at> {word}"))
    assert [bubble.says for bubble in thread(desk)] == [texts.group_answered()]
    assert len(desk.chat(MEGAN)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<at>Tandem</at>", texts.group_hello()),
        ("<at>Tandem</at> help", texts.group_hello()),
        ("x" * 1001, texts.too_long()),
    ],
)
async def test_help_and_oddities_are_answered_in_the_thread(desk: Desk, text: str, said: str) -> None:
    await desk.send(MEGAN, **mentioned(text))
    assert [bubble.says for bubble in thread(desk)] == [said]


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (Member(ALEX, guest=True, tenant=TENANT), texts.guest()),
        (Member(ALEX, tenant=MEGAN.id), texts.other_tenant()),
    ],
)
async def test_guests_and_people_of_other_companies_in_a_shared_channel_are_refused(
    desk: Desk, member: Member, said: str
) -> None:
    desk.outbound.members[ALEX.id] = member
    await desk.send(ALEX, **mentioned())
    assert [bubble.says for bubble in thread(desk)] == [said]
    value = {"action": {"verb": "approval.decide", "data": {}}}
    status, body = await desk.send(ALEX, "invoke", name="adaptiveCard/action", value=value, **there())
    assert (status, body["value"]) == (200, said)
    assert await desk.engine.runs() == []


async def test_an_activity_that_names_two_tenants_is_refused(desk: Desk) -> None:
    sender = {"id": "29:eve", "name": "Eve", "aadObjectId": ALEX.id, "tenantId": MEGAN.id}
    await desk.send(ALEX, **mentioned(), **{"from": sender})
    assert [bubble.says for bubble in thread(desk)] == [texts.other_tenant()]


async def test_nobody_is_served_in_a_group_while_the_channel_does_not_say_who_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> Member:
        raise Unavailable("Teams cannot be reached.")

    monkeypatch.setattr(desk.outbound, "introduce", silent)
    await desk.send(MEGAN, **mentioned())
    assert [bubble.says for bubble in thread(desk)] == [texts.who_unclear()]


async def test_a_button_that_would_show_something_to_all_works_in_private_only(desk: Desk) -> None:
    await met(desk)
    value = {"action": {"verb": "goal.say", "data": {"text": "count the stock for October 2026"}}}
    _, body = await desk.send(MEGAN, "invoke", name="adaptiveCard/action", value=value, **there())
    assert body["value"] == texts.press_in_personal()
    submitted = {"verb": "goal.say", "text": "count the stock for October 2026"}
    await desk.send(MEGAN, value=submitted, entities=[BOT], **there())
    assert [bubble.says for bubble in thread(desk)] == [texts.press_in_personal()]
    assert await desk.engine.runs() == []


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("signin/tokenExchange", {"id": "1", "connectionName": "tandem", "token": "t"}, 412),
        ("signin/verifyState", {"state": "123456"}, 200),
        ("task/fetch", {}, 501),
        ("message/submitAction", {"actionName": "feedback", "actionValue": {"reaction": "like"}}, 200),
    ],
)
async def test_nobody_signs_in_through_a_group(desk: Desk, name: str, value: Any, status: int) -> None:
    await met(desk)
    answered = await desk.send(MEGAN, "invoke", name=name, value=value, **there())
    assert answered is not None
    assert answered[0] == status
    assert desk.tokens.redeemed == []


async def test_a_message_in_a_group_that_comes_twice_counts_once(desk: Desk) -> None:
    await met(desk)
    for _ in range(2):
        await desk.send(MEGAN, **mentioned(), id="same")
    assert len(thread(desk)) == 1
    assert len(await desk.engine.runs()) == 1


async def test_a_group_does_not_become_anybodys_own_chat(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    known = await desk.conversations.of(MEGAN.id)
    assert known is not None
    assert known.conversation.id == "a:megan"


async def test_the_bot_says_what_it_does_in_a_group_when_it_is_added(desk: Desk) -> None:
    await desk.send(MEGAN, "installationUpdate", action="add", **there(CHANNEL))
    assert [bubble.says for bubble in thread(desk, CHANNEL)] == [texts.group_hello()]
    assert await desk.conversations.group(CHANNEL) is not None


@pytest.mark.parametrize(
    "gone",
    [
        {"type_": "installationUpdate", "action": "remove"},
        {"type_": "conversationUpdate", "membersRemoved": [{"id": "28:bot"}]},
        {"type_": "conversationUpdate", "eventType": "teamDeleted"},
        {"type_": "conversationUpdate", "eventType": "channelDeleted", "channel": {"id": CHANNEL}},
    ],
)
async def test_a_group_that_the_bot_has_left_is_not_written_to_any_more(desk: Desk, gone: dict[str, Any]) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    kind, place = gone.pop("type_"), there(CHANNEL)
    place["channelData"] |= {key: gone.pop(key) for key in ("eventType", "channel") if key in gone}
    nobody = {"id": "29:admin", "name": "Admin"}  # Teams does not always say whose account that was
    await desk.send(MEGAN, kind, **place, **gone, **{"from": nobody})
    assert await desk.conversations.group(THREAD) is None
    before = thread(desk)[0].versions
    await desk.press(MEGAN, "Start")
    await desk.sees(ALEX, "Send decisions")
    assert thread(desk)[0].versions == before
    assert len(thread(desk)) == 1


async def test_a_removal_of_another_tenants_making_removes_nothing(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    foreign = {**there(CHANNEL), "channelData": {"tenant": {"id": MEGAN.id}}}
    await desk.send(MEGAN, "installationUpdate", action="remove", **foreign)
    assert await desk.conversations.group(THREAD) is not None


async def test_a_group_that_takes_nothing_does_not_stop_the_run(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    desk.outbound.refusing[THREAD] = Unavailable("busy")
    await desk.press(MEGAN, "Start")
    await desk.sees(ALEX, "Send decisions")
    await desk.press(ALEX, "Send decisions")
    await desk.sees(MEGAN, "Allow")


def test_a_first_message_of_a_channel_begins_its_own_thread() -> None:
    said = activity(MEGAN, text="hi", id="42", **there(CHANNEL))
    assert read(said).conversation.id == f"{CHANNEL};messageid=42"
    assert read(activity(MEGAN, text="hi", **there(THREAD))).conversation.id == THREAD
    assert read(activity(MEGAN, text="hi", **there("19:chat@thread.v2", "groupChat"))).conversation.id == (
        "19:chat@thread.v2"
    )


def test_other_peoples_names_stay_in_what_is_said() -> None:
    alex = {"type": "mention", "mentioned": {"id": "29:alex", "name": "Alex Wilber"}, "text": "<at>Alex Wilber</at>"}
    said = read(
        activity(
            MEGAN, **mentioned("<at>Tandem</at> share the plan with <at>Alex Wilber</at>") | {"entities": [BOT, alex]}
        )
    )
    assert said.intent.text == "share the plan with Alex Wilber"  # type: ignore[union-attr]
    assert said.mentioned


async def test_every_standing_says_counts_only(desk: Desk) -> None:
    await met(desk)
    await desk.send(MEGAN, **mentioned())
    run = await desk.run()
    for status in ("proposed", "running", "closing", "succeeded", "failed", "cancelled"):
        import msgspec

        title, text, _ = standing(msgspec.structs.replace(run, status=status, message="the secret", title="the secret"))
        assert "secret" not in title + text
        assert "Megan Bowen" in title
