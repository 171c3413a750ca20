"""Every refusal in one shape: RFC 9457 problem details, which say what to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
from aiohttp import web

from orchestration.errors import TandemError

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TITLES = {
    400: "The request does not fit",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Not possible here",
    409: "Nothing was changed",
    413: "Too large",
    415: "Wrong content",
    421: "Wrong host",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not now",
}


class Problem(TandemError):
    """A request that is refused.

    Args:
        status: Of the HTTP answer.
        code: Stable, for machines.
        detail: What is the matter and what to do, for people.
        headers: Of the answer, such as `Allow`.
    """

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.headers = status, code, headers or {}


def told(handler: Handler) -> Handler:
    """The handler, with whatever goes wrong told in one shape."""

    async def telling(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            return _answer(problem.status, problem.code, problem.message, problem.headers)
        except web.HTTPException:
            raise
        except TandemError as error:
            status = 503 if error.retryable else 400
            return _answer(status, error.code, error.message, _later(error.retry_after) if error.retryable else {})
        except Exception:  # the caller learns nothing of the inside
            log.exception("%s failed", request.path)
            return _answer(500, "error", "The request could not be handled; Tandem's log says why.", {})

    return telling


def _later(wait: timedelta | None) -> dict[str, str]:
    return {"Retry-After": str(max(1, round((wait or timedelta(seconds=5)).total_seconds())))}


def _answer(status: int, code: str, detail: str, headers: dict[str, str]) -> web.Response:
    body = {"type": "about:blank", "title": _TITLES.get(status, "Refused"), "status": status}
    return web.Response(
        status=status,
        body=msgspec.json.encode({**body, "code": code, "detail": detail}),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers},
    )
