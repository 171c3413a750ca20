"""The paths of the API, registered in the bot's own web application."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bot.api.answers import Answers
from bot.api.lists import Lists
from bot.api.problems import Handler, Problem, told

RUNS, RUN, APPROVALS, ANSWERS = "/api/runs", "/api/runs/{run}", "/api/approvals", "/api/approvals/answers"


def register(app: web.Application, lists: Lists, answers: Answers, *, healthy: Callable[[], bool]) -> None:
    """Add the API to an application; every method is answered, most of them with no."""
    handlers: dict[str, Handler] = {
        RUNS: lists.runs,
        RUN: lists.run,
        APPROVALS: lists.approvals,
        ANSWERS: answers.take,
    }
    for path, handler in handlers.items():
        app.router.add_route("*", path, told(_while(healthy, handler)))


def _while(healthy: Callable[[], bool], handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if not healthy():
            detail = "Tandem is starting or stopping; try again in a moment."
            raise Problem(503, "unavailable", detail, {"Retry-After": "5"})
        return await handler(request)

    return guarded
