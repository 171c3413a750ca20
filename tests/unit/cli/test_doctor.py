"""`tandem doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from filelock import FileLock

from bot.cli import doctor, endpoints
from bot.cli.finding import Finding
from bot.cli.offer import Offer
from bot.cli.probe import look
from bot.cli.state import State
from bot.settings import Settings, read
from orchestration.stores.sqlite import SCHEMA_VERSION, SqliteStore
from tests.unit.cli.test_offer import offered

GUID = "11111111-1111-4111-8111-111111111111"


class Cloud:
    """All endpoints of the settings, on one port; `answers` turns some of them into something else."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, tuple[int, Any]] = {}
        self.headers: dict[str, str] = {}

    async def any(self, request: web.Request) -> web.Response:
        wanted = next((each for part, each in self.answers.items() if part in request.path), None)
        status, body = wanted or self._usual(request.path)
        return web.json_response(body, status=status, headers=self.headers)

    def _usual(self, path: str) -> tuple[int, Any]:
        if "openid-configuration" in path:
            return 200, {"token_endpoint": "x"}
        if path.endswith("/oauth2/v2.0/token"):
            return 200, {"access_token": "x"}
        if path.startswith("/channel"):
            return 200, {"issuer": "https://api.botframework.com", "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return 200, {"keys": [{"kid": "1"}]}
        return (200, {"status": "ok"}) if path == "/healthz" else (401, {})

    def settings(self, **more: str) -> Settings:
        names = dict.fromkeys(("TANDEM_TENANT_ID", "TANDEM_APP_ID", "TANDEM_SSO_APP_ID"), GUID)
        names |= dict.fromkeys(("TANDEM_APP_SECRET", "TANDEM_SSO_APP_SECRET"), "secret-value")
        names |= {"TANDEM_AUTHORITY": f"{self.url}/authority", "TANDEM_CHANNEL_METADATA_URL": f"{self.url}/channel"}
        names |= {"TANDEM_TOKEN_SERVICE_URL": f"{self.url}/tokens", "TANDEM_GRAPH_URL": f"{self.url}/graph"}
        names |= {"TANDEM_PORT": self.url.rpartition(":")[2]}
        return read(names | more)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.any)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def told(findings: list[Finding], mark: str) -> str:
    return "\n".join(f"{each.text} -> {each.way_out}" for each in findings if each.mark == mark)


async def test_a_deployment_that_is_well_has_nothing_to_say_but_good(cloud: Cloud) -> None:
    findings = await endpoints.examine(cloud.settings())

    assert told(findings, "bad") == told(findings, "note") == ""
    assert "SAP: not used" in told(findings, "off")
    assert "The bot is up" in told(findings, "good")


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("openid-configuration", (400, {}), f"does not know the tenant {GUID}"),
        ("/oauth2/v2.0/token", (401, {"error_description": "AADSTS7000215: Invalid client secret."}), "AADSTS7000215"),
        ("/channel", (200, {"nothing": 1}), "is no OpenID metadata"),
        ("/channel", (200, {"issuer": "https://else.example", "jwks_uri": "KEYS"}), "issuer is https://else.example"),
        ("/keys", (200, {"keys": []}), "signing keys at"),
        ("/graph/me", (503, {}), "Microsoft Graph answers with status 503"),
        ("/graph/me", (200, {}), "where it should ask for a token"),
        ("/tokens", (500, {}), "Token service answers with status 500"),
        ("/healthz", (503, {}), "The bot answers with status 503"),
    ],
)
async def test_what_is_wrong_is_named_with_a_way_out(
    cloud: Cloud, path: str, answer: tuple[int, Any], says: str
) -> None:
    body = {key: f"{cloud.url}/keys" if value == "KEYS" else value for key, value in answer[1].items()}
    cloud.answers[path] = (answer[0], body)

    bad = told(await endpoints.examine(cloud.settings()), "bad")

    assert says in bad
    assert bad.count("\n") == 0, "one cause, one line"
    assert not bad.endswith("-> ")
    assert "secret-value" not in bad


