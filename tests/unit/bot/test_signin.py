"""Whose sign-in it is decides; what the token service says is checked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from botframework.connector.token_api.models import ErrorResponseException
from msrest.exceptions import ClientRequestError

from bot.conversations import Conversation, Reachable
from bot.inbound import TokenExchange
from bot.signin import TokenServiceAssertions
from orchestration.errors import Unavailable
from tests.support.chat import ALEX, MEGAN, TENANT
from tests.support.sign_ins import FakeDocuments

THERE = Conversation(
    id="a:megan", service_url="s", channel_id="msteams", user_id="29:megan", bot_id="28:bot", tenant=TENANT
)
WHO = Reachable(person=MEGAN, conversation=THERE)
OFFER = TokenExchange("o1", "tandem", "client-token")


def token(oid: str = MEGAN.id, tid: str = TENANT) -> str:
    return jwt.encode({"oid": oid, "tid": tid, "exp": 4_000_000_000}, "x" * 40, algorithm="HS256")


class Client:
    """The token service's client; gives `token` or raises `error`."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.error: Exception | None = None
        self.calls: list[tuple[Any, ...]] = []

    def _answer(self, *call: Any) -> Any:
        self.calls.append(call)
        if self.error:
            raise self.error
        return SimpleNamespace(token=self.token) if self.token else None

    async def get_user_token(self, *asked: Any) -> Any:
        return self._answer("get", *asked)

    async def exchange_token(self, user: str, connection: str, channel: str, request: Any) -> Any:
        return self._answer("exchange", user, connection, channel, request.token)

    async def sign_out_user(self, *asked: Any) -> None:
        self.calls.append(("sign_out", *asked))


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def documents() -> FakeDocuments:
    return FakeDocuments()


@pytest.fixture
def tokens(client: Client, documents: FakeDocuments) -> TokenServiceAssertions:
    return of(client, documents)


def of(client: Client, documents: FakeDocuments) -> TokenServiceAssertions:
    async def user_tokens() -> Client:
        return client

    async def of(person_id: str) -> Reachable | None:
        return WHO if person_id == MEGAN.id else None

    adapter: Any = SimpleNamespace(user_tokens=user_tokens)
    conversations: Any = SimpleNamespace(of=of)
    outbound: Any = None
    return TokenServiceAssertions(adapter, conversations, outbound, "tandem", documents)


async def test_the_token_service_is_asked_for_the_persons_channel_id(
    tokens: TokenServiceAssertions, client: Client
) -> None:
    client.token = token()
    assert await tokens.assertion(MEGAN) == client.token
    assert client.calls == [("get", "29:megan", "tandem", "msteams", None)]


async def test_nobody_signed_in_and_nobody_known_are_none(tokens: TokenServiceAssertions, client: Client) -> None:
    assert await tokens.assertion(MEGAN) is None
    assert await tokens.assertion(ALEX) is None
    assert len(client.calls) == 1


@pytest.mark.parametrize("error", [ClientRequestError("reset"), None])
async def test_an_outage_is_not_taken_for_signed_out(
    tokens: TokenServiceAssertions, client: Client, error: Exception | None
) -> None:
    refused = ErrorResponseException.__new__(ErrorResponseException)
    refused.args = ("500",)
    refused.message = "500"
    refused.response = SimpleNamespace(status_code=500)
    client.error = error or refused
    with pytest.raises(Unavailable):
        await tokens.assertion(MEGAN)


async def test_a_code_is_redeemed_for_the_same_person_only(tokens: TokenServiceAssertions, client: Client) -> None:
    assert await tokens.redeem(WHO, "123456") == "not_signed_in"
    client.token = token()
    assert await tokens.redeem(WHO, "123456") == "signed_in"
    assert client.calls[-1] == ("get", "29:megan", "tandem", "msteams", "123456")


