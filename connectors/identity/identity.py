"""Tokens with which Tandem acts as a person, and as nobody else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import OnBehalfOfCredential

from connectors.http import CONNECT_SECONDS, is_loopback
from connectors.identity.assertion import AssertionSource, check
from connectors.identity.bearer import Bearer
from connectors.identity.federation import FederatedProof
from connectors.identity.refusal import meaning, named
from connectors.identity.saml import SamlHop, SapToken
from orchestration.core.run import Person
from orchestration.errors import Unavailable
from orchestration.sign_in import Need, SignInMissing

EARLY_SECONDS = 60.0
MOST_CHANGES = 5
CHANGING = "The sign-in changed again and again while it was being used. Nothing was done; it is tried again."
Key = tuple[str, str]

# azure-identity logs each refusal as a warning of its own; here it is an error with a meaning, told once.
logging.getLogger("azure.identity").setLevel(logging.ERROR)
# One line for every request and every header says nothing that our own spans do not say.
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """Where tokens come from.

    Attributes:
        tenant_id: Entra tenant.
        client_id: The registration that people sign in to and that acts for them (TANDEM_SSO_APP_ID).
        client_secret: Its secret; empty where a managed identity proves who it is (see `FederatedProof`).
        authority: `https://login.microsoftonline.com`, or the sandbox's.
        ca_file: Trust root of a local authority; empty means the public ones.
        sap_facade_url: The API façade that makes SAML assertions; empty if SAP is not used.
        sap_facade_scope: Its scope in Entra.
        sap_token_url: SAP's OAuth token endpoint.
        sap_client_id: Tandem's OAuth client at SAP.
        sap_client_secret: Its secret.
        timeout_seconds: Longest wait for one answer.
    """

    tenant_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    authority: str = "https://login.microsoftonline.com"
    ca_file: str = ""
    sap_facade_url: str = ""
    sap_facade_scope: str = ""
    sap_token_url: str = ""
    sap_client_id: str = ""
    sap_client_secret: str = field(default="", repr=False)
    timeout_seconds: float = 20.0


class _Session:
    """What is in memory about one person's sign-in; gone as soon as the sign-in is another one."""

    def __init__(self, assertion: str, credential: OnBehalfOfCredential) -> None:
        self.assertion = assertion
        self.credential = credential
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.sap = SapToken("", 0.0)
        self.sap_until = 0.0


