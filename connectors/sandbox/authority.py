"""The tenant's authority, as Microsoft Entra ID answers: OpenID metadata, keys, and the token endpoint."""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.hurdles import CONTEXT, Hurdles
from connectors.sandbox.pages import page
from connectors.sandbox.tokens import (
    CHANNEL_AUDIENCE,
    LIFETIME_SECONDS,
    REFRESH_AUDIENCE,
    Mint,
    Reason,
    TokenRefused,
)

GRAPH_AUDIENCE = "https://graph.microsoft.com"
FACADE_AUDIENCE = "api://tandem-sap-facade"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATION_AUDIENCE = "api://AzureADTokenExchange"
OPENID_SCOPES = {"openid", "profile", "offline_access", "email"}


class OAuthError(Exception):
    """A refusal in Entra's own words and shape."""

    def __init__(
        self, status: int, error: str, code: int, message: str, suberror: str | None = None, claims: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}
        if claims:
            self.body["claims"] = claims
        if suberror:
            self.body["suberror"] = suberror


class Authority:
    """Serves /{tenant}/... over https."""

    def __init__(self, tenant: Tenant, mint: Mint, url: str, hurdles: Hurdles) -> None:
        self.tenant = tenant
        self.mint = mint
        self.url = url
        self._hurdles = hurdles
        secrets = mint.keys.secrets
        self._secrets = {tenant.file.apps.bot.id: secrets.app, tenant.file.apps.sso.id: secrets.sso}
        self._delegated = {
            GRAPH_AUDIENCE: "User.Read.All GroupMember.Read.All Sites.ReadWrite.All Files.ReadWrite.All",
            FACADE_AUDIENCE: "user_impersonation",
            tenant.file.dynamics_url.rstrip("/"): "user_impersonation",
        }

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the authority's paths."""
        for version in ("", "/v2.0"):
            router.add_get(f"/{{tenant}}{version}/.well-known/openid-configuration", self.metadata)
        router.add_get("/{tenant}/discovery/v2.0/keys", self.keys)
        router.add_post("/{tenant}/oauth2/v2.0/token", self.token)
        router.add_get("/{tenant}/adminconsent", self.consent)
        router.add_post("/{tenant}/adminconsent", self.consent)

    async def metadata(self, request: web.Request) -> web.Response:
        """OpenID provider metadata."""
        try:
            self._check_tenant(request.match_info["tenant"])
        except OAuthError as error:
            return self._refusal(error)
        base = f"{self.url}/{self.tenant.id}"
        return web.json_response(
            {
                "issuer": self.mint.issuer,
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "claims_supported": ["sub", "iss", "aud", "exp", "iat", "oid", "tid", "name", "preferred_username"],
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        """The keys with which tokens are signed."""
        return web.json_response({"keys": [self.mint.keys.authority.jwk(issuer=self.mint.issuer)]})

    async def consent(self, request: web.Request) -> web.Response:
        """The page on which an administrator gives consent for everybody."""
        if request.query.get("client_id") != self.tenant.file.apps.sso.id:
            return page("No such app", "<p>AADSTS700016: there is no application with this client_id.</p>", status=400)
        name = escape(self.tenant.file.apps.sso.name)
        if request.method == "GET":
            body = (
                f"<p><strong>{name}</strong> asks to act for the people of {escape(self.tenant.file.name)}, each with "
                "their own rights, at Microsoft 365, SAP and Dynamics 365. Only an administrator may agree.</p>"
                '<form method="post"><button>Accept for everybody, as an administrator</button></form>'
            )
            return page("Permissions requested", body)
        if request.headers.get("Origin") != self.url:
            return page("Not from here", "<p>This form was sent from another site. Nothing was done.</p>", status=403)
        self._hurdles.consented()
        return page("Consent given", "<p>Go back to the chat and press “Try again”; you can close this page.</p>")

    async def token(self, request: web.Request) -> web.Response:
        """The token endpoint."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            self._check_tenant(request.match_info["tenant"])
            answer = self._grant(request, form, self._client(request, form))
        except OAuthError as error:
            return self._refusal(error)
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        return web.json_response(
            {"token_type": "Bearer", "ext_expires_in": LIFETIME_SECONDS, **answer}, headers=headers
        )

    def _grant(self, request: web.Request, form: Mapping[str, str], client: str) -> dict[str, object]:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            return self._client_credentials(form, client)
        if grant == JWT_BEARER:
            return self._on_behalf_of(request, form, client)
        if grant == "refresh_token":
            return self._refresh(request, form, client)
        raise OAuthError(
            400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'."
        )

    def _check_tenant(self, name: str) -> None:
        if name.lower() not in (self.tenant.id, self.tenant.file.domain):
            message = f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
            raise OAuthError(400, "invalid_request", 90002, message)

    def _client(self, request: web.Request, form: Mapping[str, str]) -> str:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if not secret and request.headers.get("Authorization", "").startswith("Basic "):
            try:
                decoded = base64.b64decode(request.headers["Authorization"][6:], validate=True).decode()
            except ValueError:
                decoded = ""
            client, _, secret = decoded.partition(":")
        if client not in self._secrets:
            message = (
                f"Application with identifier '{client}' was not found in the directory '{self.tenant.file.name}'."
            )
            raise OAuthError(400, "unauthorized_client", 700016, message)
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            self._check_federated(client, form.get("client_assertion", ""))
            return client
        if not secret:
            message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise OAuthError(401, "invalid_client", 7000218, message)
        if not hmac.compare_digest(secret.encode(), self._secrets[client].encode()):
            message = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
            raise OAuthError(401, "invalid_client", 7000215, f"{message} value, not the client secret ID.")
        return client

    def _check_federated(self, client: str, assertion: str) -> None:
        """The registration that people sign in to trusts the bot's managed identity, and nothing else."""
        try:
            claims = self.mint.verify(assertion, FEDERATION_AUDIENCE)
        except TokenRefused as error:
            message = f"A configuration issue is preventing authentication: {error.detail}"
            raise OAuthError(401, "invalid_client", 700027, message) from error
        apps = self.tenant.file.apps
        if client != apps.sso.id or claims.get("idtyp") != "app" or claims.get("appid") != apps.bot.id:
            message = "No matching federated identity record found for presented assertion subject."
            raise OAuthError(401, "invalid_client", 700213, message)

    def _audience(self, form: Mapping[str, str], known: set[str]) -> tuple[str, set[str]]:
        scopes = set(form.get("scope", "").split())
        resources = {scope.rpartition("/")[0] for scope in scopes - OPENID_SCOPES if "/" in scope}
        if len(resources) != 1:
            message = f"The provided value for the input parameter 'scope' is not valid: '{form.get('scope', '')}'."
            raise OAuthError(400, "invalid_scope", 70011, message)
        audience = resources.pop().rstrip("/")
        if audience not in known:
            message = f"The resource principal named {audience} was not found in the tenant {self.tenant.file.name}."
            raise OAuthError(400, "invalid_resource", 500011, message)
        return audience, scopes

    def _client_credentials(self, form: Mapping[str, str], client: str) -> dict[str, object]:
        audience, _ = self._audience(form, {*self._delegated, CHANNEL_AUDIENCE})
        if not form["scope"].strip().endswith("/.default"):
            message = (
                "Client credential flows must have a scope value with /.default suffixed to the resource identifier."
            )
            raise OAuthError(400, "invalid_scope", 1002012, message)
        return {"access_token": self.mint.app_token(client, audience), "expires_in": LIFETIME_SECONDS - 1}

    def _on_behalf_of(self, request: web.Request, form: Mapping[str, str], client: str) -> dict[str, object]:
        if form.get("requested_token_use") != "on_behalf_of":
            raise OAuthError(400, "invalid_request", 900144, "The request body must contain 'requested_token_use'.")
        expected = f"api://botid-{client}"
        try:
            claims = self.mint.verify(form.get("assertion", ""), expected)
        except TokenRefused as error:
            raise self._assertion_refused(error, expected) from error
        if "access_as_user" not in str(claims.get("scp", "")).split():
            message = "The assertion is an app-only token; on-behalf-of needs a person's."
            raise OAuthError(400, "invalid_grant", 50013, message)
        return self._for_person(request, form, client, claims["oid"])

    @staticmethod
    def _assertion_refused(error: TokenRefused, expected: str) -> OAuthError:
        if error.reason == Reason.EXPIRED:
            message = (
                "Assertion is not within its valid time range. Ensure that the access token is not expired before "
                f"using it for user assertion, or request a new token. Current time: {datetime.now(UTC).isoformat()}."
            )
            return OAuthError(400, "invalid_grant", 500133, message)
        if error.reason == Reason.REVOKED:
            message = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            return OAuthError(400, "invalid_grant", 50173, message, "bad_token")
        if error.reason == Reason.AUDIENCE:
            message = (
                "Assertion audience does not match the Client app presenting the assertion. "
                f"The expected audience is '{expected}'."
            )
            return OAuthError(400, "invalid_grant", 500131, message)
        if error.reason == Reason.MALFORMED:
            return OAuthError(400, "invalid_request", 50027, f"JWT token is invalid or malformed. {error.detail}")
        return OAuthError(
            400, "invalid_grant", 50013, f"Assertion failed signature validation. [Reason - {error.detail}]"
        )

    def _refresh(self, request: web.Request, form: Mapping[str, str], client: str) -> dict[str, object]:
        try:
            claims = self.mint.verify(form.get("refresh_token", ""), REFRESH_AUDIENCE)
        except TokenRefused as error:
            message = f"The refresh token has expired or is invalid: {error.detail}"
            raise OAuthError(400, "invalid_grant", 700082, message, "bad_token") from error
        if claims.get("azp") != client:
            raise OAuthError(400, "invalid_grant", 700016, "The refresh token was issued to another application.")
        return self._for_person(request, form, client, claims["oid"])

    def _for_person(self, request: web.Request, form: Mapping[str, str], client: str, oid: str) -> dict[str, object]:
        audience, scopes = self._audience(form, set(self._delegated))
        person = self.tenant.person_by_id(oid)
        if person is None:
            raise OAuthError(400, "invalid_grant", 50034, "The user account does not exist in the directory.")
        acted(request, person.key)
        more = self._let_in(person, audience, form)
        granted = self._delegated[audience]
        who = json.dumps({"uid": person.id, "utid": self.tenant.id}).encode()
        answer: dict[str, object] = {
            "access_token": self.mint.delegated(person, client, audience, granted, **more),
            "expires_in": LIFETIME_SECONDS - 1,
            "scope": " ".join(f"{audience}/{scope}" for scope in granted.split()),
            "client_info": base64.urlsafe_b64encode(who).decode().rstrip("="),
        }
        if "openid" in scopes:
            answer["id_token"] = self.mint.id_token(person, client)
        if "offline_access" in scopes:
            answer["refresh_token"] = self.mint.refresh_token(person, client)
        return answer

    def _let_in(self, person: Person, audience: str, form: Mapping[str, str]) -> dict[str, object]:
        """The claims that the person's token gets besides the usual ones; raises where a hurdle stands in the way."""
        at = {GRAPH_AUDIENCE: "graph", FACADE_AUDIENCE: "sap"}.get(audience, "dynamics")

        def stands(kind: str) -> bool:
            return self._hurdles.find(kind, person.key, at) is not None

        if stands("revoked"):
            message = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            raise OAuthError(400, "invalid_grant", 50173, message, "bad_token")
        if stands("consent"):
            message = (
                f"The user or administrator has not consented to use the application with ID "
                f"'{self.tenant.file.apps.sso.id}' named '{self.tenant.file.apps.sso.name}'. Send an interactive "
                "authorization request for this user and resource."
            )
            raise OAuthError(400, "invalid_grant", 65001, message, "consent_required")
        if stands("blocked"):
            message = "Access has been blocked by Conditional Access policies. The access policy does not allow token."
            raise OAuthError(400, "interaction_required", 53003, message, "message_only")
        step = (
            "Due to a configuration change made by your administrator, or because you moved to a new location, you "
            f"must use multi-factor authentication to access '{audience}'."
        )
        if stands("confirm"):
            wanted = json.dumps({"access_token": {"capolids": {"essential": True, "values": [str(uuid.uuid4())]}}})
            raise OAuthError(400, "interaction_required", 50076, step, "basic_action", wanted)
        asked = form.get("claims", "")
        more: dict[str, object] = {}
        if (newer := self._hurdles.find("challenge", person.key, at)) and newer.id in asked:
            more["cae"] = newer.id
        if (higher := self._hurdles.find("step-up", person.key, at)) and '"acrs"' in asked:
            if not self._hurdles.stepped_up(higher, person.key):
                raise OAuthError(400, "interaction_required", 50076, step, "basic_action", higher.demand)
            more["acrs"] = [CONTEXT]
        return more

    def _refusal(self, error: OAuthError) -> web.Response:
        trace, correlation, now = str(uuid.uuid4()), str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
        description = (
            f"{error.body['error_description']} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
        )
        more = {"timestamp": now, "trace_id": trace, "correlation_id": correlation}
        return web.json_response({**error.body, "error_description": description, **more}, status=error.status)
