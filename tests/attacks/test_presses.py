"""Presses that should not count, over real HTTP and with tokens that are good: each is told apart and kept."""

from __future__ import annotations

from typing import Any

import pytest

from bot import texts
from orchestration.core import events as e
from orchestration.core.codec import decode
from tests.integration.bot import conftest as real
from tests.integration.bot.conftest import Channel
from tests.support.chat import buttons

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]
channel = real.channel
STRANGER = {"id": "29:stranger", "name": "Eve", "aadObjectId": "eeee0001-0000-4000-8000-000000000001"}
ELSEWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
async def asked(channel: Channel) -> tuple[Channel, dict[str, Any], str]:
    """Alex has the question of Megan's run: the channel, what his button sends, and his message."""
    await channel.send("alex", "installationUpdate", action="add")
    await channel.send("megan", text="count the stock for October 2026")
    await channel.press("megan", await channel.sees("megan", "Plan ready"), "Start")
    await channel.sign_in("megan", await channel.sees("megan", "/token-service/sign-in"))
    message = await channel.sees("alex", "Send decisions")
    card = channel.playgrounds["alex"].messages[message]["attachments"][0]["content"]
    return channel, buttons(card)["Send decisions"]["data"], message


async def press(channel: Channel, key: str, data: dict[str, Any], **over: Any) -> tuple[int, Any]:
    """Send a press straight to the bot, with the channel's own token: what a proxy would refuse is sent as well."""
    window = channel.sandbox.windows[real.WINDOWS.index(key)]
    action = {"type": "Action.Execute", "verb": "approval.decide", "data": data}
    made = channel.activity(key, "invoke", name="adaptiveCard/action", value={"action": action}) | over
    headers = {"Authorization": f"Bearer {channel.sandbox.mint.channel_token(window.service_url)}"}
    async with channel.http.post(f"{channel.url}/api/messages", json=made, headers=headers) as answer:
        return answer.status, await answer.json()


async def kept(channel: Channel) -> tuple[list[tuple[str, str]], list[str]]:
    """(code, name) of the refused answers in the log, and who has decided."""
    run = (await channel.teams.engine.runs(limit=1))[0]
    log = [decode(row.body) for row in await channel.teams.store.events(run.run_id)]
    refused = [(each.code, each.by.name) for each in log if isinstance(each, e.AnswerRefused)]
    return refused, [each.by.name for each in log if isinstance(each, e.ApprovalDecided)]


async def test_whoever_is_not_asked_decides_nothing_also_the_initiator(asked: Any) -> None:
    channel, data, _ = asked
    status, body = await press(channel, "megan", data)
    assert (status, "Alex Wilber" in body["value"]) == (200, True)
    status, body = await press(channel, "megan", data, **{"from": STRANGER})
    assert (status, "Alex Wilber" in body["value"]) == (200, True)
    assert await kept(channel) == ([("not_permitted", "Megan Bowen"), ("not_permitted", "Eve")], [])


async def test_the_content_of_another_card_is_not_decided(asked: Any) -> None:
    channel, data, _ = asked
    for forged in ("0" * 40, "", data["run_id"]):
        _, body = await press(channel, "alex", {**data, "shown": forged})
        assert "Decided" not in str(body)
    assert (await kept(channel)) == ([("outdated", "Alex Wilber")], [])


@pytest.mark.parametrize(
    "forged",
    [
        {"rule:amount": "bribe"},
        {"item:i99": "left"},
        {"rule:unknown": "left"},
        {"choice": "approve"},
        {"choice": "answer; drop"},
    ],
)
async def test_an_answer_that_no_card_offers_is_not_taken(asked: Any, forged: dict[str, str]) -> None:
    channel, data, _ = asked
    _, body = await press(channel, "alex", {**data, **forged})
    assert "othing was changed" in str(body)
    refused, decided = await kept(channel)
    assert ([name for _, name in refused], decided) == (["Alex Wilber"], [])


async def test_an_edited_answer_that_is_sent_again_changes_nothing_and_says_so(asked: Any) -> None:
    channel, data, message = asked
    await press(channel, "alex", {**data, "rule:amount": "left"}, replyToId=message)
    _, again = await press(channel, "alex", {**data, "rule:amount": "right", "comment": "other"}, replyToId=message)
    refused, decided = await kept(channel)
    assert (refused, decided) == ([("replayed", "Alex Wilber")], ["Alex Wilber"])
    assert "other" not in str(again).replace("another", "")


async def test_an_answer_after_the_end_is_told_so(asked: Any) -> None:
    channel, data, _ = asked
    await channel.send("megan", text="cancel")
    await channel.sees("megan", "Cancelled")
    _, body = await press(channel, "alex", data)
    assert "approval.decide" not in str(body)
    assert await kept(channel) == ([("already_decided", "Alex Wilber")], [])


async def test_another_tenant_is_refused_by_name(asked: Any) -> None:
    channel, data, _ = asked
    conversation = {"id": "a:alex", "conversationType": "personal", "tenantId": ELSEWHERE}
    _, body = await press(channel, "alex", data, conversation=conversation)
    assert body["value"] == texts.other_tenant()
    both = {**conversation, "tenantId": channel.sandbox.tenant.id}
    _, body = await press(channel, "alex", data, conversation=both, channelData={"tenant": {"id": ELSEWHERE}})
    assert body["value"] == texts.other_tenant(), "an activity that names two tenants"
    assert (await kept(channel))[1] == []
