"""Graph's $batch: up to 20 requests in one, each with its own answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from connectors.sandbox.asks import Ask
from connectors.sandbox.data import Person
from connectors.sandbox.replies import GraphError

MOST_PARTS = 20
Carry = Callable[[Ask], Awaitable[web.StreamResponse]]


async def batch(ask: Ask, carry_out: Carry) -> web.Response:
    """Carries out the parts in order; a part whose `dependsOn` failed is not carried out (424)."""
    parts = (await ask.json()).get("requests")
    if not isinstance(parts, list) or not parts:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(parts) > MOST_PARTS:
        text = f"Number of batch request steps exceeds the maximum value of {MOST_PARTS}."
        raise GraphError(400, "BadRequest", text)
    answers: dict[str, dict[str, Any]] = {}
    for part in parts:
        number = str(part.get("id", "")) if isinstance(part, dict) else ""
        if not number or number in answers or not isinstance(part.get("url"), str) or "method" not in part:
            raise GraphError(400, "BadRequest", "Every request of a batch needs its own id, a method and a url.")
        before = part.get("dependsOn") or []
        if any(answers.get(str(each), {"status": 424})["status"] >= 400 for each in before):
            error = {"code": "FailedDependency", "message": "A request that this one depends on failed."}
            answers[number] = {"id": number, "status": 424, "headers": {}, "body": {"error": error}}
            continue
        answers[number] = _answer(number, await carry_out(_part(part, ask.person)))
    return web.json_response({"responses": list(answers.values())})


def _part(part: dict[str, Any], person: Person) -> Ask:
    url = URL(f"http://graph/{part['url'].lstrip('/')}", encoded="%" in part["url"])
    headers = CIMultiDict({str(name): str(value) for name, value in (part.get("headers") or {}).items()})
    body = part.get("body")
    if isinstance(body, str):
        raw = base64.b64decode(body) if "json" not in headers.get("Content-Type", "") else body.encode()
    else:
        raw = b"" if body is None else json.dumps(body).encode()

    async def read() -> bytes:
        return raw

    return Ask(person, str(part["method"]).upper(), url.path.rstrip("/"), url.query, headers, read, len(raw))


def _answer(number: str, response: web.StreamResponse) -> dict[str, Any]:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    answer: dict[str, Any] = {"id": number, "status": response.status, "headers": headers}
    if isinstance(response, web.Response) and response.body:
        raw = bytes(response.body)  # type: ignore[arg-type]  # never a payload here
        answer["body"] = json.loads(raw) if "json" in response.content_type else base64.b64encode(raw).decode()
    return answer
