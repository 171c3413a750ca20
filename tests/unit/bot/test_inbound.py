"""Every odd activity in a few lines."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bot import inbound as i
from bot.inbound import read
from tests.support.chat import MEGAN, TENANT, activity


def intent(type_: str = "message", **more: Any) -> i.Intent:
    return read(activity(MEGAN, type_, **more)).intent


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("  count   the\nstock ", i.Say("count the stock")),
        ("<at>Tandem</at> count the stock", i.Say("count the stock")),
        ("count\u200b the\u202e stock", i.Say("count the stock")),
        ("STATUS", i.Command("status")),
        ("cancel.", i.Command("cancel")),
        ("?", i.Command("help")),
        ("Sign Out", i.Command("sign out")),
        ("cancel my subscription", i.Say("cancel my subscription")),
        ("654321", i.SignInCode("654321")),
        ("1234567", i.Say("1234567")),
        (None, i.Empty()),
        ("\u200b", i.Empty()),
        ("x" * 1001, i.TooLong()),
        ("x" * 1000, i.Say("x" * 1000)),
    ],
)
def test_messages(text: str | None, meant: i.Intent) -> None:
    assert intent(text=text) == meant


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("adaptiveCard/action", {"action": {"verb": "v", "data": {"a": 1}}}, i.Press("v", {"a": 1}, execute=True)),
        ("adaptiveCard/action", {"action": {"verb": "v"}}, i.Press("v", {}, execute=True)),
        ("signin/verifyState", {"state": "123456"}, i.SignInCode("123456")),
        ("signin/verifyState", {"state": 5}, i.Malformed("state is missing")),
        ("signin/verifyState", {"state": "9" * 101}, i.Malformed("state is missing")),
        ("signin/failure", {"code": "c\n"}, i.SignInFailed("c")),
        ("signin/tokenExchange", {"id": "1", "connectionName": "c", "token": "t"}, i.TokenExchange("1", "c", "t")),
        ("signin/tokenExchange", None, i.TokenExchange("", "", "")),
        ("task/fetch", {}, i.Ignored()),
        (
            "message/submitAction",
            {"actionName": "feedback", "actionValue": {"reaction": "like"}},
            i.Feedback("like", ""),
        ),
        (
            "message/submitAction",
            {
                "actionName": "feedback",
                "actionValue": {"reaction": "dislike", "feedback": '{"feedbackText": "slow\\n"}'},
            },
            i.Feedback("dislike", "slow"),
        ),
        (
            "message/submitAction",
            {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": {"feedbackText": "good"}}},
            i.Feedback("like", "good"),
        ),
        (
            "message/submitAction",
            {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "plain words"}},
            i.Feedback("like", "plain words"),
        ),
        (
            "message/submitAction",
            {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "[" * 20_000}},
            i.Feedback("like", "[" * 999 + "…"),
        ),
        (
            "message/submitAction",
            {"actionName": "feedback", "actionValue": {"reaction": "love"}},
            i.Malformed("actionValue.reaction is neither like nor dislike"),
        ),
        ("message/submitAction", {"actionName": "other", "actionValue": {}}, i.Ignored()),
        ("message/submitAction", {"actionName": "feedback", "actionValue": 7}, i.Ignored()),
        ("", [], i.Ignored()),
    ],
)
def test_invokes(name: str, value: Any, meant: i.Intent) -> None:
    assert intent("invoke", name=name, value=value) == meant


def test_a_submitted_card_is_a_press_without_teams_own_data() -> None:
    value = {"verb": "run.start", "run_id": "r", "msteams": {"type": "x"}}
    assert intent(value=value) == i.Press("run.start", {"run_id": "r"}, execute=False)


@pytest.mark.parametrize(
    ("action", "meant"),
    [("add", i.Installed()), ("remove", i.Uninstalled()), ("add-upgrade", i.Ignored()), (None, i.Ignored())],
)
def test_installations(action: str | None, meant: i.Intent) -> None:
    assert intent("installationUpdate", action=action) == meant


def test_the_bot_leaving_a_chat_is_an_uninstall() -> None:
    assert intent("conversationUpdate", membersRemoved=[{"id": "28:bot"}]) == i.Uninstalled()
    assert intent("conversationUpdate", membersRemoved=[{"id": "29:other"}]) == i.Ignored()


def test_who_and_where() -> None:
    found = read(activity(MEGAN, text="hi", replyToId="m1", locale="de-DE"))
    assert found.person is not None
    assert (found.person.id, found.person.name, found.person.tenant) == (MEGAN.id, "Megan Bowen", TENANT)
    assert found.conversation.user_id == "29:megan"
    assert found.conversation.service_url == "https://smba.example/megan/"
    assert (found.reply_to, found.invoke, found.conversation.locale) == ("m1", False, "de-DE")


def test_the_tenant_may_be_in_the_channel_data_only() -> None:
    found = read(activity(MEGAN, text="hi", conversation={"id": "a:megan"}))
    assert found.conversation.tenant == TENANT


def test_the_tenant_may_be_in_the_conversation_only_where_the_sdk_overlooks_it() -> None:
    there = {"id": "a:megan", "tenantId": TENANT}
    read_by_sdk = activity(MEGAN, text="hi", conversation=there, channelData=None)
    assert read_by_sdk.conversation.tenant_id is None
    assert read(read_by_sdk).conversation.tenant == TENANT


def test_only_teams_vouches_for_a_person() -> None:
    assert read(activity(MEGAN, text="hi", channelId="directline")).person is None
    assert read(activity(MEGAN, text="hi", **{"from": {"id": "29:x"}})).person is None


def test_object_ids_are_compared_in_lower_case() -> None:
    sender = {"id": "29:x", "name": "X", "aadObjectId": MEGAN.id.upper()}
    found = read(activity(MEGAN, text="hi", **{"from": sender}))
    assert found.person is not None
    assert found.person.id == MEGAN.id


@pytest.mark.parametrize("sender", ["megan", "['x']", "x:start:y", f"{MEGAN.id}x"])
def test_what_is_no_object_id_is_nobody(sender: str) -> None:
    assert read(activity(MEGAN, text="hi", **{"from": {"id": "29:x", "aadObjectId": sender}})).person is None


def test_two_tenants_in_one_activity_are_none() -> None:
    found = read(activity(MEGAN, text="hi", channelData={"tenant": {"id": "22222222-2222-4222-8222-222222222222"}}))
    assert found.conversation.tenant == ""


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        ({"id": "a:megan"}, "personal"),
        ({"id": "19:team@thread.tacv2"}, "groupChat"),
        ({"id": "a:megan", "isGroup": True}, "groupChat"),
        ({"id": "19:team@thread.tacv2", "conversationType": "channel"}, "channel"),
    ],
)
def test_a_place_that_does_not_say_what_it_is_is_personal_only_if_it_looks_so(there: dict[str, Any], kind: str) -> None:
    assert read(activity(MEGAN, text="hi", conversation=there)).conversation.kind == kind


def test_members_that_are_none_are_ignored() -> None:
    assert intent("conversationUpdate", membersRemoved=[None]) == i.Ignored()


@pytest.mark.parametrize("text", ["<at>" * 60_000, "<at " * 60_000, "a" + "\u0301\u0316" * 30_000])
def test_a_text_made_to_be_slow_is_read_at_once(text: str) -> None:
    began = time.thread_time()
    assert intent(text=text) == i.TooLong()
    assert time.thread_time() - began < 0.5
