"""A chat is opened on the real channel's terms: the bot's own token, the person's own window, or not at all."""

from __future__ import annotations

from typing import Any

from bot.outbound import Message
from bot.routes.doors import Doors
from connectors.sandbox.playground import personal_chat
from tests.integration.bot.conftest import Channel


def account(channel: Channel, key: str) -> dict[str, str]:
    found = channel.sandbox.tenant.people[key]
    return {"id": found.teams_id, "name": found.name, "aadObjectId": found.id, "userPrincipalName": found.upn}


def doors(channel: Channel) -> Doors:
    return Doors(channel.teams.conversations, channel.teams.outbound, channel.settings.tenant_id)


async def test_a_colleague_who_never_wrote_gets_the_message_in_their_own_chat(channel: Channel) -> None:
    await channel.send("megan", "installationUpdate", action="add")
    channel.playgrounds["alex"].members = [account(channel, "alex")]
    who = await doors(channel).open(channel.person("alex"), channel.person("megan"))
    assert who is not None
    alex = channel.sandbox.tenant.people["alex"]
    assert who.conversation.id == personal_chat(channel.sandbox.tenant, alex)
    assert (who.conversation.user_id, who.person.upn) == (alex.teams_id, alex.upn)
    await channel.teams.outbound.send(who.conversation, Message(summary="hello", text="for Alex alone"))
    await channel.sees("alex", "for Alex alone")
    assert not any("for Alex alone" in str(each) for each in channel.playgrounds["megan"].messages.values())


async def test_without_the_app_there_is_no_chat_and_nothing_is_sent(channel: Channel) -> None:
    await channel.send("megan", "installationUpdate", action="add")
    assert await doors(channel).open(channel.person("adele"), channel.person("megan")) is None


async def test_a_chat_with_somebody_else_in_it_is_left_alone(channel: Channel) -> None:
    await channel.send("megan", "installationUpdate", action="add")
    wrong: list[Any] = [account(channel, "megan")]
    channel.playgrounds["alex"].members = wrong
    assert await doors(channel).open(channel.person("alex"), channel.person("megan")) is None
    assert await channel.teams.conversations.of(channel.person("alex").id) is None
