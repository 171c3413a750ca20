"""The bot on a real channel with real tokens."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from bot.main import serve
from bot.outbound import Message
from bot.streaming import PAUSE_SECONDS
from orchestration.core.run import Person
from orchestration.errors import Invalid, Unavailable
from tests.integration.bot.conftest import Channel


async def test_a_message_comes_in_and_a_card_goes_out_with_tokens_checked_both_ways(channel: Channel) -> None:
    assert (await channel.send("megan", text="help"))[0] == 201
    chat = channel.playgrounds["megan"]
    (card,) = chat.messages.values()
    assert card["summary"] == "What I can do"
    assert card["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"


async def test_typing_is_shown_before_the_plan_card(channel: Channel) -> None:
    await channel.send("megan", text="count the stock for October 2026")
    await channel.sees("megan", "Plan ready")
    assert channel.playgrounds["megan"].types == ["typing", "message"]


async def test_nobody_gets_in_without_the_channels_token(channel: Channel) -> None:
    mint = channel.sandbox.mint
    window = channel.sandbox.windows[0]
    good = mint.channel_token(window.service_url)
    bad = {
        "none": None,
        "garbage": "a.b.c",
        "other service": mint.channel_token("http://evil.example/"),
        "a person's own token": mint.user_token(channel.sandbox.tenant.people["megan"]),
        "tampered": good[:-6] + "AAAAAA",
    }
    for name, token in bad.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{channel.url}/api/messages"
        async with channel.http.post(url, json=channel.activity("megan", text="help"), headers=headers) as answer:
            assert (answer.status, name) == (401, name)
    assert channel.playgrounds["megan"].messages == {}


async def test_two_people_from_sign_in_to_answer(channel: Channel) -> None:
    await channel.send("alex", "installationUpdate", action="add")
    await channel.send("megan", text="count the stock for October 2026")
    plan = await channel.sees("megan", "Plan ready")
    await channel.press("megan", plan, "Start")

    card = await channel.sees("megan", "/token-service/sign-in")
    assert await channel.sign_in("megan", card, by="alex") == 403
    assert await channel.teams.tokens.assertion(channel.person("megan")) is None
    assert await channel.sign_in("megan", card) == 200

    question = await channel.sees("alex", "Send decisions")
    body = await channel.press("alex", question, "Send decisions", **{"rule:amount": "right"})
    assert body["type"] == "application/vnd.microsoft.card.adaptive"
    assert "Alex Wilber" in str(body["value"])

    gate = await channel.sees("megan", "Allow")
    await channel.press("megan", gate, "Allow")
    await channel.sees("megan", "Counted 7.")
    chat = channel.playgrounds["megan"]
    await channel.until(lambda: "Finished" in chat.text(plan), "the progress card has no last update")
    await channel.until(lambda: "You are signed in" in chat.text(card), "the sign-in card still asks")
    await channel.until(
        lambda: "Send decisions" not in channel.playgrounds["alex"].text(question), "the question is still open"
    )


async def test_a_sign_in_can_be_taken_back_and_belongs_to_one_person(channel: Channel) -> None:
    megan, alex = channel.person("megan"), channel.person("alex")
    await channel.send("megan", text="count the stock for October 2026")
    await channel.press("megan", await channel.sees("megan", "Plan ready"), "Start")
    await channel.sign_in("megan", await channel.sees("megan", "/token-service/sign-in"))
    assertion = await channel.teams.tokens.assertion(megan)
    assert assertion is not None
    await channel.send("alex", text="hi")
    assert await channel.teams.tokens.assertion(alex) is None
    await channel.send("megan", text="sign out")
    assert await channel.teams.tokens.assertion(megan) is None


async def test_a_wrong_code_signs_nobody_in(channel: Channel) -> None:
    await channel.send("megan", "invoke", name="signin/verifyState", value={"state": "000000"})
    await channel.sees("megan", "did not sign you in")
    assert await channel.teams.tokens.assertion(channel.person("megan")) is None


async def test_single_sign_on_takes_the_persons_own_token_only(channel: Channel) -> None:
    people, mint = channel.sandbox.tenant.people, channel.sandbox.mint
    offer: dict[str, Any] = {"id": "o1", "connectionName": "tandem", "token": mint.user_token(people["alex"])}
    assert (await channel.send("megan", "invoke", name="signin/tokenExchange", value=offer))[0] == 412
    offer["token"] = mint.user_token(people["megan"])
    assert (await channel.send("megan", "invoke", name="signin/tokenExchange", value=offer))[0] == 200
    assert await channel.teams.tokens.assertion(channel.person("megan")) is not None


async def test_somebody_who_never_wrote_is_not_signed_in(channel: Channel) -> None:
    assert await channel.teams.tokens.assertion(Person("nobody", "Nobody")) is None


async def test_a_throttling_channel_gets_the_message_later(channel: Channel) -> None:
    channel.playgrounds["megan"].refuse = [
        web.json_response({}, status=429, headers={"Retry-After": "0.1"}),
        web.json_response({}, status=503),
    ]
    assert (await channel.send("megan", text="help"))[0] == 201
    await channel.sees("megan", "What I can do")


async def test_many_messages_share_one_token(channel: Channel) -> None:
    before = _tokens_issued(channel)
    await asyncio.gather(*(channel.send("megan", text="help") for _ in range(20)))
    assert len(channel.playgrounds["megan"].messages) == 20
    assert _tokens_issued(channel) - before == 1


def _tokens_issued(channel: Channel) -> int:
    log = channel.sandbox.state / "sandbox" / "access.log"
    return sum("oauth2/v2.0/token" in line for line in log.read_text().splitlines()) if log.exists() else 0


async def test_a_token_service_that_is_down_is_not_taken_for_signed_out(channel: Channel) -> None:
    await channel.send("megan", text="hi")
    channel.teams.adapter.bot_framework_authentication._inner._oauth_url = "http://localhost:9"
    with pytest.raises(Unavailable):
        await channel.teams.tokens.assertion(channel.person("megan"))


async def test_a_taken_port_is_named_with_the_way_out(channel: Channel) -> None:
    with pytest.raises(Invalid, match=f"Port {channel.settings.port} is taken.*TANDEM_PORT"):
        await serve(channel.teams, channel.settings, asyncio.Event())


async def test_the_health_check_answers(channel: Channel) -> None:
    async with channel.http.get(f"{channel.url}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(channel.settings.port))) == 0


async def test_a_stream_is_shown_ended_and_its_message_updated(channel: Channel) -> None:
    await channel.send("megan", text="hi")
    who = await channel.teams.conversations.of(channel.person("megan").id)
    assert who is not None
    outbound, chat = channel.teams.outbound, channel.playgrounds["megan"]
    await outbound.hint(who.conversation, "Reading SAP …")
    await asyncio.sleep(PAUSE_SECONDS)
    await outbound.hint(who.conversation, "Reading Dynamics …")
    receipt = await outbound.send(who.conversation, Message(summary="The whole answer", text="The whole answer"))
    assert [each["type"] for each in chat.streams] == ["typing", "message"]
    await outbound.update(who.conversation, receipt.activity, Message(summary="s", text="The whole answer, corrected"))
    assert "corrected" in chat.text(receipt.activity)