async def test_an_endpoint_where_nobody_listens_is_named_with_its_setting(cloud: Cloud) -> None:
    bad = told(await endpoints.examine(cloud.settings(TANDEM_GRAPH_URL="http://127.0.0.1:1/graph")), "bad")

    assert "Microsoft Graph at http://127.0.0.1:1/graph/me: nobody listens there -> Is TANDEM_GRAPH_URL right" in bad


async def test_a_clock_that_is_wrong_is_noticed(cloud: Cloud) -> None:
    cloud.headers["Date"] = format_datetime(datetime.now(UTC) - timedelta(minutes=15), usegmt=True)

    assert "clock is +" in told(await endpoints.examine(cloud.settings()), "bad")


def test_an_address_that_is_none_is_no_answer() -> None:
    assert look("ftp://example.com").problem == "this is no http address"


async def test_settings_that_do_not_fit_are_all_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_TENANT_ID", "nonsense")

    bad = told(await doctor.examine(State(tmp_path / "state")), "bad")

    assert "TANDEM_TENANT_ID is not a GUID" in bad
    assert "TANDEM_APP_ID is missing" in bad


async def test_without_a_deployment_it_says_how_to_get_one(tmp_path: Path) -> None:
    findings = await doctor.examine(State(tmp_path / "state"))

    assert "there is no deployment to look at" in told(findings, "note")
    assert "is not there yet and can be made" in told(findings, "good")


async def test_the_log_tells_schema_runs_and_owner(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tandem.db")
    await store.open()
    owned = told(await doctor.examine(State(tmp_path)), "good")
    await store.close()
    free = told(await doctor.examine(State(tmp_path)), "good")

    assert f"schema {SCHEMA_VERSION}, 0 runs, 0 open" in owned
    assert "owned by a running bot (process " in owned
    assert "Nobody owns the log" in free
    with FileLock(f"{tmp_path / 'tandem.db'}.lock", timeout=0):
        pass  # the doctor has let go of it


async def test_a_log_of_a_newer_tandem_and_a_file_that_is_none_are_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "tandem.db")
    await store.open()
    await store.close()
    with closing(sqlite3.connect(tmp_path / "tandem.db")) as db:
        db.execute("PRAGMA user_version = 99")
    assert "has schema 99" in told(await doctor.examine(State(tmp_path)), "bad")

    (tmp_path / "tandem.db").write_bytes(b"no database" * 1000)
    assert "cannot be read as an event log" in told(await doctor.examine(State(tmp_path)), "bad")


async def test_a_broken_description_of_the_sandbox_is_named(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text(json.dumps({"pid": "soon"}))

    assert "sandbox.json is not what the sandbox writes" in told(await doctor.examine(State(tmp_path)), "bad")


async def test_a_missing_node_is_no_reason_to_give_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    note = told(await doctor.examine(State(tmp_path)), "note")

    assert "Node.js is not installed; only the Playground needs it." in note
    assert "tandem chat" in note


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("capabilities: {mail: deny, mail.draft: deny}", "denies 'mail'"),
        (
            "initiators: {mail: [lee@contoso.com], mail.draft: [lee@contoso.com], plan.draft: [lee@contoso.com]}",
            "says who may use 'mail'",
        ),
    ],
)
async def test_a_policy_that_forbids_what_there_is_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str, said: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(rules)
    for name in ("TANDEM_TENANT_ID", "TANDEM_APP_ID", "TANDEM_SSO_APP_ID"):
        monkeypatch.setenv(name, "none")  # the settings themselves are another matter
    monkeypatch.setenv("TANDEM_POLICY", str(policy))
    monkeypatch.setattr(doctor.offer, "ask", lambda _: Offer([offered("mail.draft"), offered("mail.send")], [], True))

    bad = told(await doctor.examine(State(tmp_path)), "bad")

    assert f"{said}, but there is no such capability" in bad
    assert "write mail.* for all that begins so" in bad
    assert ".draft" not in bad
