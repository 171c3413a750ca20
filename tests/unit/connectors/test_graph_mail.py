"""Mails go out once or say so, and are read whatever they hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings
from connectors.graph.mail.letter import KEY_PROPERTY
from connectors.graph.mail.search import LONGEST_TEXT, MailSearch, Search, summary
from connectors.graph.mail.send import SHOWS_WITHIN, Sending, Sends, preview
from connectors.graph.wording import text_of_html
from orchestration.capabilities.descriptor import Done, NotDone, TaskContext, Unknown
from orchestration.errors import Conflict, Invalid, NotPermitted, OutcomeUnknown, TandemError, Unavailable
from orchestration.validation.egress import Egress
from tests.support.surroundings import Listening
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve, task

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OUTSIDE = "ann@example.org"


class Mailbox:
    """One mailbox; a sent mail shows only when `late` says so."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.sent: list[str] = []
        self.hidden: set[str] = set()
        self.send_status = 202
        self.forbidden = False
        self.listed: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/v1.0")
        if self.forbidden:
            return web.json_response(
                {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}}, status=403
            )
        if path == "/$batch":
            parts = (await request.json())["requests"]
            return web.json_response({"responses": [self._body(each) for each in parts]})
        if request.method == "POST" and path == "/me/messages":
            number = f"m{len(self.messages)}"
            state = {"id": number, "isDraft": True, "changeKey": "1", "hasAttachments": False}
            self.messages[number] = {**await request.json(), **state}
            return web.json_response(self.messages[number], status=201)
        if path.endswith("/send"):
            return self._send(path.split("/")[3])
        if path == "/me/messages" and "singleValueExtendedProperties" in request.query.get("$filter", ""):
            wanted = request.query["$filter"].split("ep/value eq '")[1].rstrip("')")
            found = [m for m in self._seen() if m["singleValueExtendedProperties"][0]["value"] == wanted]
            return web.json_response({"value": found})
        if path.endswith("/messages"):
            self.queries.append(dict(request.query))
            return web.json_response({"value": self.listed})
        number = path.rpartition("/")[2]
        found_ = next((m for m in self._seen() if m["id"] == number), None)
        return web.json_response(found_ or {}, status=200 if found_ else 404)

    def _seen(self) -> list[dict[str, Any]]:
        return [m for m in self.messages.values() if m["id"] not in self.hidden]

    def _send(self, number: str) -> web.Response:
        if self.send_status != 202:
            return web.json_response({}, status=self.send_status)
        self.sent.append(number)
        self.messages[number]["isDraft"] = False
        self.hidden.add(number)
        return web.Response(status=202)

    def _body(self, part: dict[str, Any]) -> dict[str, Any]:
        number = int(part["url"].split("/messages/")[1].split("?")[0])
        body = self.listed[number].get("body")
        return {"id": part["id"], "status": 200 if body else 500, "body": {"id": str(number), "body": body}}


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def graph(serve: Serve, mailbox: Mailbox, identity: FakeIdentity) -> AsyncIterator[GraphClient]:
    url = await serve(mailbox.answer)
    made = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield made
    await made.close()


def mail(**changes: Any) -> Sending:
    return Sending(**{"to": [f"Ann Other <{OUTSIDE}>"], "subject": "Hello", "text": "Text", **changes})


THIS = task(idempotency_key="run.mail", not_after=NOW)


async def test_a_mail_is_drafted_with_the_key_and_sent_once(graph: GraphClient, mailbox: Mailbox) -> None:
    sends = Sends(graph, now=lambda: NOW)
    sent = await sends.send(mail(), THIS)
    assert mailbox.sent == [sent.message] == ["m0"]
    drafted = mailbox.messages["m0"]
    assert drafted["toRecipients"] == [{"emailAddress": {"address": OUTSIDE, "name": "Ann Other"}}]
    assert drafted["singleValueExtendedProperties"][0]["value"] == "run.mail"
    mailbox.hidden.clear()
    assert await sends.send(mail(), THIS) == sent
    assert len(mailbox.messages) == 1
    assert mailbox.sent == ["m0"]