class Identity:
    """Gives tokens for other systems on behalf of people who are signed in.

    Everything is in memory only. The source of sign-ins is asked at every call, so that a person who has signed out
    is out; the exchanged tokens are cached until shortly before they expire.

    Args:
        settings: Where tokens come from.
        assertions: Knows who is signed in.
        proof: Stands for the client secret where there is none.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        settings: IdentitySettings,
        assertions: AssertionSource,
        *,
        proof: FederatedProof | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._assertions = assertions
        self._proof = proof
        self._now = now
        self._sessions: dict[Key, _Session] = {}
        self._epochs: defaultdict[Key, int] = defaultdict(int)
        self._needs: defaultdict[Key, dict[str, Need]] = defaultdict(dict)
        # All credentials share one pool of connections: dropping one needs no closing, and cuts off nobody's request.
        self._transport = AioHttpTransport(
            connection_verify=settings.ca_file or True,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=settings.timeout_seconds,
            use_env_settings=not is_loopback(settings.authority),
        )
        self._saml = SamlHop(
            facade_url=settings.sap_facade_url,
            token_url=settings.sap_token_url,
            client_id=settings.sap_client_id,
            client_secret=settings.sap_client_secret,
            timeout_seconds=settings.timeout_seconds,
        )

    async def token(self, person: Person, scope: str, *, claims: str = "") -> str:
        """A token with which to act as `person` at the system that `scope` names.

        Args:
            person: Who is acted for.
            scope: Such as `https://graph.microsoft.com/.default`.
            claims: What a system's challenge demands (JSON); what is cached is then dropped.

        Raises:
            SignInMissing: The person is not signed in, or the sign-in does not suffice; says why and what to do.
            NotPermitted: The person may not use Tandem.
            Refused: The authority does not accept Tandem itself; for the operator.
            Unavailable: The authority does not answer.
        """
        key = self._key(person)
        for _ in range(MOST_CHANGES):
            epoch, session = await self._session(person)
            async with session.locks[scope]:
                if claims:
                    # A credential's caches do not know about claims: the next call would get the old token again.
                    session.credential = self._credential(key[0], session.assertion)
                token = await self._exchanged(session, person, scope, claims)
            if self._epochs[key] == epoch:  # else the person signed out, or in anew, meanwhile
                self._needs[key].pop(scope, None)
                return token
        raise Unavailable(CHANGING)

    async def _exchanged(self, session: _Session, person: Person, scope: str, claims: str) -> str:
        try:
            if self._proof:
                await self._proof.fetch()
            # Always with continuous access evaluation: its tokens have a cache of their own, so a call without would
            # find those of before a challenge. With it a system may end a token at once, and says what it demands.
            found = await session.credential.get_token(scope, claims=claims or None, enable_cae=True)
        except HttpResponseError as error:
            raise self._refused(error, person, scope) from error
        except AzureError as error:
            raise Unavailable("The sign-in service cannot be reached.") from error
        return found.token

    async def sap_token(self, person: Person) -> str:
        """A token with which to act as `person` in SAP.

        Raises:
            SignInMissing, NotPermitted, Refused, Unavailable: As for `token`.
        """
        key = self._key(person)
        for _ in range(MOST_CHANGES):
            epoch, session = await self._session(person)
            async with session.locks["sap"]:
                if session.sap_until <= self._now():
                    assertion = await self._saml_assertion(person)
                    asked_at = self._now()
                    session.sap = await self._saml.exchange(assertion, person)
                    session.sap_until = asked_at + session.sap.expires_in - EARLY_SECONDS
                token = session.sap.access_token
            if self._epochs[key] == epoch:
                return token
        raise Unavailable(CHANGING)

    async def _saml_assertion(self, person: Person) -> str:
        facade = self.bearer(person, self._settings.sap_facade_scope)
        while (assertion := await self._saml.assertion(await facade.token())) is None:
            if not facade.renew():
                said = "Your sign-in is not accepted for SAP. Sign in again, and the run goes on."
                need = Need("refused", said, "SAP")
                self._note(person, self._settings.sap_facade_scope, need)
                raise SignInMissing(need)
        return assertion

    def bearer(self, person: Person, scope: str) -> Bearer:
        """The person's token at one system for one attempt, renewed once if it is refused there."""
        where = "SAP" if scope == self._settings.sap_facade_scope else ""
        return Bearer(
            lambda claims: self.token(person, scope, claims=claims),
            lambda: self.forget(person),
            lambda: self._epochs[self._key(person)],
            lambda: self._note(person, scope, _refused_there(where or named(scope))),
        )

    def sap_bearer(self, person: Person) -> Bearer:
        """The person's SAP token for one attempt, renewed once if it is refused there."""
        return Bearer(
            lambda _: self.sap_token(person),
            lambda: self.forget(person),
            lambda: self._epochs[self._key(person)],
            lambda: self._note(person, "sap", _refused_there("SAP")),
        )

    def needs(self, person: Person) -> list[Need]:
        """Why the person has to sign in, as far as it was met since they last did; what is about the sign-in first."""
        return sorted(self._needs[self._key(person)].values(), key=lambda need: need.where)

    def forget(self, person: Person) -> None:
        """Drop everything in memory about a person's sign-in; who holds a token of it does not use it any more."""
        key = self._key(person)
        self._epochs[key] += 1
        self._sessions.pop(key, None)

    def renewed(self, person: Person) -> None:
        """The person has signed in anew: what was in the way before is asked for again."""
        self.forget(person)
        self._needs.pop(self._key(person), None)

    async def close(self) -> None:
        """Drop everything and close the connections."""
        self._sessions.clear()
        await self._transport.close()
        await self._saml.close()
        if self._proof:
            await self._proof.close()

    def _key(self, person: Person) -> Key:
        return (person.tenant or self._settings.tenant_id).lower(), person.id.lower()

    async def _session(self, person: Person) -> tuple[int, _Session]:
        key = self._key(person)
        for _ in range(MOST_CHANGES):
            epoch = self._epochs[key]
            try:
                assertion = check(await self._assertions.assertion(person), person, key[0], self._now())
            except SignInMissing as missing:
                self.forget(person)
                self._note(person, "", missing.need)
                raise
            if self._epochs[key] == epoch:  # else it may be the answer of before a sign-out
                break
        else:
            raise Unavailable(CHANGING)
        self._needs[key].pop("", None)
        session = self._sessions.get(key)
        if session is None or session.assertion != assertion:
            session = self._sessions[key] = _Session(assertion, self._credential(key[0], assertion))
        return epoch, session

    def _credential(self, tenant: str, assertion: str) -> OnBehalfOfCredential:
        secret: dict[str, Any] = (
            {"client_assertion_func": self._proof} if self._proof else {"client_secret": self._settings.client_secret}
        )
        return OnBehalfOfCredential(
            tenant_id=tenant,
            client_id=self._settings.client_id,
            **secret,
            user_assertion=assertion,
            authority=self._settings.authority,
            disable_instance_discovery=True,
            transport=self._transport,
            retry_total=0,  # the engine tries again, and records it
        )

    def _refused(self, error: HttpResponseError, person: Person, scope: str) -> Exception:
        where = "SAP" if scope == self._settings.sap_facade_scope else ""
        tenant = self._key(person)[0]
        consent = f"{self._settings.authority.rstrip('/')}/{tenant}/adminconsent?client_id={self._settings.client_id}"
        found = meaning(error, scope, where=where, consent=consent)
        if isinstance(found, SignInMissing):
            self.forget(person)
            self._note(person, scope, found.need)
        return found

    def _note(self, person: Person, scope: str, need: Need) -> None:
        self._needs[self._key(person)][scope] = need


def _refused_there(where: str) -> Need:
    return Need("refused", f"{where} does not accept your sign-in any more. Sign in again, and the run goes on.", where)
