"""A mail that Tandem writes: what it must have, what is shown of it, and the key it carries."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.graph.addresses import Address, addresses_of, told
from connectors.graph.client import GraphSession, as_object, objects, texts
from connectors.graph.shown_people import check_number, people_shown
from connectors.graph.wording import shown
from connectors.http import clipped
from connectors.odata import quoted
from orchestration.capabilities.descriptor import Destination, TaskContext
from orchestration.errors import Invalid
from orchestration.validation.egress import Egress

# A named property of Tandem's own: it can be filtered by, and stays with the mail from draft to Sent Items.
KEY_PROPERTY = "String {6f0c7c3e-90f5-4e0e-9d3d-3c1f4f0f7a42} Name TandemKey"
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
LONGEST_TEXT = 500_000
LONGEST_SUBJECT = 255
FIELDS: dict[str, str | int] = {
    "$select": "id,subject,isDraft,webLink,changeKey,toRecipients,ccRecipients,bccRecipients,replyTo,body,"
    "hasAttachments",
    "$expand": f"singleValueExtendedProperties($filter=id eq {quoted(KEY_PROPERTY)})",
}


class Letter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `mail.draft`.

    Attributes:
        to: Addresses, also as `Alex Wilber <alex@contoso.com>`.
        subject: One line.
        text: Plain text; line breaks stay.
        cc: Addresses.
    """

    to: list[str]
    subject: str
    text: str
    cc: list[str] = []


class Sending(Letter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `mail.send`.

    Attributes:
        draft: Id of a draft that `mail.draft` made with the same content; empty: a draft is made first. It is sent only
            if it holds just what was shown, and nothing else.
        change_key: Of that draft, always with it; if it was changed since, it is not sent.
    """

    draft: str = ""
    change_key: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A mail with Tandem's key as the mailbox has it; `is_draft` until it is sent, `message` is what Graph says."""

    id: str
    is_draft: bool
    link: str
    change_key: str
    message: dict[str, Any]


def recipients(to: list[str], cc: list[str]) -> tuple[list[Address], list[Address]]:
    """The addresses of a mail, each once.

    Raises:
        Invalid: One is no address, there is none, or there are more than can be shown.
    """
    first = addresses_of(to)
    known = {each.address.casefold() for each in first}
    second = [each for each in addresses_of(cc) if each.address.casefold() not in known]
    if not first:
        raise Invalid("The mail has no recipient: give an address.")
    check_number(len(first) + len(second))
    return first, second


def content(subject: str, text: str, egress: Egress) -> tuple[str, str]:
    """Subject and text as they go out: nothing invisible, and links to allowed hosts only.

    Raises:
        Invalid: One is empty or too long.
    """
    subject, text = egress.line(subject), egress.text(text)
    if not subject or not text:
        raise Invalid(f"The mail has no {'text' if subject else 'subject'}: give one.")
    if len(subject) > LONGEST_SUBJECT:
        raise Invalid(f"The subject has {len(subject)} characters: up to {LONGEST_SUBJECT} are possible.")
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"The mail's text has {len(text):,} characters: up to {LONGEST_TEXT:,} are possible.")
    return subject, text


def as_message(to: list[Address], cc: list[Address], subject: str, text: str, key: str) -> dict[str, Any]:
    """A draft as Graph writes it."""
    return {
        "subject": subject,
        "body": {"contentType": "text", "content": text},
        "toRecipients": [each.as_recipient() for each in to],
        "ccRecipients": [each.as_recipient() for each in cc],
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": key}],
    }


def key_of(task: TaskContext, capability: str) -> str:
    """The task's idempotency key.

    Raises:
        Invalid: It has none.
    """
    if not task.idempotency_key:
        raise Invalid(f"{capability} needs an idempotency key: without one it could not recognise its own mail.")
    return task.idempotency_key


async def with_key(session: GraphSession, key: str) -> Kept | None:
    """The mail with this key in the whole mailbox; a sent one before a draft."""
    matches = f"ep/id eq {quoted(KEY_PROPERTY)} and ep/value eq {quoted(key)}"
    query: dict[str, str | int] = {
        "$filter": f"singleValueExtendedProperties/any(ep: {matches})",
        "$top": 10,
        **FIELDS,
    }
    body = await session.get("/me/messages", what="look for the mail in your mailbox", query=query, headers=IMMUTABLE)
    found = [kept(each) for each in objects(body)]
    return min(found, key=lambda each: each.is_draft, default=None)


async def create(session: GraphSession, message: dict[str, Any]) -> Kept:
    """A new draft.

    Raises:
        Unavailable: Surely no draft was made.
        OutcomeUnknown: There may be one.
    """
    response = await session.call("POST", "/me/messages", body=message, headers=IMMUTABLE, write=True)
    if not response.is_success:
        raise session.failure(response, "save a draft in your mailbox", write=True)
    return kept(as_object(response))


def kept(message: dict[str, Any]) -> Kept:
    """From Graph's JSON."""
    return Kept(
        id=texts(message, "id"),
        is_draft=message.get("isDraft") is True,
        link=texts(message, "webLink"),
        change_key=texts(message, "changeKey"),
        message=message,
    )


def facts(to: list[str], cc: list[str], subject: str, text: str, egress: Egress) -> list[tuple[str, str]]:
    """What a person sees of a mail before it is written.

    Raises:
        Invalid: It goes to more people than can be shown.
    """
    check_number(len(to) + len(cc))
    lines = [("To", people_shown(to))]
    if cc:
        lines.append(("Cc", people_shown(cc)))
    return [*lines, ("Subject", clipped(egress.line(subject), LONGEST_SUBJECT)), ("Text", shown(egress.text(text)))]


def destination(mail: Letter) -> Destination:
    """Everybody who gets the mail; to oneself is no exception."""
    return Destination(recipients=told([*mail.to, *mail.cc]))
