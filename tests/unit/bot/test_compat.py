"""Each defect of the SDK, shown in the SDK itself, and mended by ours.

The first test of each pair fails as soon as upstream has mended the defect: then our repair can go.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import threading
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import requests
from botbuilder.core import InvokeResponse
from botbuilder.core.serializer_helper import serializer_helper
from botbuilder.integration.aiohttp import ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Activity, AdaptiveCardInvokeResponse, Entity, ResourceResponse
from botframework.connector.auth import PasswordServiceClientCredentialFactory, microsoft_app_credentials
from botframework.connector.auth.jwt_token_extractor import _OpenIdMetadata
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from msrest.exceptions import SerializationError
from msrest.universal_http.requests import ClientRetryPolicy

from bot.compat import (
    CHANNEL_SCOPE,
    KEYS_SECONDS,
    Adapter,
    BotTokens,
    ChannelKeys,
    Endpoints,
    StreamInfo,
    Unauthenticated,
    _Pool,
)
from bot.settings import Settings, read
from orchestration.errors import Unavailable
from tests.support.chat import MEGAN, activity

APP = "22222222-2222-4222-8222-222222222222"
TENANT = "11111111-1111-4111-8111-111111111111"
URL = "http://localhost:9/keys"
CARD_ANSWER = {"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": {"type": "AdaptiveCard"}}


@pytest.fixture
def settings() -> Settings:
    return read(
        {
            "TANDEM_TENANT_ID": TENANT,
            "TANDEM_APP_ID": APP,
            "TANDEM_APP_SECRET": "made-up",
            "TANDEM_SSO_APP_ID": APP,
            "TANDEM_SSO_APP_SECRET": "made-up",
            "TANDEM_CHANNEL_METADATA_URL": URL,
        }
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": kid, "endorsements": ["msteams"]}


# 1 --- replies to Action.Execute


def test_upstream_cannot_serialise_a_card_answer_that_is_serialised_already() -> None:
    once = serializer_helper(AdaptiveCardInvokeResponse(status_code=200, type="t", value={"a": 1}))
    with pytest.raises((SerializationError, AttributeError, KeyError)):
        serializer_helper(once)


@pytest.mark.parametrize(
    ("body", "plain"),
    [(CARD_ANSWER, CARD_ANSWER), ({}, {}), (None, None), (ResourceResponse(id="x"), {"id": "x"})],
)
async def test_our_adapter_passes_plain_answers_and_serialises_models_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, body: Any, plain: Any
) -> None:
    adapter = Adapter(settings)

    async def turn(*_: Any) -> InvokeResponse:
        return InvokeResponse(status=200, body=body)

    monkeypatch.setattr(adapter, "process_activity", turn)
    assert await adapter.answer(None, activity(MEGAN), lambda _: asyncio.sleep(0)) == (200, plain)


# 2 --- a quadratic list for each client


def test_upstream_looks_through_a_list_for_each_status() -> None:
    assert "safe_codes = [" in inspect.getsource(ClientRetryPolicy)


def test_ours_looks_into_a_set_with_the_same_codes() -> None:
    assert isinstance(ClientRetryPolicy.safe_codes, frozenset)
    assert sorted(ClientRetryPolicy.safe_codes) == sorted([*(code for code in range(500) if code != 408), 501, 505])
    assert 500 in ClientRetryPolicy().policy.status_forcelist


# 3 --- bad tokens


@pytest.mark.parametrize("header", ["", "Bearer a.b.c", "Bearer x"])
async def test_upstream_raises_anything_for_a_bad_token(settings: Settings, header: str) -> None:
    stock = ConfigurationBotFrameworkAuthentication(Endpoints(settings), credentials_factory=BotTokens(settings))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - that it is just anything is the point
        await stock.authenticate_request(activity(MEGAN), header)
    assert not isinstance(caught.value, PermissionError)


def token(key: Any, *, kid: str = "k1", algorithm: str = "RS256", **over: Any) -> str:
    claims = {
        "iss": "https://api.botframework.com",
        "aud": APP,
        "serviceurl": "https://smba.example/megan/",
        "iat": 1_700_000_000,
        "exp": 4_000_000_000,
    }
    return "Bearer " + jwt.encode({**claims, **over}, key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def adapter(settings: Settings, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Adapter:
    from bot.compat import ChannelKey

    monkeypatch.setattr(ChannelKeys, "_fetch", lambda _: {"k1": ChannelKey(jwk(key, "k1"))})
    return Adapter(settings)


async def test_a_good_token_proves_the_channel(adapter: Adapter, key: rsa.RSAPrivateKey) -> None:
    proof = await adapter.authenticate(activity(MEGAN), token(key))
    assert proof.claims_identity.claims["aud"] == APP


async def test_every_bad_token_is_unauthenticated(adapter: Adapter, key: rsa.RSAPrivateKey) -> None:
    evil = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unsigned = "Bearer " + jwt.encode({"iss": "https://api.botframework.com", "aud": APP}, None, algorithm="none")
    symmetric = token("x" * 40, algorithm="HS256")
    bad = {
        "missing": "",
        "basic": "Basic eDp5",
        "garbage": "Bearer a.b.c",
        "no token": "Bearer ",
        "two parts": "Bearer a b",
        "other key": token(evil),
        "unknown key": token(key, kid="k9"),
        "expired": token(key, exp=1_700_000_100),
        "not yet": token(key, nbf=3_900_000_000),
        "other audience": token(key, aud="33333333-3333-4333-8333-333333333333"),
        "other issuer": token(key, iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"),
        "other service url": token(key, serviceurl="https://evil.example/"),
        "no service url": token(key, serviceurl=""),
        "unsigned": unsigned,
        "symmetric": symmetric,
    }
    accepted = []
    for name, header in bad.items():
        with contextlib.suppress(Unauthenticated):
            await adapter.authenticate(activity(MEGAN), header)
            accepted.append(name)
    assert accepted == []


async def test_a_key_that_does_not_endorse_the_channel_proves_nothing(adapter: Adapter, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(Unauthenticated):
        await adapter.authenticate(activity(MEGAN, channelId="directline"), token(key))


# 4 --- endpoint overrides


def test_upstream_leaves_the_other_endpoints_empty_after_one_override(settings: Settings) -> None:
    only = SimpleNamespace(APP_ID=APP, OAUTH_URL="http://localhost:1")
    stock = ConfigurationBotFrameworkAuthentication(only, credentials_factory=BotTokens(settings))
    assert stock._inner._to_bot_from_channel_token_issuer is None


def test_ours_sets_every_endpoint(settings: Settings) -> None:
    ours = ConfigurationBotFrameworkAuthentication(Endpoints(settings), credentials_factory=BotTokens(settings))
    endpoints = {name: value for name, value in vars(ours._inner).items() if name.startswith(("_to_", "_oauth"))}
    assert len(endpoints) == 6
    assert all(endpoints.values())


# 5 --- streaming entities


def test_upstream_drops_what_makes_a_stream() -> None:
    sent = Activity(type="typing", entities=[Entity(type="streaminfo", streamType="informative")]).serialize()
    assert sent["entities"] == [{"type": "streaminfo"}]


def test_upstream_drops_what_makes_a_citation() -> None:
    entity = Entity(type="https://schema.org/Message", additionalType=["AIGeneratedContent"], citation=[{}])
    assert Activity(type="message", entities=[entity]).serialize()["entities"] == [
        {"type": "https://schema.org/Message"}
    ]


def test_our_entity_arrives_whole() -> None:
    info = StreamInfo(stream_type="streaming", stream_sequence=2, stream_id="s1")
    sent = Activity(type="typing", entities=[info]).serialize()
    assert sent["entities"] == [
        {"type": "streaminfo", "streamId": "s1", "streamType": "streaming", "streamSequence": 2}
    ]


# 6 --- the bot's own tokens


class CountingApp:
    made = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        type(self).made += 1

    def acquire_token_silent(self, *_: Any, **__: Any) -> None:
        return None

    def acquire_token_for_client(self, **__: Any) -> dict[str, Any]:
        return {"access_token": "t"}


async def test_upstream_asks_anew_for_every_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountingApp, "made", 0)
    monkeypatch.setattr(microsoft_app_credentials, "ConfidentialClientApplication", CountingApp)
    stock = PasswordServiceClientCredentialFactory(APP, "made-up", TENANT)
    for _ in range(2):
        login = "https://login.microsoftonline.com/" + TENANT
        (await stock.create_credentials(APP, CHANNEL_SCOPE, login, True)).get_access_token()
    assert CountingApp.made == 2


class Tokens(BotTokens):
    """Our factory with an authority of the test's own."""

    def __init__(self, settings: Settings) -> None:
        self.time = 1000.0
        self.answers: list[Any] = []
        self.asked: list[int] = []
        self.hold: threading.Event | None = None
        super().__init__(settings, now=lambda: self.time)

    async def settled(self) -> None:
        """Return when nothing is renewed any more."""
        if self._renewing is not None:
            await self._renewing

    def _acquire(self, scope: str) -> dict[str, Any]:
        self.asked.append(threading.get_ident())
        if self.hold is not None:
            self.hold.wait(10)
        answer = self.answers.pop(0) if self.answers else {"access_token": f"t{len(self.asked)}", "expires_in": 3600}
        if isinstance(answer, Exception):
            raise answer
        given: dict[str, Any] = answer
        return given