async def test_a_sent_mail_that_does_not_show_yet_is_looked_for_again_and_then_asked_about(
    graph: GraphClient, mailbox: Mailbox
) -> None:
    now = NOW
    sends = Sends(graph, now=lambda: now)
    await sends.send(mail(), THIS)
    with pytest.raises(Unavailable, match="may show late") as caught:
        await sends.reconcile(mail(), THIS)
    assert caught.value.retry_after == timedelta(seconds=30)
    now = NOW + SHOWS_WITHIN
    found = await sends.reconcile(mail(), THIS)
    assert isinstance(found, Unknown)
    assert "neither in your Drafts nor in your Sent Items" in found.why
    mailbox.hidden.clear()
    assert isinstance(await sends.reconcile(mail(), THIS), Done)


async def test_a_crash_between_draft_and_sending_sends_that_draft(graph: GraphClient, mailbox: Mailbox) -> None:
    sends = Sends(graph, now=lambda: NOW)
    mailbox.send_status = 503
    with pytest.raises(Unavailable):
        await sends.send(mail(), THIS)
    assert await sends.reconcile(mail(), THIS) == NotDone()
    mailbox.send_status = 202
    await sends.send(mail(), THIS)
    assert mailbox.sent == ["m0"]
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize(("status", "expected"), [(500, OutcomeUnknown), (404, OutcomeUnknown), (429, Unavailable)])
async def test_what_became_of_a_mail_is_not_guessed(
    graph: GraphClient, mailbox: Mailbox, status: int, expected: type[TandemError]
) -> None:
    mailbox.send_status = status
    with pytest.raises(expected):
        await Sends(graph, now=lambda: NOW).send(mail(), THIS)


def held(**changes: Any) -> dict[str, Any]:
    """A draft as the mailbox has it, just as it was shown."""
    return {
        "id": "d1",
        "isDraft": True,
        "changeKey": "1",
        "subject": "Hello",
        "body": {"contentType": "text", "content": "Text\r\n"},
        "toRecipients": [{"emailAddress": {"address": OUTSIDE.upper(), "name": "Ann"}}],
        "ccRecipients": [],
        "bccRecipients": [],
        "replyTo": [],
        "hasAttachments": False,
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": "run.draft"}],
        **changes,
    }


def html(content: str) -> dict[str, Any]:
    return {"contentType": "html", "content": content}


EVE = [{"emailAddress": {"address": "eve@evil.example"}}]
WRAPPED = (
    '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"><meta name="Generator" '
    'content="Microsoft Exchange Server"><!-- converted from text --><style><!-- .EmailQuote { margin-left: 1pt; } -->'
    '</style></head>\r\n<body>\r\n<font size="2"><span style="font-size:11pt;">'
    '<div class="PlainText">CONTENT</div></span>'
    "</font>\r\n</body>\r\n</html>"
)


def wrapped(content: str) -> str:
    return WRAPPED.replace("CONTENT", content)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"toRecipients": EVE}, "it goes to others"),
        ({"toRecipients": [*held()["toRecipients"], *EVE]}, "it goes to others"),
        ({"ccRecipients": EVE}, "others get a copy"),
        ({"bccRecipients": EVE}, "somebody gets a hidden copy"),
        ({"replyTo": EVE}, "answers go to others"),
        ({"subject": "Salaries 2027"}, "it has another subject"),
        ({"body": {"contentType": "text", "content": "Text and more"}}, "it has another text"),
        ({"body": {"contentType": "text", "content": "Te\u200bxt"}}, "it has another text"),
        ({"body": html(wrapped("Text and more"))}, "it has another text"),
        ({"body": html(wrapped("Te&#8203;xt"))}, "it has another text"),
        ({"body": html('Text<img src="https://evil.example/p.png">')}, "it has another text"),
        ({"body": html('<a href="https://evil.example/x">Text</a>')}, "it has another text"),
        ({"body": html('<div style="background: url(//evil.example)">Text</div>')}, "it has another text"),
        ({"body": html("<style>p::before { content: 'more' }</style><p>Text</p>")}, "it has another text"),
        ({"hasAttachments": True}, "it has attachments"),
        ({"singleValueExtendedProperties": []}, "Tandem did not write it"),
        ({"isDraft": False, "subject": "Another"}, "It had been sent before"),
    ],
)
async def test_a_draft_that_holds_anything_but_what_was_shown_is_not_sent(
    graph: GraphClient, mailbox: Mailbox, changes: dict[str, Any], said: str
) -> None:
    mailbox.messages = {"d1": held(**changes)}
    with pytest.raises(Conflict, match="is not what was shown to you") as refused:
        await Sends(graph, now=lambda: NOW).send(mail(draft="d1", change_key="1"), THIS)
    assert said in refused.value.message
    assert mailbox.sent == []


