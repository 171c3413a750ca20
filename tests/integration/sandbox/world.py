"""Talking to a sandbox as the product does, with a stand-in for the bot and one for the Playground."""

from __future__ import annotations

import base64
import json
import random
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import ClientSession, web
from yarl import URL

from connectors.sandbox.saml import SAML_BEARER, SCOPE
from connectors.sandbox.server import Sandbox

OBO = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def free_ports(*offsets: int) -> int:
    """A base so that base + each offset is free just now."""
    for _ in range(200):
        base = random.randrange(20_000, 32_000, 20)
        with suppress(OSError):
            for offset in offsets:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
            return base
    raise RuntimeError("no free ports")


class Recorder:
    """A server that writes down what it gets and answers as told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.status = 200
        self.body: dict[str, Any] = {}
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.seen.append((request.method, request.raw_path, dict(request.headers), json.loads(text) if text else None))
        return web.json_response(
            self.body, status=self.status, headers={"Retry-After": "7"} if self.status == 429 else {}
        )

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Recorder]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await runner.cleanup()


class World:
    """A running sandbox and everything to talk to it."""

    def __init__(self, sandbox: Sandbox, http: ClientSession, bot: Recorder, playground: Recorder) -> None:
        self.sandbox = sandbox
        self.http = http
        self.bot = bot
        self.playground = playground
        self.settings: dict[str, str] = sandbox.describe()["settings"]
        self.windows: list[dict[str, Any]] = sandbox.describe()["windows"]
        self.tls = ssl.create_default_context(cafile=self.settings["TANDEM_CA_FILE"])

    def __getitem__(self, name: str) -> str:
        return self.settings[f"TANDEM_{name}"]

    async def ask(self, method: str, url: str | URL, token: str | None = None, **more: Any) -> tuple[int, Any]:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        async with self.http.request(method, url, headers=headers, **more) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if "json" in response.content_type else raw.decode(errors="replace")

    async def authority(self, **form: str) -> tuple[int, Any]:
        url = f"{self['AUTHORITY']}/{self['TENANT_ID']}/oauth2/v2.0/token"
        return await self.ask("POST", url, data=form, ssl=self.tls)

    async def bot_token(self) -> str:
        form = {"client_id": self["APP_ID"], "client_secret": self["APP_SECRET"], "grant_type": "client_credentials"}
        _, answer = await self.authority(**form, scope="https://api.botframework.com/.default")
        return str(answer["access_token"])

    async def on_behalf_of(self, assertion: str, scope: str, **other: str) -> tuple[int, Any]:
        form = {
            "client_id": self["SSO_APP_ID"],
            "client_secret": self["SSO_APP_SECRET"],
            "grant_type": OBO,
            "requested_token_use": "on_behalf_of",
            "assertion": assertion,
            "scope": scope,
        }
        return await self.authority(**{**form, **other})

    def user_id(self, person: str) -> str:
        return self.sandbox.tenant.people[person].teams_id

    def state(self, person: str) -> str:
        """What botframework-connector sends as `state` to GetSignInResource."""
        found = self.sandbox.tenant.people[person]
        about = {
            "connectionName": "tandem",
            "msAppId": self["APP_ID"],
            "conversation": {
                "user": {"id": found.teams_id, "aadObjectId": found.id},
                "bot": {"id": "28:bot"},
                "conversation": {"id": f"a:{person}"},
                "channelId": "msteams",
            },
        }
        return base64.b64encode(json.dumps(about).encode()).decode()

    async def sign_in_link(self, person: str) -> str:
        url = f"{self['TOKEN_SERVICE_URL']}/api/botsignin/GetSignInResource"
        _, answer = await self.ask("GET", url, await self.bot_token(), params={"state": self.state(person)})
        return str(answer["signInLink"])

    async def press(self, link: str, person: str, **headers: str) -> tuple[int, str]:
        """Presses the button of the sign-in page."""
        page, _, number = link.partition("?state=")
        origin = {"Origin": page.partition("/token-service")[0], **headers}
        return await self.ask("POST", page, data={"state": number, "person": person}, headers=origin)

    async def get_token(self, person: str, **params: str) -> tuple[int, Any]:
        url = f"{self['TOKEN_SERVICE_URL']}/api/usertoken/GetToken"
        about = {"userId": self.user_id(person), "connectionName": "tandem", "channelId": "msteams", **params}
        return await self.ask("GET", url, await self.bot_token(), params=about)

    async def sign_in(self, person: str) -> str:
        """The user's token, signed in through the page as a person does."""
        status, _ = await self.press(await self.sign_in_link(person), person)
        assert status == 200
        code = self.bot.seen[-1][3]["value"]["state"]
        _, answer = await self.get_token(person, code=code)
        return str(answer["token"])

    async def token(self, person: str, scope: str) -> str:
        """A token of `person` for the resource, issued as after a sign-in."""
        user = self.sandbox.mint.user_token(self.sandbox.tenant.people[person])
        status, answer = await self.on_behalf_of(user, scope)
        assert status == 200, answer
        return str(answer["access_token"])

    async def graph(self, person: str) -> str:
        return await self.token(person, self["GRAPH_SCOPE"])

    async def api(self, person: str, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """One Graph request as `person`; the path may have a query."""
        return await self.ask(method, f"{self['GRAPH_URL']}{path}", await self.graph(person), **more)

    async def assertion(self, person: str) -> str:
        token = await self.token(person, self["SAP_FACADE_SCOPE"])
        _, answer = await self.ask("POST", f"{self['SAP_FACADE_URL']}/saml", token, json={})
        return str(answer["assertion"])

    async def sap_grant(self, assertion: str, **other: str) -> tuple[int, Any]:
        form = {"grant_type": SAML_BEARER, "assertion": assertion, "scope": SCOPE, **other}
        client = f"{self['SAP_CLIENT_ID']}:{self['SAP_CLIENT_SECRET']}"
        auth = f"Basic {base64.b64encode(client.encode()).decode()}"
        return await self.ask("POST", self["SAP_TOKEN_URL"], data=form, headers={"Authorization": auth})

    async def sap(self, person: str) -> str:
        _, answer = await self.sap_grant(await self.assertion(person))
        return str(answer["access_token"])

    async def dynamics(self, person: str) -> str:
        return await self.token(person, self["DYNAMICS_SCOPE"])
