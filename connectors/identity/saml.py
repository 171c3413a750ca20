"""SAP's second hop: SAP takes no Entra token, so an API façade turns it into a SAML assertion that SAP does take."""

from __future__ import annotations

import functools
from typing import TypeVar

import httpx
import msgspec

from connectors.http import explanation, failure, open_client, send
from orchestration.core.run import Person
from orchestration.errors import NotPermitted, Refused, Unavailable

GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
SCOPE = "API_SUPPLIERINVOICE_PROCESS_SRV_0001"
Body = TypeVar("Body", bound=msgspec.Struct)
FACADE, TOKENS = "The SAP sign-in façade", "SAP's sign-in"


class _Assertion(msgspec.Struct, frozen=True):
    assertion: str


class SapToken(msgspec.Struct, frozen=True):
    """What SAP's token endpoint gives: the token and its life in seconds."""

    access_token: str
    expires_in: float = 600.0


class SamlHop:
    """Exchanges a person's façade token for their SAP token."""

    def __init__(
        self, *, facade_url: str, token_url: str, client_id: str, client_secret: str, timeout_seconds: float
    ) -> None:
        self._facade_url = facade_url.rstrip("/")
        self._token_url = token_url
        self._client = (client_id, client_secret)
        self._timeout_seconds = timeout_seconds
        self._facade = open_client(facade_url, timeout_seconds=timeout_seconds)
        self._tokens = open_client(token_url, timeout_seconds=timeout_seconds)

    async def assertion(self, facade_token: str) -> str | None:
        """The SAML assertion for the person of this token; None if the façade does not accept the token.

        Raises:
            NotPermitted: The person has no business in SAP.
            Unavailable: The façade does not answer.
        """
        headers = {"Authorization": f"Bearer {facade_token}"}
        request = functools.partial(self._facade.post, f"{self._facade_url}/saml", json={}, headers=headers)
        response = await send(request, system=FACADE, timeout_seconds=self._timeout_seconds)
        if response.status_code == 401:
            return None
        if not response.is_success:
            raise failure(response, system=FACADE, what="sign in to SAP")
        return _read(response, _Assertion, FACADE).assertion

    async def exchange(self, assertion: str, person: Person) -> SapToken:
        """SAP's own token for the person whom the assertion names.

        Raises:
            NotPermitted: SAP does not accept the person.
            Refused: SAP does not accept Tandem itself.
            Unavailable: SAP does not answer.
        """
        form = {"grant_type": GRANT, "assertion": assertion, "scope": SCOPE}
        request = functools.partial(self._tokens.post, self._token_url, data=form, auth=httpx.BasicAuth(*self._client))
        response = await send(request, system=TOKENS, timeout_seconds=self._timeout_seconds)
        if response.is_success:
            return _read(response, SapToken, TOKENS)
        if response.status_code == 401:
            message = (
                f"{TOKENS} does not accept Tandem itself: the operator must check TANDEM_SAP_CLIENT_ID and its secret."
            )
            raise Refused(message)
        if response.status_code == 400:
            said = explanation(response)
            raise NotPermitted(
                f"SAP does not accept {person.name}'s sign-in{f' ({said})' if said else ''}. "
                "Ask an SAP administrator whether there is a user for this person."
            )
        raise failure(response, system=TOKENS, what="sign in")

    async def close(self) -> None:
        """Close the connections."""
        await self._facade.aclose()
        await self._tokens.aclose()


def _read(response: httpx.Response, type_: type[Body], system: str) -> Body:
    try:
        return msgspec.json.decode(response.content, type=type_)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{system} answered with something that cannot be read.") from error