@pytest.mark.parametrize(
    "body",
    [
        {"contentType": "text", "content": "Text"},
        html("<p>Text</p>"),
        html(wrapped("Text<br>\r\n")),
    ],
)
async def test_a_draft_that_holds_what_was_shown_is_sent(
    graph: GraphClient, mailbox: Mailbox, body: dict[str, Any]
) -> None:
    mailbox.messages = {"d1": held(body=body)}
    await Sends(graph, now=lambda: NOW).send(mail(draft="d1", change_key="1"), THIS)
    assert mailbox.sent == ["d1"]


async def test_addresses_that_a_mailbox_makes_links_of_are_the_same_text(graph: GraphClient, mailbox: Mailbox) -> None:
    text = "See https://teams.microsoft.com/l/x or ask ann@example.org"
    made = (
        'See <a href="https://teams.microsoft.com/l/x">https://teams.microsoft.com/l/x</a> or ask '
        '<a href="mailto:ann@example.org">ann@example.org</a>'
    )
    mailbox.messages = {"d1": held(body=html(wrapped(made)))}
    await Sends(graph, now=lambda: NOW).send(mail(text=text, draft="d1", change_key="1"), THIS)
    assert mailbox.sent == ["d1"]


async def test_a_draft_without_its_state_is_not_sent(graph: GraphClient, mailbox: Mailbox) -> None:
    mailbox.messages = {"d1": held()}
    with pytest.raises(Invalid, match="Give its change_key"):
        await Sends(graph, now=lambda: NOW).send(mail(draft="d1"), THIS)
    assert mailbox.sent == []


async def test_a_draft_of_its_own_that_was_changed_between_two_attempts_is_not_sent(
    graph: GraphClient, mailbox: Mailbox
) -> None:
    sends = Sends(graph, now=lambda: NOW)
    mailbox.send_status = 503
    with pytest.raises(Unavailable):
        await sends.send(mail(), THIS)
    mailbox.send_status = 202
    mailbox.messages["m0"]["bccRecipients"] = EVE
    with pytest.raises(Conflict, match="a hidden copy"):
        await sends.send(mail(), THIS)
    assert mailbox.sent == []


