"""Tokens are a person's own, asked for no more often than needed, and a refusal says who can do what about it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from connectors.identity import Identity, IdentitySettings
from connectors.identity.assertion import check, claims
from orchestration.core.run import Person
from orchestration.errors import NotPermitted, Refused, SignInNeeded, TandemError, Unavailable
from orchestration.sign_in import Need, SignInMissing
from tests.unit.connectors.conftest import MEGAN, Serve

ALEX = Person(id="11111111-aaaa-4aaa-8aaa-000000000002", name="Alex Wilber", tenant="tenant")
SCOPE = "https://graph.microsoft.com/.default"


def jwt(person: Person = MEGAN, *, tenant: str = "tenant", lifetime: float = 3600, **more: Any) -> str:
    body = {"oid": person.id, "tid": tenant, "exp": time.time() + lifetime, **more}
    parts = ({"alg": "none"}, body)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".s"


class SignIns:
    def __init__(self, assertion: str | None) -> None:
        self.now = assertion
        self.asked = 0

    async def assertion(self, person: Person) -> str | None:
        self.asked += 1
        return self.now


class Authority:
    """A scripted token endpoint over https."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.reply: tuple[int, Any] | None = None
        self.headers: dict[str, str] = {}
        self.url = ""
        self.ca_file = ""

    async def token(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.reply:
            status, body = self.reply
            if isinstance(body, str):
                return web.Response(status=status, text=body, content_type="text/html", headers=self.headers)
            return web.json_response(body, status=status, headers=self.headers)
        number = len(self.forms)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "access_token": f"secret-token-{number}"})


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    made, ca = Authority(), trustme.CA()
    made.ca_file = str(tmp_path / "ca.pem")
    ca.cert_pem.write_to_path(made.ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    app = web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", made.token)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://localhost:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def settings(server: Authority, **more: Any) -> IdentitySettings:
    given: dict[str, Any] = {
        "tenant_id": "tenant",
        "client_id": "app",
        "client_secret": "s3cret",
        "timeout_seconds": 5.0,
    }
    return IdentitySettings(**{**given, "authority": server.url, "ca_file": server.ca_file, **more})


@pytest.fixture
def sign_ins() -> SignIns:
    return SignIns(jwt())


@pytest.fixture
async def identity(authority: Authority, sign_ins: SignIns) -> AsyncIterator[Identity]:
    made = Identity(settings(authority), sign_ins)
    yield made
    await made.close()


async def test_a_token_is_exchanged_once_and_then_cached(
    identity: Identity, authority: Authority, sign_ins: SignIns
) -> None:
    assert {await identity.token(MEGAN, SCOPE) for _ in range(3)} == {"secret-token-1"}
    assert len(authority.forms) == 1
    assert authority.forms[0]["assertion"] == sign_ins.now
    assert authority.forms[0]["requested_token_use"] == "on_behalf_of"
    assert sign_ins.asked == 3


async def test_tasks_in_parallel_share_one_exchange(identity: Identity, authority: Authority) -> None:
    found = await asyncio.gather(*(identity.token(MEGAN, SCOPE) for _ in range(8)))
    assert set(found) == {"secret-token-1"}
    assert len(authority.forms) == 1


async def test_each_system_has_its_own_token(identity: Identity, authority: Authority) -> None:
    assert await identity.token(MEGAN, SCOPE) != await identity.token(MEGAN, "https://erp.example/.default")
    assert [form["scope"] for form in authority.forms] == [SCOPE, "https://erp.example/.default"]


async def test_a_new_sign_in_replaces_what_was_cached(
    identity: Identity, authority: Authority, sign_ins: SignIns
) -> None:
    first = await identity.token(MEGAN, SCOPE)
    sign_ins.now = jwt(nonce="another")
    assert await identity.token(MEGAN, SCOPE) != first


async def test_forgetting_a_person_drops_their_tokens(identity: Identity, authority: Authority) -> None:
    first = await identity.token(MEGAN, SCOPE)
    identity.forget(ALEX)
    assert await identity.token(MEGAN, SCOPE) == first
    identity.forget(MEGAN)
    assert await identity.token(MEGAN, SCOPE) != first


async def test_who_has_signed_out_is_out_at_once(identity: Identity, authority: Authority, sign_ins: SignIns) -> None:
    await identity.token(MEGAN, SCOPE)
    sign_ins.now = None
    with pytest.raises(SignInNeeded, match="not signed in"):
        await identity.token(MEGAN, SCOPE)


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        (None, "not signed in"),
        ("", "not signed in"),
        (jwt(ALEX), "belongs to somebody else"),
        (jwt(tenant="other"), "belongs to somebody else"),
        (jwt(lifetime=-1), "expired"),
        (jwt(lifetime=5), "expired"),
        ("garbage", "cannot be read"),
        ("a.b.c", "cannot be read"),
        ("a.e30.c", "belongs to somebody else"),
    ],
)
async def test_only_the_persons_own_valid_sign_in_counts(
    identity: Identity, authority: Authority, sign_ins: SignIns, assertion: str | None, said: str
) -> None:
    sign_ins.now = assertion
    with pytest.raises(SignInNeeded, match=said):
        await identity.token(MEGAN, SCOPE)
    assert authority.forms == []


