"""The API in front of a bureau: a real HTTP server, an authority with its own keys, a way to sign."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from bot.api import service
from bot.api.answers import Answers
from bot.api.gate import Buckets, Gate
from bot.api.lists import Lists
from bot.api.nonces import Nonces
from bot.api.tokens import SigningKeys, Tokens
from bot.routes.signature import FRESH, SIGNATURE, SYSTEM, TIMESTAMP, sign
from orchestration.core.run import Person
from orchestration.core.view import RunView
from tests.unit.routes.bureau import ALEX, KEY, MEGAN, TENANT, Bureau
from tests.unit.routes.bureau import opened as bureau_opened

HOST = "tandem.contoso.example"
SSO = "33333333-3333-4333-8333-333333333333"
ISSUER = f"https://login.example/{TENANT}/v2.0"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("k1", "k2", "stolen")}


def jwk(name: str) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(KEYS[name].public_key())), "kid": name, "use": "sig"}


class Authority:
    """Publishes keys and counts how often it is asked."""

    def __init__(self) -> None:
        self.published = ["k1"]
        self.asked = 0
        self.down = False

    async def keys(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.down:
            return web.Response(status=503)
        return web.json_response({"keys": [jwk(name) for name in self.published]})


def token(person: Person = MEGAN, *, key: str = "k1", kid: str = "", alg: str = "RS256", **claims: Any) -> str:
    """An access token as Entra makes them; a claim given as None is left out."""
    now = int(time.time())
    about = {
        "iss": ISSUER, "aud": f"api://botid-{SSO}", "tid": TENANT, "oid": person.id, "scp": "access_as_user",
        "azp": SSO, "name": person.name, "preferred_username": person.upn, "ver": "2.0",
        "iat": now, "nbf": now, "exp": now + 3600, **claims,
    }  # fmt: skip
    kept = {name: value for name, value in about.items() if value is not None}
    signing: Any = KEYS[key] if alg == "RS256" else ("" if alg == "none" else "x" * 40)
    return jwt.encode(kept, signing, algorithm=alg, headers={"kid": kid or key})


class Counter:
    """What comes in over HTTP."""

    def __init__(self, bureau: Bureau, authority: Authority) -> None:
        self.bureau, self.authority = bureau, authority
        self.now = 1_000.0
        self.healthy = True
        self.client: TestClient[Any, Any]
        self._numbers = itertools.count(1)

    def app(self, keys_url: str) -> web.Application:
        bureau = self.bureau
        gate = Gate(f"https://{HOST}", "3978")
        keys = SigningKeys(keys_url, now=lambda: self.now)
        audiences = [SSO, f"api://botid-{SSO}"]
        tokens = Tokens(keys, issuer=ISSUER, tenant_id=TENANT, audiences=audiences, clients=[SSO])
        buckets = Buckets(burst=20, per_second=1.0, now=lambda: self.now)
        lists = Lists(bureau.engine, bureau.database, tokens, gate, buckets, bureau.links)
        nonces = Nonces(bureau.database, lasting=3 * FRESH)
        answers = Answers(bureau.engine, bureau.workflow, bureau.keys, nonces, gate, bureau.clock)
        app = web.Application(client_max_size=256 * 1024)
        service.register(app, lists, answers, healthy=lambda: self.healthy)
        return app

    async def call(self, method: str, path: str, person: Person | None = MEGAN, **more: Any) -> ClientResponse:
        """A request with a person's token; `token` or `headers` replace it."""
        auth = {"Authorization": f"Bearer {more.pop('token', '') or token(person)}"} if person else {}
        headers = {"Host": HOST, **auth, **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, person: Person | None = MEGAN, **more: Any) -> tuple[int, Any]:
        answer = await self.call("GET", path, person, **more)
        return answer.status, await answer.json(content_type=None)

    def answer(self, asked: RunView, **more: Any) -> dict[str, Any]:
        """What a system says of the run's first question."""
        about = {
            "run": asked.run_id,
            "approval": "ask.1",
            "shown": asked.approvals[0].entry,
            "choice": "approve",
            "by": {"upn": ALEX.upn},
            "nonce": f"nonce-of-this-test-{next(self._numbers)}",
        }
        return {**about, **more}

    async def post(self, content: Any, **more: Any) -> tuple[int, Any]:
        """An answer as a system signs it; `more` changes what is sent."""
        body = more.pop("body", None) or json.dumps(content).encode()
        signed = more.pop("signed", body)
        system = more.pop("system", "Ledger")
        at = str(more.pop("at", int(self.bureau.clock.now().timestamp())))
        signature = sign(more.pop("key", KEY).encode(), more.pop("purpose", "answer"), system, at, signed)
        headers = {
            "Host": HOST, "Content-Type": "application/json", SYSTEM: system, TIMESTAMP: at, SIGNATURE: signature,
            **more.pop("headers", {}),
        }  # fmt: skip
        kept = {name: value for name, value in headers.items() if value is not None}
        answer = await self.client.post("/api/approvals/answers", data=body, headers=kept)
        return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Counter]:
    """A counter at work over a bureau at work."""
    authority = Authority()
    keys = web.Application()
    keys.router.add_get("/keys", authority.keys)
    async with bureau_opened(path) as bureau, TestServer(keys) as served:
        counter = Counter(bureau, authority)
        async with TestClient(TestServer(counter.app(str(served.make_url("/keys"))))) as client:
            counter.client = client
            yield counter
