"""Attacks on the bot's only door, over real HTTP and with real keys."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.web import LARGEST_BYTES
from tests.integration.bot.conftest import Channel

STRANGER = "99999999-9999-4999-8999-999999999999"


def forged(channel: Channel, over: dict[str, Any], *, key: Any = None, alg: str = "RS256", kid: str = "") -> str:
    """A channel token with some claims, the key or the way of signing changed."""
    signer = channel.sandbox.mint.keys.channel
    good = channel.sandbox.mint.channel_token(channel.sandbox.windows[0].service_url)
    claims = {**jwt.decode(good, options={"verify_signature": False}), **over}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, signer.private if key is None else key, algorithm=alg, headers={"kid": kid or signer.kid})


def confused(channel: Channel) -> str:
    """Signed symmetrically with the channel's public key, which everybody knows."""
    signer = channel.sandbox.mint.keys.channel
    public = signer.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    good = channel.sandbox.mint.channel_token(channel.sandbox.windows[0].service_url)
    head, body = (_b64(part) for part in ({"alg": "HS256", "typ": "JWT", "kid": signer.kid}, _claims(good)))
    import hashlib
    import hmac

    mac = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def _b64(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def knock(channel: Channel, headers: dict[str, str], **more: Any) -> tuple[int, str]:
    activity = channel.activity("megan", text="count the stock for October 2026")
    async with channel.http.post(
        f"{channel.url}/api/messages", headers=headers, **(more or {"json": activity})
    ) as answer:
        return answer.status, await answer.text()


async def nothing_happened(channel: Channel) -> None:
    assert channel.playgrounds["megan"].messages == {}
    assert await channel.teams.engine.runs() == []
    assert await channel.teams.conversations.of(channel.person("megan").id) is None


async def test_a_token_that_does_not_prove_the_channel_opens_nothing(channel: Channel) -> None:
    now, mint = int(time.time()), channel.sandbox.mint
    evil = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    person = channel.sandbox.tenant.people["megan"]
    tokens = {
        "wrong key": forged(channel, {}, key=evil),
        "unknown key": forged(channel, {}, key=evil, kid="theirs"),
        "key by path": forged(channel, {}, key=evil, kid="../../etc/passwd"),
        "wrong issuer": forged(channel, {"iss": "https://evil.example"}),
        "emulator's issuer": forged(channel, {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"}),
        "no issuer": forged(channel, {"iss": None}),
        "wrong audience": forged(channel, {"aud": STRANGER}),
        "no audience": forged(channel, {"aud": None}),
        "many audiences": forged(channel, {"aud": [STRANGER]}),
        "expired": forged(channel, {"exp": now - 3600, "iat": now - 7200, "nbf": now - 7200}),
        "not yet valid": forged(channel, {"nbf": now + 3600}),
        "without an end": forged(channel, {"exp": None}),
        "other service": forged(channel, {"serviceurl": "https://evil.example/"}),
        "no service": forged(channel, {"serviceurl": None}),
        "alg none": jwt.encode(_claims(forged(channel, {})), None, algorithm="none"),
        "alg confusion": confused(channel),
        "cut off": forged(channel, {}).rpartition(".")[0] + ".",
        "garbage": "a.b.c",
        "one part": "garbage",
        "null bytes": "%00.%00.%00",
        "a person's own token": mint.user_token(person),
        "an app's token": mint.app_token(STRANGER, channel.settings.app_id),
        "a Graph token": mint.delegated(person, channel.settings.app_id, "https://graph.microsoft.com", "User.Read"),
    }
    answers = {name: await knock(channel, {"Authorization": f"Bearer {token}"}) for name, token in tokens.items()}
    assert {name: status for name, (status, _) in answers.items() if status not in (401, 403)} == {}
    assert len({text for _, text in answers.values()}) == 1, "the answer tells nothing of what was wrong"
    await nothing_happened(channel)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic bWVnYW46cHc=", "Bearer a b", "bearer x"])
async def test_a_header_that_holds_no_token_opens_nothing(channel: Channel, header: str | None) -> None:
    status, _ = await knock(channel, {} if header is None else {"Authorization": header})
    assert status == 401
    await nothing_happened(channel)


async def test_a_good_token_does_not_vouch_for_another_service_url(channel: Channel) -> None:
    """Replies would go, with the bot's own token, to whatever address the activity names."""
    token = channel.sandbox.mint.channel_token(channel.sandbox.windows[0].service_url)
    activity = {**channel.activity("megan", text="help"), "serviceUrl": "http://evil.example/"}
    status, _ = await knock(channel, {"Authorization": f"Bearer {token}"}, json=activity)
    assert status == 401


async def test_another_channel_cannot_borrow_an_account(channel: Channel) -> None:
    """A Direct Line client may write any aadObjectId: the channel's key does not endorse it, and we ask Teams only."""
    token = channel.sandbox.mint.channel_token(channel.sandbox.windows[0].service_url)
    for other in ("directline", "webchat", "email", "slack", "skype"):
        activity = {**channel.activity("megan", text="count the stock for October 2026"), "channelId": other}
        status, _ = await knock(channel, {"Authorization": f"Bearer {token}"}, json=activity)
        assert status in (201, 401), other
        assert await channel.teams.engine.runs() == []
        assert await channel.teams.conversations.of(channel.person("megan").id) is None


async def test_a_channel_that_speaks_for_another_tenant_is_told_no(channel: Channel) -> None:
    there = {"id": "a:megan", "conversationType": "personal", "tenantId": STRANGER}
    assert (await channel.send("megan", text="count the stock for October 2026", conversation=there))[0] == 201
    await channel.sees("megan", "I serve another organisation")
    assert await channel.teams.engine.runs() == []


@pytest.mark.parametrize("depth", [50, 900, 5_000, 60_000])
async def test_deep_json_is_refused_or_ignored_and_never_an_error_of_ours(channel: Channel, depth: int) -> None:
    token = channel.sandbox.mint.channel_token(channel.sandbox.windows[0].service_url)
    activity = channel.activity("megan", "invoke", name="adaptiveCard/action", value="HERE")
    deep = '{"action": {"verb": "approval.decide", "data": ' + '{"a":' * depth + "1" + "}" * depth + "}}"
    body = json.dumps(activity).replace('"HERE"', deep)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, text = await knock(channel, headers, data=body)
    assert status in (200, 400, 413), text
    assert (await channel.send("megan", text="help"))[0] == 201, "the bot goes on"


@pytest.mark.parametrize("kind", ["[", '{"a":', '[{"a":'])
async def test_json_that_only_opens_is_refused_before_its_sender_is_known(channel: Channel, kind: str) -> None:
    headers = {"Authorization": "Bearer a.b.c", "Content-Type": "application/json"}
    assert (await knock(channel, headers, data=kind * 30_000))[0] == 400


async def test_an_oversized_body_is_refused_with_and_without_a_length(channel: Channel) -> None:
    headers = {"Authorization": "Bearer a.b.c", "Content-Type": "application/json"}
    assert (await knock(channel, headers, data=b"x" * (LARGEST_BYTES + 1)))[0] == 413

    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 10_000

    assert (await knock(channel, headers, data=endless()))[0] == 413


async def test_an_activity_that_is_played_again_does_nothing_again(channel: Channel) -> None:
    for _ in range(3):
        assert (await channel.send("megan", text="count the stock for October 2026", id="replayed-1"))[0] == 201
    await channel.sees("megan", "Plan ready")
    assert len(await channel.teams.engine.runs()) == 1


@pytest.mark.parametrize(
    "name", ["task/fetch", "composeExtension/query", "fileConsent/invoke", "config/fetch", "../admin", ""]
)
async def test_an_unknown_invoke_is_not_implemented(channel: Channel, name: str) -> None:
    status, _ = await channel.send("megan", "invoke", name=name, value={"run_id": "x"})
    assert status == 501
