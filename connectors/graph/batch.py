"""Up to twenty reads in one request; those that Graph puts off are asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from connectors.graph.client import SYSTEM, GraphSession
from connectors.graph.mailbox import PLACES, mailbox_of
from connectors.http import retry_after
from orchestration.errors import InvalidContent

LARGEST = 20
PATIENCE = timedelta(seconds=30)
_SHORTEST_WAIT = timedelta(seconds=0.2)
_DEFAULT_WAIT = timedelta(seconds=2)
_PUT_OFF = (429, 503)

Sleep = Callable[[float], Awaitable[None]]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One read of a batch; writes go singly, so that each has an outcome of its own.

    Attributes:
        path: With its query, below the version: `/me/messages/1?$select=body`.
        method: `GET`, or `POST` for actions that only read, such as getSchedule.
        body: Sent as JSON.
        headers: Of this part alone.
    """

    path: str
    method: str = "GET"
    body: dict[str, Any] | None = None
    headers: dict[str, str] = {}


class _Answer(msgspec.Struct, frozen=True):
    id: str
    status: int
    headers: dict[str, Any] = {}
    body: msgspec.Raw = msgspec.Raw(b"null")  # read once, by whoever asked for the part


class _Answers(msgspec.Struct, frozen=True):
    responses: list[_Answer]


async def batch(
    session: GraphSession,
    parts: list[Part],
    *,
    what: str,
    patience: timedelta = PATIENCE,
    sleep: Sleep = asyncio.sleep,
) -> list[httpx.Response]:
    """The answers to all parts, in their order, each with the status that it has by itself.

    Parts that Graph throttles are sent again after the longest wait that it asks for, until `patience` is used up;
    those still throttled then are answered as they are, 429 or 503.

    Raises:
        TandemError: The batch as a whole did not work.
        InvalidContent: An answer is missing.
    """
    answers: dict[int, httpx.Response] = {}
    waiting = list(range(len(parts)))
    left = patience
    while waiting:
        for first in range(0, len(waiting), LARGEST):
            answers.update(await _together(session, parts, waiting[first : first + LARGEST], what))
        waiting = [number for number in waiting if answers[number].status_code in _PUT_OFF]
        pause = max((_pause(answers[number].headers) for number in waiting), default=timedelta())
        if pause > left:
            break
        if waiting:
            left -= pause
            await sleep(pause.total_seconds())
    return [answers[number] for number in range(len(parts))]


def _pause(headers: Mapping[str, str]) -> timedelta:
    asked = retry_after(headers)
    return _DEFAULT_WAIT if asked is None else max(asked, _SHORTEST_WAIT)


async def _together(
    session: GraphSession, parts: list[Part], numbers: list[int], what: str
) -> dict[int, httpx.Response]:
    requests = [_request(number, parts[number]) for number in numbers]
    whose = [mailbox_of(parts[number].path, session.person) for number in numbers]
    mailbox = max(set(whose), key=whose.count)
    response = await session.call(
        "POST",
        "/$batch",
        body={"requests": requests},
        mailbox=mailbox,
        share=min(PLACES, whose.count(mailbox)) if mailbox else 1,
    )
    if not response.is_success:
        raise session.failure(response, what)
    await asyncio.sleep(0)  # mails can be large: others get their turn between reading and taking apart
    try:
        listed = {each.id: each for each in msgspec.json.decode(response.content, type=_Answers).responses}
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidContent(f"{SYSTEM} answered something else than a batch when asked to {what}.") from error
    if missing := [number for number in numbers if str(number) not in listed]:
        raise InvalidContent(f"{SYSTEM} left {len(missing)} of {len(numbers)} parts unanswered when asked to {what}.")
    return {number: _answer(listed[str(number)]) for number in numbers}


def _request(number: int, part: Part) -> dict[str, Any]:
    request: dict[str, Any] = {"id": str(number), "method": part.method, "url": part.path}
    headers = dict(part.headers)
    if part.body is not None:
        request["body"] = part.body
        headers["Content-Type"] = "application/json"
    if headers:
        request["headers"] = headers
    return request


def _answer(part: _Answer) -> httpx.Response:
    asked = {name: str(value) for name, value in part.headers.items() if name.lower() == "retry-after"}
    return httpx.Response(part.status, headers=asked, content=bytes(part.body))
