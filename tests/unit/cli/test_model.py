"""`tandem doctor` about the language model: what it found, and how to mend it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.cli import model
from bot.cli.finding import Finding
from bot.settings import read
from connectors.sandbox.model.recordings import ANSWERS, Recordings
from connectors.sandbox.model.server import RecordedModel
from tests.unit.bot.test_settings import CLOUD
from tests.unit.kernel.conftest import Answer, Server, completes, refuses, server

__all__ = ["server"]


async def found(server: Server, *answers: Answer, **settings: str) -> list[Finding]:
    server.script = list(answers) or [completes('{"fits": true}')]
    given = {"TANDEM_MODEL_URL": server.url, "TANDEM_MODEL_NAME": "tiny", **settings}
    return await model.examine(read({**CLOUD, **given}))


def marks(findings: list[Finding]) -> list[str]:
    return [each.mark for each in findings]


async def test_without_a_model_there_is_nothing_to_ask() -> None:
    (finding,) = await model.examine(read(CLOUD))
    assert finding.mark == "off"
    assert "playbooks only" in finding.text


async def test_a_model_that_keeps_to_a_schema_is_good(server: Server) -> None:
    findings = await found(server, TANDEM_MODEL_KEY="the-key")
    assert marks(findings) == ["good", "good"]
    assert server.paths == ["/v1/chat/completions"]
    assert server.headers[0]["authorization"] == "Bearer the-key"
    assert server.bodies[0]["response_format"]["type"] == "json_schema"
    assert "the-key" not in str(findings)


async def test_azure_is_asked_in_its_own_way(server: Server) -> None:
    server.url = server.url.removesuffix("/v1")
    assert marks(await found(server, TANDEM_MODEL_KIND="azure", TANDEM_MODEL_KEY="k")) == ["good", "good"]
    assert server.paths == ["/openai/deployments/tiny/chat/completions?api-version=2024-10-21"]
    assert server.headers[0]["api-key"] == "k"


async def test_a_server_without_schemas_is_noted(server: Server) -> None:
    findings = await found(server, refuses(400, "no json_schema"), completes("{}"))
    assert marks(findings) == ["good", "note"]
    assert "no JSON Schema" in findings[1].text


@pytest.mark.parametrize("said", ["Yes, it fits!", '{"fits": "yes"}', "[" * 5_000])
async def test_a_model_that_does_not_keep_to_the_schema_is_noted(server: Server, said: str) -> None:
    assert marks(await found(server, completes(said))) == ["good", "note"]


@pytest.mark.parametrize(
    ("status", "settings", "mark", "way_out"),
    [
        (401, {"TANDEM_MODEL_KEY": "k"}, "bad", "TANDEM_MODEL_KEY"),
        (401, {}, "bad", "set TANDEM_MODEL_KEY"),
        (403, {}, "bad", "network rules"),
        (404, {}, "bad", "TANDEM_MODEL_NAME"),
        (429, {}, "note", "quota"),
        (307, {}, "bad", "TANDEM_MODEL_URL"),
        (500, {}, "bad", "who runs it"),
    ],
)
async def test_every_refusal_says_how_to_mend_it(
    server: Server, status: int, settings: dict[str, str], mark: str, way_out: str
) -> None:
    (finding,) = await found(server, refuses(status, "because"), **settings)
    assert finding.mark == mark
    assert f"status {status}: because" in finding.text
    assert way_out in finding.way_out


@pytest.mark.parametrize("body", [{"hello": 1}, {"choices": []}, [1], "text"])
async def test_what_is_no_model_is_said_to_be_none(server: Server, body: Any) -> None:
    (finding,) = await found(server, completes(raw=json.dumps(body)))
    assert finding.mark == "bad"


async def test_nobody_there_is_said_with_the_setting() -> None:
    gone = Server()
    gone.url = "http://127.0.0.1:1/v1"
    (finding,) = await found(gone)
    assert finding.mark == "bad"
    assert "TANDEM_MODEL_URL" in finding.way_out


async def test_the_bots_own_identity_that_gets_no_token_is_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.identity.model import ModelToken
    from orchestration.errors import Denied

    async def none(_: object) -> dict[str, str]:
        raise Denied("Entra gives Tandem's own identity no token for the language model: expired")

    monkeypatch.setattr(ModelToken, "__call__", none)
    server.url = server.url.removesuffix("/v1")
    (finding,) = await found(server, TANDEM_MODEL_KIND="azure")
    assert "no token" in finding.text
    assert finding.mark == "bad"


@pytest.mark.parametrize("kind", ["openai", "azure"])
async def test_the_recorded_model_passes(kind: str) -> None:
    app = web.Application()
    RecordedModel(Recordings([ANSWERS]), "the-key").register(app.router)
    async with TestServer(app, host="127.0.0.1") as running:
        url = str(running.make_url("/model/v1" if kind == "openai" else "/model"))
        given = {"TANDEM_MODEL_URL": url, "TANDEM_MODEL_NAME": "recorded", "TANDEM_MODEL_KEY": "the-key"}
        findings = await model.examine(read({**CLOUD, **given, "TANDEM_MODEL_KIND": kind}))
    assert marks(findings) == ["good", "good"]
