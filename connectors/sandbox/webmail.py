"""What a browser sees behind a message's `webLink`: the mailbox of whom one says one is, with a box to answer."""

from __future__ import annotations

import secrets
from html import escape

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.mail_entities import inner_id, plain, public_id
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.messages import INBOX, Message
from connectors.sandbox.pages import button, page
from connectors.sandbox.replies import GraphError

COOKIE = "tandem_sandbox_mail"
PATH = "/mail"
SHOWN_MESSAGES = 50


class Webmail:
    """Serves /mail: so that a colleague can read what was sent, and answer it, without a mail client."""

    def __init__(self, tenant: Tenant, mailroom: Mailroom, origins: set[str]) -> None:
        self._tenant = tenant
        self._mailroom = mailroom
        self._origins = origins
        self._visitors: dict[str, Person] = {}

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the pages."""
        router.add_get(PATH, self.inbox)
        router.add_post(PATH, self.sign_in)
        router.add_get(PATH + "/{id}", self.message)
        router.add_post(PATH + "/{id}", self.answer)

    async def inbox(self, request: web.Request) -> web.Response:
        """The newest messages of the inbox."""
        person = self._visitor(request)
        if person is None:
            return self._who(request.path)
        messages = sorted(self._mailroom.messages(person, INBOX), key=lambda m: m.sent, reverse=True)
        rows = "".join(_row(message) for message in messages[:SHOWN_MESSAGES])
        return page(f"{person.name}: inbox", f"<table>{rows}</table>{self._others(person, request.path)}")

    async def message(self, request: web.Request) -> web.Response:
        """One message, and a box to answer it."""
        person = self._visitor(request)
        if person is None:
            return self._who(request.path)
        found = self._find(request, person)
        if found is None:
            body = f"<p>This message is not in {escape(person.name)}'s mailbox (any more).</p>"
            return page("Nothing here", body + self._others(person, request.path), status=404)
        to = ", ".join(each.name for each in found.everybody)
        about = f"From {escape(found.sender.name)} to {escape(to)}, {found.sent:%d %b %Y %H:%M} UTC"
        form = (
            f'<form method="post" action="{escape(request.path)}"><label>Answer<br>'
            '<textarea name="text" rows="5" style="width:100%" required></textarea></label>'
            '<button type="submit">Send answer</button></form>'
        )
        text = f'<p class="soft">{about}</p><pre style="white-space:pre-wrap;font:inherit">{escape(plain(found))}</pre>'
        back = f'<p><a href="{PATH}">Inbox</a></p>'
        return page(found.subject or "(no subject)", text + form + back + self._others(person, request.path))

    async def answer(self, request: web.Request) -> web.Response:
        """Sends an answer."""
        person = self._visitor(request)
        if request.headers.get("Origin") not in self._origins or person is None:
            return page(
                "Not from here", "<p>Open the message again and answer there. Nothing was sent.</p>", status=403
            )
        found, text = self._find(request, person), str((await request.post()).get("text", "")).strip()
        if found is None or not text:
            return page("Nothing sent", "<p>The message is gone, or the answer was empty.</p>", status=400)
        reply = self._mailroom.reply(found, person, text)
        self._mailroom.send(reply, person)
        names = escape(", ".join(each.name for each in reply.to))
        return page("Sent", f'<p>Your answer went to {names}.</p><p><a href="{PATH}">Inbox</a></p>')

    async def sign_in(self, request: web.Request) -> web.Response:
        """Remembers who the visitor is, in a cookie of this browser."""
        if request.headers.get("Origin") not in self._origins:
            return page("Not from here", "<p>This form was sent from another site. Nothing was done.</p>", status=403)
        form = await request.post()
        person, back = self._tenant.people.get(str(form.get("person", ""))), str(form.get("back", ""))
        if person is None or not (back == PATH or back.startswith(f"{PATH}/")):
            return page("Nobody of this tenant", "<p>Go back and choose a person.</p>", status=400)
        key = secrets.token_urlsafe(24)
        self._visitors[key] = person
        response = web.Response(status=303, headers={"Location": back})
        response.set_cookie(COOKIE, key, httponly=True, samesite="Lax", path=PATH)
        return response

    def _visitor(self, request: web.Request) -> Person | None:
        person = self._visitors.get(request.cookies.get(COOKIE, ""))
        if person is not None:
            acted(request, person.key)
        return person

    def _find(self, request: web.Request, person: Person) -> Message | None:
        try:
            return self._mailroom.message(person, inner_id(request.match_info["id"])[0])
        except GraphError:
            return None

    def _who(self, back: str) -> web.Response:
        body = f"<p>You see this person's mailbox, and nobody else's.</p>{self._buttons(back, '')}"
        return page(f"{self._tenant.file.name} mail: who are you?", body)

    def _others(self, person: Person, back: str) -> str:
        return f'<p class="soft">Seen as {escape(person.name)}.</p>{self._buttons(back, person.key)}'

    def _buttons(self, back: str, but: str) -> str:
        return "".join(
            button(PATH, other.name, {"person": other.key, "back": back}, other=True)
            for other in self._tenant.people.values()
            if other.key != but
        )


def _row(message: Message) -> str:
    subject = escape(message.subject or "(no subject)")
    shown = subject if message.is_read else f"<b>{subject}</b>"
    address = f"{PATH}/{public_id(message.id, immutable=True)}"
    when = f"{message.sent:%d %b %H:%M}"
    return f'<tr><td><a href="{address}">{shown}</a></td><td>{escape(message.sender.name)}, {when}</td></tr>'
