"""The bot's own login at a PostgreSQL database that Entra guards: a token instead of a password."""

from __future__ import annotations

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from orchestration.errors import Refused, Unavailable

SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


class DatabasePassword:
    """Asked for each new connection; a token lasts about an hour, a connection as long as it stands.

    This is the bot's own identity: nothing is done with it on anybody's behalf.

    Args:
        credential: Of the bot's managed identity or app registration.
    """

    def __init__(self, credential: AsyncTokenCredential) -> None:
        self._credential = credential

    async def __call__(self) -> str:
        """A token that the database takes as a password.

        Raises:
            Refused: Entra gives this identity none.
            Unavailable: Entra cannot be reached.
        """
        try:
            return (await self._credential.get_token(SCOPE)).token
        except ClientAuthenticationError as error:
            raise Refused(f"Entra gives the bot no token for the database: {_first_line(error)}") from error
        except AzureError as error:
            raise Unavailable(
                f"The sign-in service cannot be reached for the database's token: {_first_line(error)}"
            ) from error

    async def close(self) -> None:
        """Let go of the credential's connections."""
        await self._credential.close()


def of_bot(*, tenant_id: str, client_id: str, client_secret: str = "", authority: str = "") -> DatabasePassword:
    """The password of the bot itself.

    Args:
        tenant_id: Entra tenant.
        client_id: The bot's app registration, or its user-assigned managed identity.
        client_secret: Of the registration; empty for a managed identity.
        authority: Where Entra tokens come from, for a registration; empty: the public cloud.
    """
    from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential

    if not client_secret:
        return DatabasePassword(ManagedIdentityCredential(client_id=client_id))
    where = {"authority": authority} if authority else {}
    return DatabasePassword(ClientSecretCredential(tenant_id, client_id, client_secret, **where))


def _first_line(error: AzureError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
