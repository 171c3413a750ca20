"""Acting for people without any secret: a token of the bot's managed identity proves who the registration is."""

from __future__ import annotations

import asyncio
from typing import Protocol

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from orchestration.errors import Refused, Unavailable

SCOPE = "api://AzureADTokenExchange/.default"


class TokenSource(Protocol):
    """What of a credential is used here; azure-identity's aio credentials are such."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """A token, from the credential's own cache while it is good."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""


class FederatedProof:
    """What stands for the client secret of the registration that people sign in to.

    Entra trusts the managed identity by a federated credential of that registration. azure-identity asks for the proof
    by a synchronous call in the event loop, so it is fetched before, by `fetch`.

    Args:
        credential: Of the managed identity; it keeps the token and renews it in time.
    """

    def __init__(self, credential: TokenSource) -> None:
        self._credential = credential
        self._token = ""
        self._lock = asyncio.Lock()

    async def fetch(self) -> None:
        """Have a proof at hand that is good now.

        Raises:
            Refused: This machine has no such identity.
            Unavailable: The identity's endpoint does not answer.
        """
        try:
            async with self._lock:  # the credential does not know that the same is being asked for
                self._token = (await self._credential.get_token(SCOPE)).token
        except ClientAuthenticationError as error:
            status = _status(error)
            if status is None or status == 429 or status >= 500:
                raise Unavailable("The managed identity's endpoint does not answer.") from error
            raise Refused(
                "The bot's managed identity gives no token, so Tandem can act for nobody: the operator must check that "
                "TANDEM_APP_ID is a user-assigned managed identity of this machine."
            ) from error
        except AzureError as error:
            raise Unavailable("The managed identity's endpoint cannot be reached.") from error

    def __call__(self) -> str:
        """The proof that was fetched last."""
        return self._token

    async def close(self) -> None:
        """Forget the proof and let go of the credential's connections."""
        self._token = ""
        await self._credential.close()


def _status(error: ClientAuthenticationError) -> int | None:
    """What the endpoint answered; azure-identity says "unavailable" for refusals and for silence alike."""
    cause = error.__cause__
    status = cause.status_code if isinstance(cause, HttpResponseError) else error.status_code
    return None if status is None else int(status)


def of_managed_identity(client_id: str) -> FederatedProof:
    """The proof of a user-assigned managed identity, by its client id."""
    from azure.identity.aio import ManagedIdentityCredential

    return FederatedProof(ManagedIdentityCredential(client_id=client_id))