async def signed(tokens: Tokens) -> str:
    session = (await tokens.create_credentials(APP, CHANNEL_SCOPE, "", True)).signed_session()
    return str(session.headers["Authorization"])


async def test_ours_asks_once_in_a_thread_and_again_before_the_token_expires(settings: Settings) -> None:
    tokens = Tokens(settings)
    assert await asyncio.gather(*(signed(tokens) for _ in range(5))) == ["Bearer t1"] * 5
    assert len(tokens.asked) == 1
    assert tokens.asked[0] != threading.get_ident()
    tokens.time += 3600 - 299
    assert await signed(tokens) == "Bearer t1"
    await tokens.settled()
    assert await signed(tokens) == "Bearer t2"
    assert len(tokens.asked) == 2


async def test_an_authority_that_hangs_keeps_nobody_waiting_while_the_token_is_good(settings: Settings) -> None:
    tokens = Tokens(settings)
    await signed(tokens)
    tokens.time += 3400
    answering = threading.Event()
    tokens.hold = answering
    try:
        assert await asyncio.wait_for(asyncio.gather(*(signed(tokens) for _ in range(5))), 5) == ["Bearer t1"] * 5
    finally:
        answering.set()
    await tokens.settled()
    assert await signed(tokens) == "Bearer t2"
    assert len(tokens.asked) == 2


