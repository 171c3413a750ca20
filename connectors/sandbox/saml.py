"""SAP's second hop: the façade turns an on-behalf-of token into a SAML 2.0 assertion, SAP's token endpoint takes it.

The assertion is signed as one string: the signature element is cut out, what is left must be exactly what was signed.
That is simpler than XML-DSig with its canonical forms, and nothing but this sandbox reads it.
"""

from __future__ import annotations

import base64
import hmac
import re
import uuid
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from connectors.sandbox.accesslog import acted
from connectors.sandbox.authority import FACADE_AUDIENCE
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.keys import SigningKey
from connectors.sandbox.tokens import Mint, TokenRefused

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAML_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"
SCOPE = "API_SUPPLIERINVOICE_PROCESS_SRV_0001"
ISSUER = "tandem-sap-facade"
AUDIENCE = "https://sap.contoso.example/saml2"
SAP_CLIENT = "TANDEM"
LIFETIME = timedelta(minutes=5)
SAP_TOKEN_SECONDS = 1800
_SIGNATURE = re.compile(rb"<ds:Signature [^>]*><ds:SignatureValue>([A-Za-z0-9+/=]+)</ds:SignatureValue></ds:Signature>")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class AssertionRefused(Exception):
    """An assertion that SAP does not accept."""


def issue(person: Person, key: SigningKey, recipient: str, now: datetime) -> bytes:
    """A signed SAML 2.0 assertion that names `person`, for SAP's token endpoint at `recipient`."""
    until = (now + LIFETIME).strftime(_TIME)
    head = (
        f'<saml:Assertion xmlns:saml="{SAML}" Version="2.0" ID="_{uuid.uuid4().hex}" '
        f'IssueInstant="{now.strftime(_TIME)}">'
        f"<saml:Issuer>{ISSUER}</saml:Issuer>"
    )
    body = (
        '<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">'
        f"{escape(person.upn)}</saml:NameID>"
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{until}" Recipient="{escape(recipient)}"/>'
        "</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{(now - timedelta(seconds=30)).strftime(_TIME)}" NotOnOrAfter="{until}">'
        f"<saml:AudienceRestriction><saml:Audience>{AUDIENCE}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        "</saml:Assertion>"
    )
    value = base64.b64encode(key.private.sign((head + body).encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    namespace = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    signature = f"<ds:Signature {namespace}><ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    return (head + signature + body).encode()


def verify(assertion: bytes, key: SigningKey, recipient: str, now: datetime) -> str:
    """The name in a sound and current assertion that was made for `recipient`.

    Raises:
        AssertionRefused: Says what is wrong.
    """
    signatures = _SIGNATURE.findall(assertion)
    if len(signatures) != 1:
        raise AssertionRefused("the assertion is not signed")
    signed = _SIGNATURE.sub(b"", assertion)
    try:
        key.public.verify(base64.b64decode(signatures[0]), signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise AssertionRefused("the signature does not belong to a trusted issuer") from None
    # Parsed only after the signature proved that this very text is the façade's own.
    root = ET.fromstring(signed)  # noqa: S314
    names = {"s": SAML}
    conditions, confirmed = root.find("s:Conditions", names), root.find(".//s:SubjectConfirmationData", names)
    name = root.findtext("s:Subject/s:NameID", namespaces=names)
    if conditions is None or confirmed is None or not name:
        raise AssertionRefused("the assertion is incomplete")
    if root.findtext(".//s:Audience", namespaces=names) != AUDIENCE or confirmed.get("Recipient") != recipient:
        raise AssertionRefused("the assertion is meant for another system")
    begins, ends = (datetime.fromisoformat(conditions.get(n, "")) for n in ("NotBefore", "NotOnOrAfter"))
    if not begins <= now < ends:
        raise AssertionRefused("the assertion is not valid at this time")
    return name


class SamlHop:
    """Serves the façade's /facade/saml and SAP's /sap/bc/sec/oauth2/token."""

    def __init__(self, tenant: Tenant, mint: Mint, token_url: str) -> None:
        self._tenant = tenant
        self._mint = mint
        self._token_url = token_url

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds both hops' paths."""
        router.add_post("/facade/saml", self.facade)
        router.add_post("/sap/bc/sec/oauth2/token", self.token)

    async def facade(self, request: web.Request) -> web.Response:
        """An assertion for the person of the on-behalf-of token."""
        try:
            caller = self._mint.caller(request.headers.get("Authorization"), FACADE_AUDIENCE)
        except TokenRefused as error:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            body = {"error": {"code": "Unauthorized", "message": error.detail}}
            return web.json_response(body, status=401, headers=headers)
        if caller.person is None:
            body = {"error": {"code": "Forbidden", "message": "Only a person's token is exchanged, not an app's own."}}
            return web.json_response(body, status=403)
        acted(request, caller.person.key)
        made = issue(caller.person, self._mint.keys.facade, self._token_url, datetime.now(UTC))
        encoded = base64.urlsafe_b64encode(made).decode().rstrip("=")
        return web.json_response({"assertion": encoded, "expires_in": int(LIFETIME.total_seconds())})

    async def token(self, request: web.Request) -> web.Response:
        """SAP's OAuth 2.0 SAML bearer grant (RFC 7522)."""
        if not self._is_client(request.headers.get("Authorization", "")):
            headers = {"WWW-Authenticate": 'Basic realm="SAP NetWeaver Application Server"'}
            return _oauth_error(401, "invalid_client", "The OAuth client id or its password is wrong.", headers)
        form = await request.post()
        if form.get("grant_type") != SAML_BEARER:
            return _oauth_error(400, "unsupported_grant_type", f"Only {SAML_BEARER} is supported.")
        if form.get("scope") != SCOPE:
            return _oauth_error(400, "invalid_scope", f"The scope {form.get('scope')!r} is not granted to this client.")
        try:
            encoded = str(form.get("assertion", ""))
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            name = verify(raw, self._mint.keys.facade, self._token_url, datetime.now(UTC))
        except (ValueError, AssertionRefused) as error:
            return _oauth_error(400, "invalid_grant", f"Provided SAML assertion is not accepted: {error}.")
        person = self._tenant.person_by_name(name)
        if person is None:
            return _oauth_error(400, "invalid_grant", "The user of the assertion is not known.")
        acted(request, person.key)
        answer = {"access_token": self._mint.sap_token(person, SCOPE), "token_type": "Bearer"}
        return web.json_response({**answer, "expires_in": SAP_TOKEN_SECONDS, "scope": SCOPE})

    def _is_client(self, authorization: str) -> bool:
        expected = base64.b64encode(f"{SAP_CLIENT}:{self._mint.keys.secrets.sap}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())


def _oauth_error(status: int, error: str, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": error, "error_description": text}, status=status, headers=headers)
