"""A real sandbox tenant in its own process, and connectors that talk to it."""

from __future__ import annotations

import json
import random
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.dynamics import DynamicsClient, DynamicsSettings
from connectors.graph import GraphClient, GraphSettings
from connectors.identity import Identity, IdentitySettings
from connectors.sandbox import control
from connectors.sandbox.data import Tenant, load
from connectors.sap import SapClient, SapSettings
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.run import Person

CONTOSO = Path("connectors/sandbox/contoso").resolve()
PEOPLE = ("megan", "alex", "lee", "adele", "diego")


def free_port_base() -> int:
    """A base whose ports (+0, +1 and the windows' from +11) are free, below the range of outgoing connections."""
    while True:
        base = random.randrange(20_000, 32_000, 20)
        try:
            for port in (base, base + 1, base + 11, base + 12):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base


class Sandbox:
    """A running sandbox, everybody signed in."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.settings: dict[str, str] = json.loads((state / "sandbox.json").read_text())["settings"]
        self.tenant: Tenant = load(CONTOSO)

    def person(self, key: str) -> Person:
        found = self.tenant.people[key]
        return Person(id=found.id, name=found.name, upn=found.upn, tenant=self.tenant.id)

    def task(self, key: str = "megan", **more: Any) -> TaskContext:
        return TaskContext(run_id="run", task_id="task", attempt=1, initiator=self.person(key), **more)

    def control(self, action: str, **body: Any) -> dict[str, Any]:
        return control.call(self.state, action, None if action in ("writes", "requests") else body)

    def uploads(self) -> list[dict[str, Any]]:
        return list(self.control("writes")["writes"])

    def identity_settings(self, **changes: Any) -> IdentitySettings:
        found = self.settings
        given: dict[str, Any] = {
            "tenant_id": found["TANDEM_TENANT_ID"],
            "authority": found["TANDEM_AUTHORITY"],
            "client_id": found["TANDEM_SSO_APP_ID"],
            "client_secret": found["TANDEM_SSO_APP_SECRET"],
            "ca_file": found["TANDEM_CA_FILE"],
            "sap_facade_url": found["TANDEM_SAP_FACADE_URL"],
            "sap_facade_scope": found["TANDEM_SAP_FACADE_SCOPE"],
            "sap_token_url": found["TANDEM_SAP_TOKEN_URL"],
            "sap_client_id": found["TANDEM_SAP_CLIENT_ID"],
            "sap_client_secret": found["TANDEM_SAP_CLIENT_SECRET"],
        }
        return IdentitySettings(**{**given, **changes})


class TokenService:
    """Asks the sandbox's Bot Framework token service, as the bot does."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._trust = ssl.create_default_context(cafile=sandbox.settings["TANDEM_CA_FILE"])
        self._bot_token = ""

    async def assertion(self, person: Person) -> str | None:
        found = self._sandbox.settings
        async with httpx.AsyncClient(verify=self._trust, trust_env=False) as client:
            if not self._bot_token:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": found["TANDEM_APP_ID"],
                    "client_secret": found["TANDEM_APP_SECRET"],
                    "scope": "https://api.botframework.com/.default",
                }
                url = f"{found['TANDEM_AUTHORITY']}/{found['TANDEM_TENANT_ID']}/oauth2/v2.0/token"
                self._bot_token = (await client.post(url, data=form)).raise_for_status().json()["access_token"]
            known = self._sandbox.tenant.person_by_id(person.id)
            assert known is not None
            answer = await client.get(
                f"{found['TANDEM_TOKEN_SERVICE_URL']}/api/usertoken/GetToken",
                params={"userId": known.teams_id, "connectionName": found["TANDEM_OAUTH_CONNECTION"]},
                headers={"Authorization": f"Bearer {self._bot_token}"},
            )
        return None if answer.status_code == 404 else str(answer.raise_for_status().json()["token"])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox's process; its sign-ins are made before it starts, since signing in is the bot's matter."""
    state = tmp_path_factory.mktemp("sandbox")
    (state / "sandbox").mkdir()
    sessions = {key: {"id": f"session-{key}", "signed_in": ["tandem"]} for key in PEOPLE}
    (state / "sandbox" / "sign-ins.json").write_text(json.dumps(sessions))
    command = [sys.executable, "-m", "connectors.sandbox", "--state", str(state), "--port-base", str(free_port_base())]
    with (state / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 30
        while not (state / "sandbox.json").exists():
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the sandbox does not start: {(state / 'output.log').read_text()}")
            time.sleep(0.02)
        yield Sandbox(state)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    control.mend_system(running.state)


@pytest.fixture
async def identity(sandbox: Sandbox) -> AsyncIterator[Identity]:
    made = Identity(sandbox.identity_settings(), TokenService(sandbox))
    yield made
    await made.close()


@pytest.fixture
async def sap(sandbox: Sandbox, identity: Identity) -> AsyncIterator[SapClient]:
    made = SapClient(SapSettings(url=sandbox.settings["TANDEM_SAP_URL"]), identity)
    yield made
    await made.close()


@pytest.fixture
async def dynamics(sandbox: Sandbox, identity: Identity) -> AsyncIterator[DynamicsClient]:
    found = sandbox.settings
    made = DynamicsClient(
        DynamicsSettings(url=found["TANDEM_DYNAMICS_URL"], scope=found["TANDEM_DYNAMICS_SCOPE"]), identity
    )
    yield made
    await made.close()


@pytest.fixture
async def graph(sandbox: Sandbox, identity: Identity) -> AsyncIterator[GraphClient]:
    made = GraphClient(GraphSettings(url=sandbox.settings["TANDEM_GRAPH_URL"]), identity)
    yield made
    await made.close()