async def test_an_authority_that_is_down_hurts_only_when_the_token_has_run_out(settings: Settings) -> None:
    tokens = Tokens(settings)
    await signed(tokens)
    tokens.answers = [requests.ConnectionError("down")] * 2
    tokens.time += 3400
    assert await signed(tokens) == "Bearer t1"
    await tokens.settled()
    tokens.time += 300
    with pytest.raises(Unavailable):
        await signed(tokens)
    tokens.time += 6
    assert await signed(tokens) == "Bearer t4"


async def test_a_wrong_secret_is_unavailable_and_not_the_senders_fault(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens(settings)
    tokens.answers = [{"error": "invalid_client", "error_description": "AADSTS7000215"}]
    with pytest.raises(Unavailable):
        await signed(tokens)
    assert "AADSTS7000215" in caplog.text


async def test_authentication_can_not_be_switched_off(settings: Settings) -> None:
    assert await BotTokens(settings).is_authentication_disabled() is False
    with pytest.raises(Unauthenticated):
        await BotTokens(settings).create_credentials("other", CHANNEL_SCOPE, "", True)


# --- beside them


def test_upstream_stumbles_over_a_key_it_does_not_know() -> None:
    metadata = _OpenIdMetadata(URL)
    metadata.keys = [{"kid": "k1"}]
    with pytest.raises(IndexError):
        metadata._find("k2")


async def test_a_new_key_is_looked_for_but_not_for_every_forged_token(
    key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.compat import ChannelKey

    time, fetched = [0.0], []
    published = {"k1": ChannelKey(jwk(key, "k1"))}

    def fetch(_: ChannelKeys) -> dict[str, ChannelKey]:
        fetched.append(time[0])
        return dict(published)

    monkeypatch.setattr(ChannelKeys, "_fetch", fetch)
    keys = ChannelKeys(URL, clock=lambda: time[0])
    assert (await keys.get("k1")).endorsements == ["msteams"]
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await keys.get("k2")
    assert fetched == [0.0]
    published["k2"] = published["k1"]
    time[0] = 61.0
    await keys.get("k2")
    time[0] = 61.0 + KEYS_SECONDS
    await keys.get("k1")
    assert fetched == [0.0, 61.0, 61.0 + KEYS_SECONDS]


async def test_keys_that_cannot_be_read_are_an_outage_and_the_old_ones_serve_on(
    key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.compat import ChannelKey

    time, up = [0.0], [False]

    def fetch(_: ChannelKeys) -> dict[str, ChannelKey]:
        if not up[0]:
            raise requests.ConnectionError("down")
        return {"k1": ChannelKey(jwk(key, "k1"))}

    monkeypatch.setattr(ChannelKeys, "_fetch", fetch)
    keys = ChannelKeys(URL, clock=lambda: time[0])
    with pytest.raises(Unavailable):
        await keys.get("k1")
    up[0], time[0] = True, 6.0
    await keys.get("k1")
    up[0], time[0] = False, 6.0 + KEYS_SECONDS
    await keys.get("k1")


def test_the_shared_connections_repeat_nothing_whatever_the_sdk_sets() -> None:
    pool = _Pool()
    pool.max_retries = ClientRetryPolicy()()
    assert pool.max_retries.total == 0


async def test_a_forged_key_keeps_nobody_waiting_who_shows_a_known_one(
    key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.compat import ChannelKey

    time, answering, again = [0.0], threading.Event(), threading.Event()

    def fetch(_: ChannelKeys) -> dict[str, ChannelKey]:
        if time[0]:
            again.set()
            answering.wait(10)
        return {"k1": ChannelKey(jwk(key, "k1"))}

    monkeypatch.setattr(ChannelKeys, "_fetch", fetch)
    keys = ChannelKeys(URL, clock=lambda: time[0])
    await keys.get("k1")
    time[0] = 61.0
    forged = asyncio.ensure_future(keys.get("forged"))
    try:
        await asyncio.to_thread(again.wait, 10)
        assert (await asyncio.wait_for(keys.get("k1"), 5)).endorsements == ["msteams"]
    finally:
        answering.set()
    with pytest.raises(Unauthenticated):
        await forged
