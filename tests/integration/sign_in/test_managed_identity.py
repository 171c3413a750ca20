"""Without any secret: the bot is a managed identity, which also proves who the sign-in registration is."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import ManagedIdentityCredential

from connectors.identity.federation import FederatedProof, of_managed_identity
from connectors.sandbox.authority import FEDERATION_AUDIENCE
from connectors.sandbox.server import Sandbox
from orchestration.errors import Refused, Unavailable
from tests.integration.sign_in.conftest import Product, opened

pytestmark = pytest.mark.timeout(120)
HEADER = "made-up-identity-header"


class Machine:
    """The token endpoint of a machine in Azure: of a virtual machine (IMDS), or of Container Apps."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.asked: list[str] = []
        self.life_seconds = 24 * 3600
        self.status = 200
        self.url = ""

    async def listen(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_get("/metadata/identity/oauth2/token", self.imds)
        app.router.add_get("/msi/token", self.container_app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def imds(self, request: web.Request) -> web.Response:
        if request.headers.get("Metadata") != "true":
            return web.json_response({"error": "invalid_request"}, status=400)
        return self._token(request)

    async def container_app(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != HEADER:
            return web.json_response({"error": "unauthorized"}, status=401)
        return self._token(request)

    def _token(self, request: web.Request) -> web.Response:
        bot, resource = self.sandbox.tenant.file.apps.bot.id, request.query.get("resource", "")
        self.asked.append(resource)
        if self.status != 200:
            return web.json_response({"error": "x", "error_description": "Identity not found"}, status=self.status)
        if request.query.get("client_id") != bot:
            return web.json_response(
                {"error": "invalid_request", "error_description": "Identity not found"}, status=400
            )
        token = self.sandbox.mint.app_token(bot, resource)
        until = int(time.time()) + self.life_seconds
        answer = {"access_token": token, "expires_in": str(self.life_seconds), "expires_on": str(until)}
        return web.json_response({**answer, "resource": resource, "token_type": "Bearer", "client_id": bot})


@pytest.fixture(params=["imds", "container app"])
async def secretless(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Product, Machine]]:
    machines: list[Machine] = []

    async def prepare(sandbox: Sandbox, stack: AsyncExitStack) -> dict[str, str]:
        machine = Machine(sandbox)
        await machine.listen(stack)
        machines.append(machine)
        if request.param == "imds":
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
        else:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/msi/token")
            monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        return {"TANDEM_APP_TYPE": "UserAssignedMSI", "TANDEM_APP_SECRET": "", "TANDEM_SSO_APP_SECRET": ""}

    async with opened(tmp_path, monkeypatch, prepare) as product:
        yield product, machines[0]


async def test_a_whole_run_up_to_the_question_needs_no_secret(
    secretless: tuple[Product, Machine], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    product, machine = secretless
    await product.send("alex", "installationUpdate", action="add")
    await product.begin("megan")
    await product.sign_in("megan", await product.asked("megan"))
    await product.sees("alex", "Send decisions")
    # The bot's own tokens for the channel and the token service, and the proof for on-behalf-of: each asked once.
    assert sorted(set(machine.asked)) == [FEDERATION_AUDIENCE, "https://api.botframework.com"]
    assert machine.asked.count(FEDERATION_AUDIENCE) == 1
    for token in product.issued:
        assert token not in caplog.text
    people = {line["token"]["for"] for line in product.lines() if line["system"] == "graph" and line["token"]}
    assert people == {product.person("megan").id}


async def test_an_identity_that_the_registration_does_not_trust_acts_for_nobody(
    secretless: tuple[Product, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    product, machine = secretless
    app_token = machine.sandbox.mint.app_token
    stranger = "77777777-7777-4777-8777-777777777777"

    def forged(app: str, audience: str) -> str:
        return app_token(stranger if audience == FEDERATION_AUDIENCE else app, audience)

    monkeypatch.setattr(machine.sandbox.mint, "app_token", forged)
    product.sandbox.sessions.sign_in("megan", "tandem")
    await product.send("megan", text="hi")
    with pytest.raises(Refused, match="AADSTS700213"):
        await product.identity.token(product.person("megan"), "https://graph.microsoft.com/.default")


async def test_a_machine_without_that_identity_is_the_operators_matter(
    secretless: tuple[Product, Machine],
) -> None:
    product, machine = secretless
    product.sandbox.sessions.sign_in("megan", "tandem")
    await product.send("megan", text="hi")
    machine.status = 400
    with pytest.raises(Refused, match="TANDEM_APP_ID is a user-assigned managed identity"):
        await product.identity.token(product.person("megan"), "https://graph.microsoft.com/.default")
    machine.status = 200
    assert await product.identity.token(product.person("megan"), "https://graph.microsoft.com/.default")


class Source:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.number = error, 0

    async def get_token(self, *scopes: str) -> AccessToken:
        if self.error:
            raise self.error
        self.number += 1
        return AccessToken(f"proof-{self.number}", 0)

    async def close(self) -> None:
        self.number = -1


async def test_the_proof_is_there_when_it_is_asked_for_synchronously() -> None:
    source = Source()
    proof = FederatedProof(source)
    for number in (1, 2):
        await proof.fetch()
        assert proof() == f"proof-{number}"
    await proof.close()
    assert proof() == ""


async def test_an_endpoint_that_does_not_answer_is_an_outage() -> None:
    for error in (ServiceRequestError("down"), CredentialUnavailableError("no response from the IMDS endpoint")):
        with pytest.raises(Unavailable):
            await FederatedProof(Source(error)).fetch()


async def test_the_identity_is_the_bots_own() -> None:
    proof = of_managed_identity("22222222-2222-4222-8222-222222222222")
    assert isinstance(proof._credential, ManagedIdentityCredential)
    await proof.close()
