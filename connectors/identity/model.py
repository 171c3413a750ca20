"""Who asks a language model: this deployment itself, with a key or with its own identity; never a person."""

from __future__ import annotations

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from connectors.http import clipped
from orchestration.errors import Denied, ModelUnavailable

SCOPE = "https://cognitiveservices.azure.com/.default"


class ModelKey:
    """The headers of a key; none for an empty one, as a model on this machine needs none.

    Args:
        key: As its owner gives it.
        azure: It is sent as Azure takes it.
    """

    def __init__(self, key: str, *, azure: bool = False) -> None:
        given = {"api-key": key} if azure else {"authorization": f"Bearer {key}"}
        self._headers = given if key else {}

    async def __call__(self) -> dict[str, str]:
        """They are always the same."""
        return dict(self._headers)

    async def close(self) -> None:
        """There is nothing to let go of."""


class ModelToken:
    """The headers of an Entra token of the bot itself.

    Args:
        credential: Of its managed identity or app registration; it keeps tokens while they last.
    """

    def __init__(self, credential: AsyncTokenCredential) -> None:
        self._credential = credential

    async def __call__(self) -> dict[str, str]:
        """Ask for them.

        Raises:
            Denied: Entra gives this identity no token.
            ModelUnavailable: Entra cannot be reached.
        """
        try:
            token = await self._credential.get_token(SCOPE)
        except ClientAuthenticationError as error:
            raise Denied(
                f"Entra gives Tandem's own identity no token for the language model: {_first_line(error)} "
                "(TANDEM_MODEL_KEY is empty, so that identity is used)"
            ) from error
        except AzureError as error:
            raise ModelUnavailable(
                f"The sign-in service cannot be reached for the language model's token: {_first_line(error)}"
            ) from error
        return {"authorization": f"Bearer {token.token}"}

    async def close(self) -> None:
        """Let go of the credential's connections."""
        await self._credential.close()


def of_bot(*, tenant_id: str, client_id: str, client_secret: str, authority: str, laptop: bool = False) -> ModelToken:
    """The token of the bot itself; which identity that is, is said here and not searched for.

    Args:
        tenant_id: Entra tenant.
        client_id: The bot's user-assigned managed identity, or its app registration.
        client_secret: Of the registration; empty for a managed identity.
        authority: Where Entra tokens come from, for a registration.
        laptop: The bot's own identity is a made-up one: take that of the Azure CLI (`az login`) or of `azd`.
    """
    from azure.identity.aio import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    if laptop:
        return ModelToken(ChainedTokenCredential(AzureCliCredential(), AzureDeveloperCliCredential()))
    if not client_secret:
        return ModelToken(ManagedIdentityCredential(client_id=client_id))
    return ModelToken(ClientSecretCredential(tenant_id, client_id, client_secret, authority=authority))


def _first_line(error: AzureError) -> str:
    return clipped((error.message.splitlines() or [type(error).__name__])[0])