@pytest.mark.parametrize("foreign", [token(oid=ALEX.id), token(tid=ALEX.id), "no-jwt"])
async def test_another_persons_sign_in_is_not_kept(
    tokens: TokenServiceAssertions, client: Client, foreign: str
) -> None:
    client.token = foreign
    assert await tokens.redeem(WHO, "123456") == "other_person"
    assert client.calls[-1] == ("sign_out", "29:megan", "tandem", "msteams")


async def test_single_sign_on_is_exchanged_for_our_own_connection_only(
    tokens: TokenServiceAssertions, client: Client
) -> None:
    client.token = token()
    assert await tokens.exchange(WHO, TokenExchange("o1", "other", "t")) == "not_signed_in"
    assert client.calls == []
    assert await tokens.exchange(WHO, OFFER) == "signed_in"
    client.token = token(oid=ALEX.id)
    assert await tokens.exchange(WHO, OFFER) == "other_person"


async def test_an_outage_puts_no_code_into_the_log(
    tokens: TokenServiceAssertions, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.error = ClientRequestError("Max retries exceeded with url: /api/usertoken/GetToken?userId=29:m&code=123456")
    with pytest.raises(Unavailable):
        await tokens.redeem(WHO, "123456")
    assert "ClientRequestError" in caplog.text
    assert "123456" not in caplog.text


async def test_who_has_signed_out_is_out_while_the_token_service_is_down_and_after_a_restart(
    tokens: TokenServiceAssertions, client: Client, documents: FakeDocuments
) -> None:
    client.token = token()
    await tokens.mark_out(MEGAN)
    assert await tokens.assertion(MEGAN) is None
    assert client.calls == []
    assert await of(client, documents).assertion(MEGAN) is None


async def test_single_sign_on_does_not_undo_a_sign_out_but_the_page_does(
    tokens: TokenServiceAssertions, client: Client, documents: FakeDocuments
) -> None:
    client.token = token()
    await tokens.sign_out(WHO)
    client.calls.clear()
    assert await tokens.exchange(WHO, OFFER) == "not_signed_in"
    assert client.calls == []
    assert await tokens.redeem(WHO, "123456") == "signed_in"
    assert await tokens.assertion(MEGAN) == client.token
    assert documents.kept == {}


async def test_a_sign_out_while_the_token_service_is_asked_wins(
    tokens: TokenServiceAssertions, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.token = token()
    answer = client._answer

    async def slow(*asked: Any) -> Any:
        found = answer("get", *asked)
        await tokens.mark_out(MEGAN)
        return found

    monkeypatch.setattr(client, "get_user_token", slow)
    assert await tokens.assertion(MEGAN) is None


async def test_a_sign_out_while_an_offer_is_traded_wins(
    tokens: TokenServiceAssertions, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*asked: Any) -> Any:
        await tokens.mark_out(MEGAN)
        return SimpleNamespace(token=token())

    monkeypatch.setattr(client, "exchange_token", slow)
    assert await tokens.exchange(WHO, OFFER) == "not_signed_in"
    assert client.calls == [("sign_out", "29:megan", "tandem", "msteams")]


@pytest.mark.parametrize("status", [400, 404, 412])
async def test_a_token_service_that_refuses_a_code_is_up(
    tokens: TokenServiceAssertions, client: Client, status: int
) -> None:
    refused = ErrorResponseException.__new__(ErrorResponseException)
    refused.response = SimpleNamespace(status_code=status)
    client.error = refused
    assert await tokens.redeem(WHO, "123456") == "not_signed_in"
    assert await tokens.exchange(WHO, OFFER) == "not_signed_in"


async def test_nobody_is_signed_in_by_another_persons_page_even_if_ending_it_fails(
    tokens: TokenServiceAssertions, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*asked: Any) -> None:
        raise ClientRequestError("reset")

    client.token = token(oid=ALEX.id)
    monkeypatch.setattr(client, "sign_out_user", failing)
    with pytest.raises(Unavailable):
        await tokens.redeem(WHO, "123456")