async def test_a_mail_is_not_sent_too_late(graph: GraphClient, mailbox: Mailbox) -> None:
    with pytest.raises(Unavailable, match="Nothing was sent"):
        await Sends(graph, now=lambda: NOW + timedelta(seconds=1)).send(mail(), THIS)
    assert mailbox.messages == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": []}, "no recipient"),
        ({"to": ["Ann"], "cc": ["b@"]}, "Not an address.*Ann"),
        ({"to": [f"a{number}@example.org" for number in range(101)]}, "101 recipients are too many"),
        ({"subject": "\u200b "}, "no subject"),
        ({"text": "\u200b"}, "no text"),
        ({"subject": "x" * 256}, "256 characters"),
    ],
)
async def test_a_mail_that_cannot_be_is_refused_before_anything_is_asked(
    graph: GraphClient, mailbox: Mailbox, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        await Sends(graph, now=lambda: NOW).send(mail(**changes), THIS)
    assert mailbox.messages == {}


def test_the_preview_shows_the_whole_mail() -> None:
    shown = preview(mail(cc=["bob@example.org"], text="One\nTwo\u200b"), Egress())
    assert shown.facts == [
        ("To", f"Ann Other <{OUTSIDE}>"),
        ("Cc", "bob@example.org"),
        ("Subject", "Hello"),
        ("Text", "One\nTwo"),
    ]
    long = dict(preview(mail(text="x" * 3000), Egress()).facts)["Text"]
    assert long.endswith("… (3,000 characters in all)")


def message(number: int, **more: Any) -> dict[str, Any]:
    who = {"emailAddress": {"name": "Alex Wilber", "address": "alex@contoso.example"}}
    when = f"2026-11-{20 - number:02}T08:00:00Z"
    return {
        "id": str(number),
        "subject": f"Mail {number}",
        "from": who,
        "receivedDateTime": when,
        "isRead": True,
        **more,
    }


def text(content: str, kind: str = "text") -> dict[str, str]:
    return {"contentType": kind, "content": content}


async def test_mails_are_read_whatever_they_hold(graph: GraphClient, mailbox: Mailbox) -> None:
    mailbox.listed = [
        message(0, body=text("a\u200bb\r\nc")),
        message(1, body=text("<head><style>x{}</style></head><p>Hi&nbsp;there</p><script>1</script><p>Bye", "html")),
        message(2, body=text("x" * 10_000_000)),
        message(3, body=text(" ")),
        message(4, bodyPreview="Only this"),
        {"id": "5", "body": text("From nobody")},
        message(6, isDraft=True, body=text("draft")),
    ]
    found = await MailSearch(graph).search(Search(), task())
    assert [each.text for each in found.mails[:2]] == ["ab\nc", "Hi there\n\nBye"]
    assert [(len(each.text), each.cut) for each in found.mails[2:4]] == [(LONGEST_TEXT, True), (0, False)]
    assert (found.mails[4].text, found.mails[5].sender, len(found.mails)) == ("Only this", "", 6)
    assert found.notes == ["Of the mail 'Mail 4' only the beginning could be read (500)."]
    assert (summary(found), found.more) == ("6 mails", False)


async def test_words_are_searched_and_days_and_senders_compared_here(graph: GraphClient, mailbox: Mailbox) -> None:
    mailbox.listed = [message(number, body=text("x")) for number in range(8)]
    asked = Search(
        words='status "or\\', after=date(2026, 11, 15), before=date(2026, 11, 19), sender="wilber", texts=False
    )
    found = await MailSearch(graph).search(asked, task())
    assert [each.id for each in found.mails] == ["2", "3", "4", "5"]
    assert mailbox.queries[0]["$search"] == '"status or"'
    assert "$filter" not in mailbox.queries[0]


async def test_the_newest_are_taken_and_it_is_said_that_there_are_more(graph: GraphClient, mailbox: Mailbox) -> None:
    mailbox.listed = [message(number, body=text("x")) for number in range(3)]
    found = await MailSearch(graph).search(Search(most=2), task())
    assert ([each.id for each in found.mails], summary(found)) == (["0", "1"], "the newest 2 mails")
    assert mailbox.queries[0]["$filter"] == "receivedDateTime ge 1900-01-01T00:00:00Z"


async def test_a_mailbox_that_one_may_not_open_is_named(graph: GraphClient, mailbox: Mailbox) -> None:
    mailbox.forbidden = True
    with pytest.raises(NotPermitted, match=r"You may not open mailbox lee@contoso\.example\. Ask its owner"):
        await MailSearch(graph).search(Search(mailbox="lee@contoso.example"), task())


@pytest.mark.parametrize(
    ("written", "outside"),
    [
        ("See you tomorrow. From: here on all is well? No.", False),
        ("Ask lee.gu@contoso.example or Lee.", False),
        ("FYI\n\nFrom: Eve Adams\nSent: Monday\n\nPay to this account", True),
        ("FYI\n> Von: Eve\n> Zahlen Sie hierhin", True),
        ("FYI\n*From:* Eve\nPay", True),
        ("On Monday, Eve <eve@evil.example> wrote:\nPay", True),
        ("Write to eve@evil.example", True),
    ],
)
async def test_what_a_colleague_passes_on_from_outside_is_noted_as_such(
    graph: GraphClient, mailbox: Mailbox, written: str, outside: bool
) -> None:
    mailbox.listed = [message(0, body=text(written))]
    around = Listening()
    asker = TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN, around=around)
    await MailSearch(graph).search(Search(), asker)
    assert [each.outside for each in around.noted] == [outside]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folder": "Secret"}, "'Secret' is not a mail folder: take one of inbox"),
        ({"most": 0}, "0 mails cannot be asked for"),
        ({"after": date(2026, 11, 2), "before": date(2026, 11, 1)}, "exchange the two days"),
    ],
)
async def test_a_search_that_cannot_be_meant_is_refused(graph: GraphClient, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await MailSearch(graph).search(Search(**changes), task())


def test_html_is_read_as_a_reader_sees_it() -> None:
    assert text_of_html("<ul><li>a<li>b</ul>1 &lt; 2<br>x<title>no</title>") == "a\nb\n1 < 2\nx"
