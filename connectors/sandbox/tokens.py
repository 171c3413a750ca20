"""Tokens: issued and verified as the tenant's authority, the Bot Framework channel and SAP would."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
import msgspec

from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.keys import Keyring, SigningKey
from connectors.sandbox.sessions import Sessions

CHANNEL_ISSUER = "https://api.botframework.com"
CHANNEL_AUDIENCE = "https://api.botframework.com"
REFRESH_AUDIENCE = "sandbox:refresh"
SAP_AUDIENCE = "sandbox:sap"
LIFETIME_SECONDS = 3600
Claims = Mapping[str, Any]


class TokenRefused(Exception):
    """A token that is not accepted; `reason` is one of the constants of `Reason`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Reason:
    """Why tokens are refused."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Caller(msgspec.Struct, frozen=True):
    """Who calls an API: an app, and the person for whom it acts (None: the app itself)."""

    app: str
    person: Person | None
    scopes: frozenset[str]
    claims: Claims = {}


class Mint:
    """Issues tokens and checks those that come back."""

    def __init__(self, tenant: Tenant, keys: Keyring, sessions: Sessions, authority: str) -> None:
        self.tenant = tenant
        self.keys = keys
        self.sessions = sessions
        self.issuer = f"{authority}/{tenant.id}/v2.0"

    @property
    def user_audience(self) -> str:
        """The audience of the token with which a person signs in to Tandem."""
        return f"api://botid-{self.tenant.file.apps.sso.id}"

    def app_token(self, app: str, audience: str) -> str:
        """A token of the app itself (client credentials)."""
        return self._entra({"aud": audience, "azp": app, "appid": app, "sub": app, "oid": app, "idtyp": "app"})

    def user_token(self, person: Person) -> str:
        """The token that the OAuth connection holds for a person: the assertion of on-behalf-of."""
        return self.delegated(person, self.tenant.file.apps.sso.id, self.user_audience, "access_as_user")

    def delegated(self, person: Person, app: str, audience: str, scopes: str, **more: object) -> str:
        """A token by which `app` acts for `person` at `audience`; `more` are further claims."""
        about = {"aud": audience, "azp": app, "appid": app, "scp": scopes, "idtyp": "user"}
        return self._entra({**about, **self._person_claims(person), **more})

    def odd_user_token(self, person: Person, kind: str) -> str:
        """A token with which nobody is to get in, as a broken or bad token service might give; see `hurdles.KINDS`."""
        claims = jwt.decode(self.user_token(person), options={"verify_signature": False})
        if kind == "unsigned":
            return jwt.encode(claims, "", algorithm="none")
        others = (other for other in self.tenant.people.values() if other.key != person.key)
        wrong: dict[str, dict[str, object]] = {
            "stranger": self._person_claims(next(others, person)),
            "tenant": {"tid": str(uuid.uuid5(uuid.NAMESPACE_DNS, "another.example"))},
            "audience": {"aud": "https://graph.microsoft.com"},
            "expired": {"exp": int(time.time()) - 60},
        }
        return jwt.encode(
            {**claims, **wrong[kind]},
            self.keys.authority.private,
            algorithm="RS256",
            headers={"kid": self.keys.authority.kid},
        )

    def id_token(self, person: Person, app: str) -> str:
        """The ID token that accompanies an access token."""
        return self._entra({"aud": app, **self._person_claims(person)})

    def refresh_token(self, person: Person, app: str) -> str:
        """A refresh token; clients treat it as opaque."""
        about = {"aud": REFRESH_AUDIENCE, "azp": app, **self._person_claims(person)}
        return self._entra(about, lifetime_seconds=14 * 24 * 3600)

    def sap_token(self, person: Person, scopes: str) -> str:
        """What SAP's token endpoint issues; clients treat it as opaque."""
        about = {"aud": SAP_AUDIENCE, "azp": "sap", "scp": scopes, **self._person_claims(person)}
        return self._entra(about, lifetime_seconds=1800)

    def channel_token(self, service_url: str) -> str:
        """What the Bot Framework channel sends along with an activity."""
        about = {"iss": CHANNEL_ISSUER, "aud": self.tenant.file.apps.bot.id, "serviceurl": service_url}
        return _sign(self.keys.channel, about, lifetime_seconds=600)

    def verify(self, token: str, audience: str) -> Claims:
        """The claims of a token of this authority, if it is sound, current, and meant for `audience`.

        Raises:
            TokenRefused: Says what is wrong.
        """
        options = {"require": ["exp", "iat", "aud", "iss"]}
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.keys.authority.public,
                algorithms=["RS256"],
                audience=audience,
                issuer=self.issuer,
                options=options,  # type: ignore[arg-type]  # PyJWT's TypedDict is not exported under a stable name
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused(Reason.EXPIRED, "Lifetime validation failed, the token is expired.") from error
        except jwt.InvalidAudienceError as error:
            raise TokenRefused(Reason.AUDIENCE, "Access token validation failure. Invalid audience.") from error
        except jwt.InvalidIssuerError as error:
            raise TokenRefused(Reason.ISSUER, "Access token validation failure. Invalid issuer.") from error
        except jwt.DecodeError as error:
            if "ignature" in str(error):
                detail = "Invalid JWT: the signature does not match a key of this authority."
                raise TokenRefused(Reason.SIGNATURE, detail) from error
            raise TokenRefused(Reason.MALFORMED, "CompactToken parsing failed.") from error
        except jwt.PyJWTError as error:
            raise TokenRefused(Reason.MALFORMED, f"The token is not acceptable: {error}") from error
        self._check_session(claims)
        return claims

    def caller(self, authorization: str | None, audience: str) -> Caller:
        """Who sent a request with this Authorization header to the API named `audience`.

        Raises:
            TokenRefused: No token, or one that is not accepted.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused(Reason.MALFORMED, "Access token is empty.")
        claims = self.verify(token.strip(), audience)
        return Caller(claims.get("azp", ""), self.person(claims), frozenset(str(claims.get("scp", "")).split()), claims)

    def person(self, claims: Claims) -> Person | None:
        """The person whom a token's claims name, or None for an app's own token."""
        return None if claims.get("idtyp") == "app" else self.tenant.person_by_id(str(claims.get("oid")))

    def _check_session(self, claims: Claims) -> None:
        if "sid" not in claims:
            return
        person = self.person(claims)
        if person is None:
            raise TokenRefused(Reason.REVOKED, "The person of this token is not in the tenant any more.")
        if claims["sid"] != self.sessions.current(person.key):
            if self.sessions.anywhere(person.key):
                raise TokenRefused(Reason.EXPIRED, "Lifetime validation failed, the token is expired.")
            raise TokenRefused(Reason.REVOKED, "The session of this token was ended: the person has signed out.")

    def _person_claims(self, person: Person) -> dict[str, object]:
        return {
            "oid": person.id,
            "sub": person.id,
            "name": person.name,
            "preferred_username": person.upn,
            "upn": person.upn,
            "sid": self.sessions.current(person.key),
        }

    def _entra(self, about: dict[str, object], *, lifetime_seconds: int = LIFETIME_SECONDS) -> str:
        common = {"iss": self.issuer, "tid": self.tenant.id, "ver": "2.0", "uti": uuid.uuid4().hex[:22]}
        return _sign(self.keys.authority, {**common, **about}, lifetime_seconds=lifetime_seconds)


def _sign(key: SigningKey, about: Mapping[str, object], *, lifetime_seconds: int) -> str:
    now = int(time.time())
    times = {"iat": now, "nbf": now - 5, "exp": now + lifetime_seconds}
    return jwt.encode({**about, **times}, key.private, algorithm="RS256", headers={"kid": key.kid})