def test_ids_compare_without_case() -> None:
    assertion = jwt()
    upper = Person(id=MEGAN.id.upper(), name="Megan", tenant="TENANT")
    assert check(assertion, upper, "TENANT", time.time()) == assertion


def test_claims_of_what_is_no_token_are_none() -> None:
    assert claims("a.bm9qc29u.c") is None
    assert claims("ä.ö.ü") is None


REFUSALS: list[tuple[int, Any, type[TandemError], str]] = [
    (400, {"error": "invalid_grant", "error_codes": [500133]}, SignInMissing, "no longer accepted"),
    (
        400,
        {"error": "invalid_grant", "error_codes": [65001], "suberror": "consent_required"},
        SignInMissing,
        "administrator",
    ),
    (400, {"error": "interaction_required", "error_codes": [50076], "claims": "{}"}, SignInMissing, "Sign in again"),
    (400, {"error": "invalid_grant", "error_codes": [50105]}, NotPermitted, "not assigned"),
    (400, {"error": "invalid_grant", "error_codes": [500131]}, Refused, "OAuth connection"),
    (401, {"error": "invalid_client", "error_codes": [7000215]}, Refused, "AADSTS7000215.*TANDEM_SSO_APP_SECRET"),
    (400, {"error": "unauthorized_client", "error_codes": [700016]}, Refused, "TANDEM_SSO_APP_ID"),
    (400, {"error": "invalid_resource", "error_codes": [500011]}, Refused, r"graph\.microsoft\.com.*AADSTS500011"),
    (503, {"error": "temporarily_unavailable", "error_codes": [90033]}, Unavailable, r"\(503\)"),
    (500, "<html>oops</html>", Unavailable, "cannot be read"),
    (429, {"error": "too_many"}, Unavailable, r"\(429\)"),
    (400, "<html>a proxy's page</html>", Unavailable, "cannot be read"),
    (400, {"odd": 1}, Unavailable, "cannot be read"),
    (400, {"error": "invalid_request"}, Refused, "invalid_request.*operator"),
]


@pytest.mark.parametrize(("status", "body", "expected", "said"), REFUSALS)
async def test_each_refusal_says_who_can_do_what(
    identity: Identity, authority: Authority, status: int, body: Any, expected: type[TandemError], said: str
) -> None:
    authority.reply = (status, body)
    with pytest.raises(TandemError, match=said) as caught:
        await identity.token(MEGAN, SCOPE)
    assert type(caught.value) is expected
    assert len(authority.forms) == 1  # the engine tries again, not the library


async def test_a_busy_authority_says_when_to_come_back(identity: Identity, authority: Authority) -> None:
    authority.reply, authority.headers = (429, {"error": "too_many"}), {"Retry-After": "3"}
    with pytest.raises(Unavailable) as caught:
        await identity.token(MEGAN, SCOPE)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 3


async def test_an_authority_that_is_down_is_unavailable(authority: Authority, sign_ins: SignIns) -> None:
    made = Identity(settings(authority, authority="https://localhost:9"), sign_ins)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await made.token(MEGAN, SCOPE)
    await made.close()


async def test_an_authority_of_unknown_trust_gets_nothing(authority: Authority, sign_ins: SignIns) -> None:
    made = Identity(settings(authority, ca_file=""), sign_ins)
    with pytest.raises(Unavailable):
        await made.token(MEGAN, SCOPE)
    assert authority.forms == []
    await made.close()


async def test_a_challenge_is_passed_on_and_the_cache_left_aside(identity: Identity, authority: Authority) -> None:
    first = await identity.token(MEGAN, SCOPE)
    again = await identity.token(MEGAN, SCOPE, claims='{"access_token":{"acrs":{"essential":true}}}')
    assert again != first
    assert '"acrs"' in authority.forms[1]["claims"]


