"""A bot of a few lines, without authentication, to try the browser harness against the real Playground."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web

_KIND = "application/vnd.microsoft.card.adaptive"
_CHOICES = [{"title": "SAP is right", "value": "sap"}, {"title": "Investigate", "value": "investigate"}]


def adaptive(*body: dict[str, Any], actions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A card."""
    return {"type": "AdaptiveCard", "version": "1.5", "body": list(body), "actions": actions or []}


def line(text: str) -> dict[str, Any]:
    """A line of text on a card."""
    return {"type": "TextBlock", "text": text, "wrap": True}


QUESTION = adaptive(
    line("Which system is right?"),
    {
        "type": "Input.ChoiceSet",
        "id": "rule:amount",
        "label": "Amount differs (5)",
        "value": "sap",
        "choices": _CHOICES,
    },
    {
        "type": "Input.ChoiceSet",
        "id": "item:1",
        "label": "INV-0042",
        "placeholder": "as the rule says",
        "choices": _CHOICES,
    },
    {"type": "Input.ChoiceSet", "id": "all", "label": "The rest", "style": "expanded", "choices": _CHOICES},
    {"type": "Input.Text", "id": "comment", "label": "Comment", "isMultiline": True},
    actions=[
        {"type": "Action.Execute", "title": "Send decisions", "verb": "approval.decide", "data": {"run_id": "r1"}},
        {"type": "Action.Submit", "title": "Cancel the run", "data": {"verb": "run.cancel"}},
        {"type": "Action.OpenUrl", "title": "Open the file", "url": "http://localhost/"},
    ],
)


class StandIn:
    """Answers "question" with a card to fill in, "count" with one that is updated in place, all else with an echo."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.count_on = asyncio.Event()
        self._later: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        """The messaging endpoint."""
        activity = await request.json()
        self.received.append(activity)
        if activity["type"] == "invoke":
            data = json.dumps(activity["value"]["action"]["data"], sort_keys=True)
            card = adaptive(line("Decided"), line(data))
            return web.json_response({"statusCode": 200, "type": _KIND, "value": card})
        if activity["type"] == "message":
            task = asyncio.create_task(self._answer(activity))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return web.json_response({})

    async def _answer(self, activity: dict[str, Any]) -> None:
        text = activity.get("text")
        if text == "question":
            await self._send(activity, card=QUESTION)
        elif text == "count":
            sent = await self._send(activity, card=adaptive(line("Progress 1 of 2")))
            await self.count_on.wait()
            await self._send(activity, card=adaptive(line("Progress 2 of 2")), update=sent)
        else:
            await self._send(activity, text=f"You said: {text or json.dumps(activity.get('value'), sort_keys=True)}")

    async def _send(
        self, to: dict[str, Any], *, text: str = "", card: dict[str, Any] | None = None, update: str | None = None
    ) -> str:
        url = f"{to['serviceUrl']}/v3/conversations/{to['conversation']['id']}/activities"
        attachments = [{"contentType": _KIND, "content": card}] if card else []
        body = {"type": "message", "from": to["recipient"], "conversation": to["conversation"], "text": text}
        method, url = ("PUT", f"{url}/{update}") if update else ("POST", url)
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.request(method, url, json=body | {"attachments": attachments}) as response,
        ):
            return str((await response.json(content_type=None) or {}).get("id", update))
