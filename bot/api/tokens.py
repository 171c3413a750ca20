"""Whose request it is: access tokens of the tenant, for Tandem's own API, of a person who is at home there.

Source: Microsoft identity platform, "Access token claims reference" and "Secure applications and APIs by validating
claims": signature, issuer, audience, lifetime, tid, scp, oid, azp.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Collection
from typing import Any

import httpx
import jwt

from bot.api.problems import Problem
from bot.checks import GUID
from bot.settings import Settings
from bot.texts import clean
from connectors.http import is_loopback
from orchestration.core.run import Person

log = logging.getLogger(__name__)

SCOPE = "access_as_user"
# Teams on the web and in its apps: they bring the tokens of a tab.
TEAMS_CLIENTS = ("5e3ce6c0-2b1f-4285-8d4b-75ee78787346", "1fec8e78-bce4-4aaf-ab1b-5451cc387264")
LEEWAY_SECONDS = 60
LONGEST = 8_000
KEYS_SECONDS = 24 * 3600.0
KEYS_AGAIN_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0


class SigningKeys:
    """The authority's signing keys; one that is not known yet is looked for at once, but no more than once a minute.

    Args:
        url: Of the key set.
        ca_file: Trust root of a local authority; empty means the public ones.
        now: Seconds, monotonic.
    """

    def __init__(self, url: str, ca_file: str = "", *, now: Callable[[], float] = time.monotonic) -> None:
        self._url, self._ca_file, self._now = url, ca_file, now
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> Any:
        """The key with this id; None if the authority does not publish it.

        Raises:
            Problem: No keys can be had now.
        """
        if key_id in self._keys and self._now() - self._fetched_at < KEYS_SECONDS:
            return self._keys[key_id]
        async with self._lock:
            old = self._now() - self._fetched_at >= KEYS_SECONDS
            if (old or key_id not in self._keys) and self._now() - self._tried_at >= KEYS_AGAIN_SECONDS:
                await self._refresh()
        if not self._keys:
            detail = "The authority's signing keys cannot be read now; try again in a minute."
            raise Problem(503, "unavailable", detail, {"Retry-After": "60"})
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        self._tried_at = self._now()
        try:
            trust = ssl.create_default_context(cafile=self._ca_file or None)
            async with httpx.AsyncClient(
                verify=trust, timeout=TIMEOUT_SECONDS, trust_env=not is_loopback(self._url), follow_redirects=False
            ) as client:
                answer = await client.get(self._url)
            answer.raise_for_status()
            keys = {
                str(each["kid"]): jwt.PyJWK(each, algorithm="RS256").key
                for each in answer.json()["keys"]
                if each.get("kty") == "RSA" and each.get("use", "sig") == "sig"
            }
        except (httpx.HTTPError, OSError, jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            log.warning("the signing keys at %s cannot be read: %s", self._url, error)
            return
        self._keys, self._fetched_at = keys, self._now()


class Tokens:
    """Reads access tokens.

    Args:
        keys: The authority's.
        issuer: Of the tenant's tokens.
        tenant_id: Whose people are served.
        audiences: What tokens for Tandem are made out to.
        clients: Applications that may act for a person here.
    """

    def __init__(
        self, keys: SigningKeys, *, issuer: str, tenant_id: str, audiences: Collection[str], clients: Collection[str]
    ) -> None:
        self._keys, self._issuer, self._tenant = keys, issuer, tenant_id.lower()
        self._audiences, self._clients = list(audiences), {each.lower() for each in clients}

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """As the settings say."""
        sso = settings.sso_app_id
        audiences = [sso, f"api://{sso}", f"api://botid-{sso}"]
        return cls(
            SigningKeys(f"{settings.bot_authority}/discovery/v2.0/keys", settings.ca_file),
            issuer=f"{settings.bot_authority}/v2.0",
            tenant_id=settings.tenant_id,
            audiences=[*audiences, *filter(None, [settings.api_audience])],
            clients=[sso, *TEAMS_CLIENTS, *settings.api_clients.replace(",", " ").split()],
        )

    async def person(self, header: str) -> Person:
        """Who sends an `Authorization` header.

        Raises:
            Problem: Nobody whom Tandem serves; says what is wrong with the token.
        """
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthenticated("Send a bearer token of your own in the Authorization header.")
        claims = await self._claims(token.strip())
        self._check_person(claims)
        name = claims.get("name") or claims.get("preferred_username") or ""
        upn = claims.get("upn") or claims.get("preferred_username") or ""
        return Person(str(claims["oid"]).lower(), clean(name, 200), clean(upn, 200), self._tenant)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST:
            raise _unauthenticated("The token is longer than any of ours.")
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _unauthenticated("This is no token that can be read.") from None
        if head.get("alg") != "RS256" or not isinstance(head.get("kid"), str):
            raise _unauthenticated("The token is not signed as the authority signs.")
        key = await self._keys.get(head["kid"])
        if key is None:
            raise _unauthenticated("The token is signed with a key that the authority does not publish.")
        options: Any = {"require": ["exp", "iat", "nbf", "aud", "iss"]}
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options=options,
            )
        except jwt.ExpiredSignatureError:
            raise _unauthenticated("The token has expired: get a new one.") from None
        except jwt.InvalidAudienceError:
            raise _unauthenticated("The token is for another API: ask for one with Tandem's audience.") from None
        except jwt.InvalidIssuerError:
            raise _unauthenticated("The token is of another tenant, or not a v2.0 token.") from None
        except jwt.InvalidSignatureError:
            raise _unauthenticated("The token's signature does not fit.") from None
        except jwt.PyJWTError as error:
            raise _unauthenticated(f"The token is not acceptable: {clean(error, 120)}.") from None
        return claims

    def _check_person(self, claims: dict[str, Any]) -> None:
        if str(claims.get("tid", "")).lower() != self._tenant:
            raise _forbidden("wrong_tenant", "Tandem serves another tenant than this token's.")
        if claims.get("idtyp") == "app" or not claims.get("scp"):
            detail = "This is an application's own token. Tandem shows a person's runs to that person only: sign in."
            raise _forbidden("app_only", detail)
        if SCOPE not in str(claims["scp"]).split():
            raise _forbidden("wrong_scope", f"The token lacks the scope {SCOPE}: ask for it, and consent to it.")
        if str(claims.get("azp", "")).lower() not in self._clients:
            detail = "The application that got this token may not call Tandem: add its id to TANDEM_API_CLIENTS."
            raise _forbidden("wrong_client", detail)
        if not GUID.fullmatch(str(claims.get("oid", ""))):
            raise _forbidden("no_person", "The token names no person (oid).")
        if _is_guest(claims):
            raise _forbidden("guest", "Guests have no access to these lists; ask a member of the organisation.")


def _is_guest(claims: dict[str, Any]) -> bool:
    """Whether somebody is at home in another tenant, as far as any of the claims says so."""
    if str(claims.get("acct", "0")) != "0":
        return True
    home = claims.get("idp")
    if home and home != claims["iss"] and str(claims["tid"]) not in str(home):
        return True
    return any("#ext#" in str(claims.get(name, "")).lower() for name in ("upn", "preferred_username", "unique_name"))


def _unauthenticated(detail: str) -> Problem:
    return Problem(401, "unauthenticated", detail, {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _forbidden(code: str, detail: str) -> Problem:
    return Problem(403, code, detail)