async def test_no_secret_is_logged_or_shown(
    identity: Identity, authority: Authority, sign_ins: SignIns, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await identity.token(MEGAN, SCOPE)
    authority.reply = (400, {"error": "invalid_grant"})
    identity.forget(MEGAN)
    with pytest.raises(SignInNeeded):
        await identity.token(MEGAN, SCOPE)
    assert sign_ins.now is not None
    for secret in ("secret-token", "s3cret", sign_ins.now):
        assert secret not in caplog.text
    assert "s3cret" not in repr(settings(authority, sap_client_secret="s3cret"))


class SapSide:
    """A façade and SAP's token endpoint."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.facade: list[int] = []
        self.sap: tuple[int, Any] = (200, {"access_token": "sap-token", "token_type": "Bearer", "expires_in": 600})

    async def answer(self, request: web.Request) -> web.Response:
        self.calls.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/facade/saml":
            status = self.facade.pop(0) if self.facade else 200
            return web.json_response({"assertion": "c2FtbA", "expires_in": 300}, status=status)
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:saml2-bearer"
        assert form["assertion"] == "c2FtbA"
        return web.json_response(self.sap[1], status=self.sap[0])


async def hop(serve: Serve, authority: Authority, sign_ins: SignIns, **more: Any) -> tuple[Identity, SapSide]:
    side = SapSide()
    url = await serve(side.answer)
    sap = {
        "sap_facade_url": f"{url}/facade",
        "sap_facade_scope": "api://facade/.default",
        "sap_token_url": f"{url}/token",
        "sap_client_id": "TANDEM",
        "sap_client_secret": "pw",
    }
    return Identity(settings(authority, **sap), sign_ins, **more), side


async def test_saps_token_takes_two_hops_and_is_cached_until_shortly_before_its_end(
    serve: Serve, authority: Authority, sign_ins: SignIns
) -> None:
    now = time.time()
    made, side = await hop(serve, authority, sign_ins, now=lambda: now)
    assert [await made.sap_token(MEGAN) for _ in range(3)] == ["sap-token"] * 3
    basic = base64.b64encode(b"TANDEM:pw").decode()
    assert side.calls == [("/facade/saml", "Bearer secret-token-1"), ("/token", f"Basic {basic}")]
    now += 541  # 600 s of life, one minute early
    await made.sap_token(MEGAN)
    assert len(side.calls) == 4
    await made.close()


async def test_a_facade_token_that_was_revoked_is_replaced_before_the_person_is_asked(
    serve: Serve, authority: Authority, sign_ins: SignIns
) -> None:
    made, side = await hop(serve, authority, sign_ins)
    side.facade = [401]
    assert await made.sap_token(MEGAN) == "sap-token"
    assert [call[1] for call in side.calls[:2]] == ["Bearer secret-token-1", "Bearer secret-token-2"]
    made.forget(MEGAN)
    side.facade = [401, 401]
    with pytest.raises(SignInNeeded, match="not accepted for SAP"):
        await made.sap_token(MEGAN)
    await made.close()


@pytest.mark.parametrize(
    ("reply", "expected", "said"),
    [
        ((401, {"error": "invalid_client"}), Refused, "TANDEM_SAP_CLIENT_ID"),
        (
            (400, {"error": "invalid_grant", "error_description": "no such user"}),
            NotPermitted,
            "no such user.*administrator",
        ),
        ((503, {}), Unavailable, "503"),
        ((200, {"token": "odd"}), Unavailable, "cannot be read"),
    ],
)
async def test_saps_refusals_say_who_can_do_what(
    serve: Serve, authority: Authority, sign_ins: SignIns, reply: Any, expected: type[TandemError], said: str
) -> None:
    made, side = await hop(serve, authority, sign_ins)
    side.sap = reply
    with pytest.raises(expected, match=said):
        await made.sap_token(MEGAN)
    await made.close()


WHYS: list[tuple[Any, str, str]] = [
    ({"error": "invalid_grant", "error_codes": [500133]}, "expired", "expired"),
    ({"error": "invalid_grant", "error_codes": [50173]}, "revoked", "new password or by an administrator"),
    ({"error": "invalid_grant", "error_codes": [700082]}, "revoked", "Sign in again"),
    ({"error": "invalid_grant", "error_codes": [50013]}, "unreadable", "cannot be verified"),
    ({"error": "invalid_request", "error_codes": [50027]}, "unreadable", "cannot be verified"),
    ({"error": "invalid_grant", "error_codes": [65001]}, "consent", "administrator"),
    ({"error": "invalid_grant", "error_codes": [65004]}, "consent", "You declined"),
    ({"error": "consent_required"}, "consent", "consent page"),
    ({"error": "interaction_required", "error_codes": [50076], "claims": "{}"}, "confirm", "second step"),
    ({"error": "interaction_required", "error_codes": [53003]}, "blocked", "AADSTS53003"),
]


@pytest.mark.parametrize(("body", "why", "said"), WHYS)
async def test_each_reason_to_sign_in_is_kept_for_the_card_until_it_is_gone(
    identity: Identity, authority: Authority, body: Any, why: str, said: str
) -> None:
    authority.reply = (400, body)
    with pytest.raises(SignInMissing, match=said):
        await identity.token(MEGAN, SCOPE)
    (need,) = identity.needs(MEGAN)
    assert (need.why, need.where) == (why, "Microsoft 365")
    assert identity.needs(ALEX) == []
    assert need.link == (f"{authority.url}/tenant/adminconsent?client_id=app" if why == "consent" else "")
    authority.reply = None
    await identity.token(MEGAN, SCOPE)
    assert identity.needs(MEGAN) == []


async def test_reasons_of_several_systems_are_kept_apart_and_dropped_at_a_new_sign_in(
    identity: Identity, authority: Authority, sign_ins: SignIns
) -> None:
    authority.reply = (400, {"error": "invalid_grant", "error_codes": [65001]})
    for scope in (SCOPE, "https://contoso.operations.dynamics.com/.default"):
        with pytest.raises(SignInNeeded):
            await identity.token(MEGAN, scope)
    assert [need.where for need in identity.needs(MEGAN)] == ["Dynamics 365", "Microsoft 365"]
    identity.renewed(MEGAN)
    assert identity.needs(MEGAN) == []
    sign_ins.now = None
    with pytest.raises(SignInNeeded):
        await identity.token(MEGAN, SCOPE)
    assert [need.why for need in identity.needs(MEGAN)] == ["signed_out"]


async def test_after_a_challenge_nobody_gets_the_token_of_before(identity: Identity, authority: Authority) -> None:
    first = await identity.token(MEGAN, SCOPE)
    second = await identity.token(MEGAN, SCOPE, claims='{"access_token":{"nbf":{"essential":true,"value":"1"}}}')
    assert await identity.token(MEGAN, SCOPE) == second != first
    assert "nbf" in authority.forms[1]["claims"]
    assert all("cp1" in form["claims"].lower() for form in authority.forms)


async def test_a_bearer_at_hand_is_worth_nothing_after_sign_out(
    identity: Identity, authority: Authority, sign_ins: SignIns
) -> None:
    bearer = identity.bearer(MEGAN, SCOPE)
    assert await bearer.token() == await bearer.token() == "secret-token-1"
    sign_ins.now = None
    identity.forget(MEGAN)
    with pytest.raises(SignInNeeded, match="not signed in"):
        await bearer.token()
    with pytest.raises(SignInNeeded):  # nor the time after
        await bearer.token()


async def test_a_token_that_was_being_fetched_when_the_person_signed_out_is_not_given(
    identity: Identity, authority: Authority, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanged = identity._exchanged

    async def slow(*asked: Any) -> str:
        found = await exchanged(*asked)
        sign_ins.now = None
        identity.forget(MEGAN)
        return found

    monkeypatch.setattr(identity, "_exchanged", slow)
    with pytest.raises(SignInNeeded, match="not signed in"):
        await identity.token(MEGAN, SCOPE)
    assert len(authority.forms) == 1


async def test_a_sign_in_that_never_holds_still_is_given_up(
    identity: Identity, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanged = identity._exchanged

    async def restless(*asked: Any) -> str:
        found = await exchanged(*asked)
        identity.forget(MEGAN)
        return found

    monkeypatch.setattr(identity, "_exchanged", restless)
    with pytest.raises(Unavailable, match="changed again and again"):
        await identity.token(MEGAN, SCOPE)


async def test_two_people_at_once_each_get_their_own_token(authority: Authority) -> None:
    signed = {person.id: jwt(person) for person in (MEGAN, ALEX)}

    class Both:
        async def assertion(self, person: Person) -> str | None:
            await asyncio.sleep(0)
            return signed[person.id]

    made = Identity(settings(authority), Both())
    people = [MEGAN, ALEX] * 10
    bearers = [made.bearer(person, f"https://r{number % 3}.example/.default") for number, person in enumerate(people)]
    tokens = await asyncio.gather(*(bearer.token() for bearer in bearers))
    asked = {f"secret-token-{n}": claims(form["assertion"]) for n, form in enumerate(authority.forms, 1)}
    for person, token in zip(people, tokens, strict=True):
        found = asked[token]
        assert found is not None
        assert found.oid == person.id
    assert len(authority.forms) == 6
    made.forget(MEGAN)
    kept = await bearers[1].token()
    assert kept == tokens[1]
    assert await bearers[0].token() != tokens[0]
    await made.close()


def test_a_reason_shows_nothing_that_could_be_used() -> None:
    need = Need("consent", "text", "SAP", "https://login.example/adminconsent")
    assert SignInMissing(need).message == "text"
    assert SignInMissing(need).code == "sign_in_needed"
