"""The sign-in page: who asks, for what, and a button; afterwards the bot hears `signin/verifyState`, as in Teams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.pages import button, page
from connectors.sandbox.token_service import PREFIX, SignIn, TokenService

PATH = f"{PREFIX}/sign-in"
Deliver = Callable[[SignIn, str], Awaitable[str | None]]


class SignInPage:
    """Serves the page behind the sign-in link.

    Args:
        service: Knows which sign-ins were asked for.
        origin: This server's own origin; forms from elsewhere are refused.
        deliver: Tells the bot, through the window's proxy; returns what went wrong, or None.
    """

    def __init__(self, service: TokenService, origins: set[str], deliver: Deliver) -> None:
        self._service = service
        self._origins = origins
        self._deliver = deliver

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the page."""
        router.add_get(PATH, self.show)
        router.add_post(PATH, self.choose)

    async def show(self, request: web.Request) -> web.Response:
        """The question."""
        number = request.query.get("state", "")
        sign_in = self._service.asked(number)
        if sign_in is None:
            return _over()
        tenant = self._service.tenant
        person, app = sign_in.person, tenant.file.apps.bot.name
        acted(request, person.key)
        others = "".join(
            button(PATH, f"Sign in as {other.name}", {"state": number, "person": other.key}, other=True)
            for other in tenant.people.values()
            if other.key != person.key
        )
        body = (
            f"<p><strong>{escape(app)}</strong> asks to act for you, <strong>{escape(person.name)}</strong> "
            f"({escape(person.upn)}), with your own rights and nobody else's:</p>"
            "<ul><li>read people, sites and files in Microsoft 365, and save files</li>"
            "<li>read supplier invoices in SAP</li><li>read vendor invoices in Dynamics 365 Finance</li></ul>"
            + button(PATH, f"Sign in as {person.name}", {"state": number, "person": person.key})
            + f"<details><summary>I am somebody else</summary>{others}</details>"
            f'<p class="soft">{escape(tenant.file.name)} sandbox tenant on this machine. No password is asked here; '
            "never type one into a page you did not expect.</p>"
        )
        return page(f"Sign in to {app}", body)

    async def choose(self, request: web.Request) -> web.Response:
        """The answer."""
        if request.headers.get("Origin") not in self._origins:
            return page("Not from here", "<p>This form was sent from another site. Nothing was done.</p>", status=403)
        form = await request.post()
        number, key = str(form.get("state", "")), str(form.get("person", ""))
        sign_in = self._service.asked(number)
        if sign_in is None:
            return _over()
        acted(request, key)
        chosen = self._service.tenant.people.get(key)
        if chosen is None or chosen.key != sign_in.person.key:
            return _another_person(sign_in, chosen.name if chosen else "somebody else", number)
        problem = await self._deliver(sign_in, self._service.allowed(number))
        if problem:
            body = (
                f"<p>You agreed, but the bot could not be told: {escape(problem)}</p>"
                "<p>Nothing is lost. When it is up again, ask for the sign-in in the chat once more.</p>"
            )
            return page("The bot does not answer", body, status=502)
        return page("You are signed in", "<p>Go back to the chat; you can close this page.</p>")


def _another_person(sign_in: SignIn, chosen: str, number: str) -> web.Response:
    name = escape(sign_in.person.name)
    body = (
        f"<p>This sign-in was asked for in {name}'s chat, so only {name} can answer it. "
        f"{escape(chosen)} was <strong>not</strong> signed in, and nothing else was done.</p>"
        f"<p>If you are {escape(chosen)}, sign in from your own chat.</p>"
        f'<p><a href="{PATH}?state={escape(number)}">Back</a></p>'
    )
    return page("That is another person's chat", body, status=403)


def _over() -> web.Response:
    body = "<p>It was already used, or is older than 15 minutes. Ask for a new one in the chat.</p>"
    return page("This sign-in is over", body, status=410)
