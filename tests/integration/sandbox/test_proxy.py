from typing import Any

import jwt
import pytest
from yarl import URL

from tests.integration.sandbox.world import World


def activity(world: World, **other: Any) -> dict[str, Any]:
    megan = world.sandbox.tenant.people["megan"]
    about = {"id": megan.teams_id, "aadObjectId": megan.id, "name": megan.name}
    return {
        "type": "message",
        "text": "hello",
        "from": about,
        "serviceUrl": world.windows[0]["service_url"],
        "channelId": "msteams",
        **other,
    }


async def test_an_activity_reaches_the_bot_with_a_channel_token(world: World) -> None:
    world.bot.status, world.bot.body = 201, {"id": "7"}
    status, answer = await world.ask("POST", world.windows[0]["endpoint"], json=activity(world))
    assert (status, answer) == (201, {"id": "7"})
    _, _, headers, got = world.bot.seen[-1]
    assert got == activity(world)
    token = headers["Authorization"].removeprefix("Bearer ")
    _, metadata = await world.ask("GET", world["CHANNEL_METADATA_URL"])
    _, keys = await world.ask("GET", metadata["jwks_uri"])
    assert keys["keys"][0]["endorsements"] == ["msteams"]
    key = jwt.PyJWK(keys["keys"][0])
    issuer = world["CHANNEL_ISSUER"]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=world["APP_ID"], issuer=issuer)
    assert claims["serviceurl"] == world.windows[0]["service_url"]


async def test_the_window_signs_for_nobody_else(world: World) -> None:
    alex = world.sandbox.tenant.people["alex"]
    megan = world.sandbox.tenant.people["megan"]
    for sender in (
        {"id": alex.teams_id, "aadObjectId": alex.id},
        {"id": megan.teams_id, "aadObjectId": alex.id},
        {"id": alex.teams_id, "aadObjectId": megan.id},
    ):
        status, _ = await world.ask("POST", world.windows[0]["endpoint"], json=activity(world, **{"from": sender}))
        assert status == 403
    assert world.bot.seen == []


async def test_another_service_url_is_refused_with_the_way_out(world: World) -> None:
    other = activity(world, serviceUrl="http://localhost:1/_connector")
    status, answer = await world.ask("POST", world.windows[0]["endpoint"], json=other)
    assert status == 403
    assert f"--service-url {world.windows[0]['service_url']}" in answer["error"]["message"]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"type": "message"}', '{"from": null, "serviceUrl": ""}'])
async def test_what_is_no_activity_does_not_reach_the_bot(world: World, body: str) -> None:
    assert (await world.ask("POST", world.windows[0]["endpoint"], data=body))[0] == 400
    assert world.bot.seen == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost:56151"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_browsers_and_foreign_hosts_are_refused(world: World, headers: dict[str, str]) -> None:
    status, _ = await world.ask("POST", world.windows[0]["endpoint"], json=activity(world), headers=headers)
    assert status == 403
    assert world.bot.seen == []


async def test_a_reply_of_the_bot_passes_with_status_body_and_path(world: World) -> None:
    world.playground.status, world.playground.body = 201, {"id": "reply"}
    url = URL(f"{world.windows[0]['service_url']}/v3/conversations/a%3A1/activities?x=1", encoded=True)
    status, answer = await world.ask("POST", url, await world.bot_token(), json={"type": "message"})
    assert (status, answer) == (201, {"id": "reply"})
    method, path, headers, body = world.playground.seen[-1]
    assert (method, path) == ("POST", "/_connector/v3/conversations/a%3A1/activities?x=1")
    assert body == {"type": "message"}
    assert "Authorization" not in headers


async def test_throttling_of_the_channel_passes_with_retry_after(world: World) -> None:
    world.playground.status = 429
    url = f"{world.windows[0]['service_url']}/v3/conversations/a%3A1/activities"
    headers = {"Authorization": f"Bearer {await world.bot_token()}"}
    async with world.http.post(url, headers=headers, json={}) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "7")


async def test_a_reply_without_the_bots_token_is_refused(world: World) -> None:
    url = f"{world.windows[0]['service_url']}/v3/conversations"
    channel = world.sandbox.mint.channel_token(world.windows[0]["service_url"])
    for token in (None, "garbage", channel, await world.graph("megan")):
        assert (await world.ask("POST", url, token, json={}))[0] == 401
    other = world.sandbox.mint.app_token(world["SSO_APP_ID"], "https://api.botframework.com")
    assert (await world.ask("POST", url, other, json={}))[0] == 403
    assert world.playground.seen == []


async def test_the_playgrounds_probe_says_whether_the_bot_is_there(world: World) -> None:
    async with world.http.head(world.windows[0]["endpoint"]) as response:
        assert response.status == 200
    world.bot.status = 503
    async with world.http.head(world.windows[0]["endpoint"]) as response:
        assert response.status == 503


async def test_a_chat_is_opened_only_with_whoever_has_a_window_and_is_their_own(world: World) -> None:
    bot = {"Authorization": f"Bearer {await world.bot_token()}"}
    url = f"{world.windows[0]['service_url']}/v3/conversations"
    people = world.sandbox.tenant.people
    megan = {"members": [{"id": people["megan"].id}], "isGroup": False}
    status, made = await world.ask("POST", url, json=megan, headers=bot)
    assert (status, made["serviceUrl"]) == (201, world.windows[0]["service_url"])
    for refused in ({"members": [{"id": people["alex"].id}]}, {**megan, "isGroup": True}, {"members": [{"id": "x"}]}):
        assert (await world.ask("POST", url, json=refused, headers=bot))[0] == 403
    for odd in ({}, {"members": []}, {"members": [{"id": 1}, {"id": 2}]}, []):
        assert (await world.ask("POST", url, json=odd, headers=bot))[0] == 400
    assert (await world.ask("POST", url, json=megan))[0] == 401
    assert world.playground.seen == []
