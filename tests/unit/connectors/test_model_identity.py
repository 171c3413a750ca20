"""Who asks a language model: a key, or the bot's own identity, and no other that happens to be at hand."""

from __future__ import annotations

from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import (
    AzureCliCredential,
    AzureDeveloperCliCredential,
    ChainedTokenCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from connectors.identity.model import SCOPE, ModelKey, ModelToken, of_bot
from orchestration.errors import Denied, ModelUnavailable, TandemError

GUID = "11111111-1111-4111-8111-111111111111"
BOT = {"tenant_id": GUID, "client_id": GUID, "authority": "https://login.microsoftonline.com"}


class FakeCredential:
    """Gives a token, or fails."""

    def __init__(self, error: AzureError | None = None) -> None:
        self.error = error
        self.scopes: list[tuple[str, ...]] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.append(scopes)
        if self.error:
            raise self.error
        return AccessToken("the-token", 0)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def test_a_key_is_sent_as_each_kind_takes_it() -> None:
    assert await ModelKey("k")() == {"authorization": "Bearer k"}
    assert await ModelKey("k", azure=True)() == {"api-key": "k"}
    assert await ModelKey("")() == {}


async def test_a_token_is_for_cognitive_services() -> None:
    credential = FakeCredential()
    token = ModelToken(credential)
    assert await token() == {"authorization": "Bearer the-token"}
    assert credential.scopes == [("https://cognitiveservices.azure.com/.default",)] == [(SCOPE,)]
    await token.close()
    assert credential.closed


@pytest.mark.parametrize(
    ("error", "meaning", "says"),
    [
        (ClientAuthenticationError("AADSTS700016: no such application\nTrace ID: 1"), Denied, "AADSTS700016"),
        (CredentialUnavailableError("Please run 'az login'"), Denied, "az login"),
        (ServiceRequestError("no route"), ModelUnavailable, "no route"),
    ],
)
async def test_a_token_that_is_not_given_says_why(error: AzureError, meaning: type[TandemError], says: str) -> None:
    with pytest.raises(meaning, match=says) as told:
        await ModelToken(FakeCredential(error))()
    assert type(told.value) is meaning
    assert "Trace ID" not in told.value.message


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"client_secret": ""}, ManagedIdentityCredential),
        ({"client_secret": "s"}, ClientSecretCredential),
        ({"client_secret": "s", "laptop": True}, ChainedTokenCredential),
    ],
)
async def test_which_identity_is_said_and_not_searched_for(
    given: dict[str, Any], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "22222222-2222-4222-8222-222222222222")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "foreign")
    token = of_bot(**BOT, **given)
    assert type(token._credential) is kind
    if isinstance(token._credential, ChainedTokenCredential):
        tried = [type(each) for each in token._credential.credentials]
        assert tried == [AzureCliCredential, AzureDeveloperCliCredential]
    await token.close()
