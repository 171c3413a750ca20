"""The bot's login at the database: a token for each new connection, and nothing secret in what it says."""

from __future__ import annotations

from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential

from connectors.identity.database import SCOPE, DatabasePassword, of_bot
from orchestration.errors import Refused, TandemError, Unavailable
from orchestration.stores.postgres import PostgresStore
from tests.support import postgres

GUID = "11111111-1111-4111-8111-111111111111"


class FakeCredential:
    """Gives a new token each time, or fails."""

    def __init__(self, error: AzureError | None = None) -> None:
        self.error = error
        self.scopes: list[tuple[str, ...]] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.append(scopes)
        if self.error:
            raise self.error
        return AccessToken(f"token-{len(self.scopes)}", 0)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def test_each_connection_gets_a_token_of_its_own_for_the_database() -> None:
    credential = FakeCredential()
    password = DatabasePassword(credential)
    with postgres.fresh() as url:
        store = PostgresStore(url, password=password)
        for number in (1, 2):
            await store.open()
            assert store._db is not None
            assert store._db.info.password == f"token-{number}"
            await store.close()
    assert credential.scopes == [(SCOPE,), (SCOPE,)]
    assert SCOPE == "https://ossrdbms-aad.database.windows.net/.default"
    await password.close()
    assert credential.closed


@pytest.mark.parametrize(
    ("error", "meaning", "says"),
    [
        (ClientAuthenticationError("AADSTS700016: no such application\nTrace ID: 1"), Refused, "AADSTS700016"),
        (ServiceRequestError("no route"), Unavailable, "no route"),
    ],
)
async def test_a_token_that_is_not_given_says_why(error: AzureError, meaning: type[TandemError], says: str) -> None:
    with pytest.raises(meaning, match=says) as told:
        await DatabasePassword(FakeCredential(error))()
    assert "Trace ID" not in told.value.message


async def test_the_bot_logs_in_as_itself() -> None:
    managed = of_bot(tenant_id=GUID, client_id=GUID)
    registered = of_bot(tenant_id=GUID, client_id=GUID, client_secret="s", authority="https://login.example")
    assert isinstance(managed._credential, ManagedIdentityCredential)
    assert isinstance(registered._credential, ClientSecretCredential)
    await managed.close()
    await registered.close()
