"""Messages, folders and attachments in Graph's shape, and back."""

from __future__ import annotations

import base64
import binascii
import html
import re
import uuid
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.asks import Ask
from connectors.sandbox.days import iso
from connectors.sandbox.messages import FOLDERS, Address, Attachment, Message, attachment
from connectors.sandbox.replies import GraphError

IMMUTABLE, ORDINARY = "AAkALgAA", "AAMkAGVm"
PREVIEW_CHARACTERS = 255
LARGEST_ATTACHMENT_BYTES = 3 * 1024 * 1024
_ID_TYPE = "IdType"
_PROPERTY_ID = re.compile(
    r"(String|Boolean|Integer|SystemTime) \{[0-9A-Fa-f-]{36}\} (Name \S.*|Id 0x[0-9A-Fa-f]{4})|String 0x[0-9A-Fa-f]{4}"
)
_WRITABLE = {
    "subject",
    "body",
    "importance",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "from",
    "sender",
    "categories",
    "isRead",
    "internetMessageHeaders",
    "singleValueExtendedProperties",
    "attachments",
    "flag",
    "inferenceClassification",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "internetMessageId",
    "conversationId",
}
_ONLY_DRAFT = {"toRecipients", "ccRecipients", "bccRecipients", "subject", "body", "replyTo", "internetMessageHeaders"}


def wants_immutable(ask: Ask) -> bool:
    """Whether the client asked for ids that stay when an item moves."""
    return (ask.prefers(_ID_TYPE) or "").casefold() == "immutableid"


def public_id(item_id: str, *, immutable: bool, place: str = "") -> str:
    """The id that clients see: an immutable one, or one that changes with the folder."""
    raw = uuid.UUID(item_id).bytes
    if immutable:
        return IMMUTABLE + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return ORDINARY + base64.urlsafe_b64encode(raw + uuid.uuid5(uuid.NAMESPACE_URL, place).bytes[:6]).decode()


def inner_id(public: str, place: str | None = None) -> tuple[str, str | None]:
    """Our id behind a public one, and the place that it names (None for an immutable id).

    Raises:
        GraphError: It is no id of ours.
    """
    try:
        raw = base64.urlsafe_b64decode(public[len(IMMUTABLE) :] + "==")
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < 16 or not public.startswith((IMMUTABLE, ORDINARY)):
        raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
    return uuid.UUID(bytes=raw[:16]).hex, public


def folder_id(mailbox: str, folder: str) -> str:
    """A folder's id."""
    return "AQMkAGFi" + base64.urlsafe_b64encode(uuid.uuid5(uuid.NAMESPACE_URL, f"{mailbox}/{folder}").bytes).decode()


def folder_entity(mailbox: str, folder: str, messages: list[Message]) -> dict[str, Any]:
    """Graph's mailFolder."""
    return {
        "id": folder_id(mailbox, folder),
        "displayName": FOLDERS[folder],
        "parentFolderId": folder_id(mailbox, "msgfolderroot"),
        "childFolderCount": 0,
        "unreadItemCount": sum(not m.is_read for m in messages),
        "totalItemCount": len(messages),
        "isHidden": False,
    }


def message_entity(message: Message, ask: Ask, web_url: str) -> dict[str, Any]:
    """Graph's message; with the parts that only $select and $expand bring."""
    number = public_id(message.id, immutable=wants_immutable(ask), place=message.folder)
    text = plain(message)
    as_text = (ask.prefers("outlook.body-content-type") or "").casefold() == "text"
    body = {"contentType": "text", "content": text} if as_text else _body(message)
    entity: dict[str, Any] = {
        "@odata.etag": f'W/"{_change_key(message)}"',
        "id": number,
        "createdDateTime": iso(message.created),
        "lastModifiedDateTime": iso(max(message.created, message.sent)),
        "changeKey": _change_key(message),
        "categories": message.categories,
        "receivedDateTime": iso(message.sent),
        "sentDateTime": iso(message.sent),
        "hasAttachments": any(not each.inline for each in message.attachments),
        "internetMessageId": message.internet_id,
        "subject": message.subject,
        "bodyPreview": " ".join(text.split())[:PREVIEW_CHARACTERS],
        "importance": message.importance,
        "parentFolderId": folder_id(message.mailbox, message.folder),
        "conversationId": f"AAQkAGVm{message.conversation}",
        "conversationIndex": base64.b64encode(bytes.fromhex(message.conversation[:22].ljust(22, "0"))).decode(),
        "isDeliveryReceiptRequested": False,
        "isReadReceiptRequested": False,
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "webLink": f"{web_url}/mail/{number}",
        "inferenceClassification": "focused",
        "body": body,
        "sender": _recipient(message.sender),
        "from": _recipient(message.sender),
        "toRecipients": [_recipient(each) for each in message.to],
        "ccRecipients": [_recipient(each) for each in message.cc],
        "bccRecipients": [_recipient(each) for each in message.bcc],
        "replyTo": [_recipient(each) for each in message.reply_to],
        "flag": {"flagStatus": "notFlagged"},
    }
    if message.meeting:
        entity = {
            "@odata.type": "#microsoft.graph.eventMessageRequest",
            **entity,
            "meetingMessageType": "meetingRequest",
        }
    if "internetMessageHeaders" in ask.query.get("$select", ""):
        entity["internetMessageHeaders"] = [{"name": name, "value": value} for name, value in message.headers]
    return {**entity, **expanded(message.properties, message.attachments, ask.query.get("$expand", ""))}


def expanded(properties: Mapping[str, str], attachments: list[Attachment], expand: str) -> dict[str, Any]:
    """What $expand brings along."""
    found: dict[str, Any] = {}
    if "singleValueExtendedProperties" in expand:
        wanted = {name.casefold() for name in re.findall(r"id eq '([^']+)'", expand)}
        if not wanted:
            raise GraphError(
                400, "ErrorInvalidUrlQueryFilter", "Expanding extended properties needs a $filter with their ids."
            )
        mine = [{"id": name, "value": value} for name, value in properties.items() if name.casefold() in wanted]
        if mine:
            found["singleValueExtendedProperties"] = mine
    if re.search(r"\battachments\b", expand):
        found["attachments"] = [attachment_entity(each) for each in attachments]
    return found


def attachment_entity(found: Attachment, *, content: bool = True) -> dict[str, Any]:
    """Graph's fileAttachment."""
    entity = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "@odata.mediaContentType": found.type,
        "id": public_id(found.id, immutable=True),
        "lastModifiedDateTime": "2026-11-02T08:00:00Z",
        "name": found.name,
        "contentType": found.type,
        "size": len(found.content),
        "isInline": found.inline,
        "contentId": None,
        "contentLocation": None,
    }
    return {**entity, "contentBytes": base64.b64encode(found.content).decode()} if content else entity


def read_message(message: Message, body: Mapping[str, Any]) -> Message:
    """Writes what a client sends into a message.

    Raises:
        GraphError: Names what cannot be.
    """
    given = {name: value for name, value in body.items() if not name.startswith("@")}
    unknown = set(given) - _WRITABLE
    if unknown:
        name = min(unknown)
        text = f"The property '{name}' does not exist on type 'microsoft.graph.message', or cannot be set."
        raise GraphError(400, "RequestBodyRead", text)
    if not message.is_draft and (fixed := set(given) & _ONLY_DRAFT):
        raise GraphError(400, "ErrorInvalidPropertySet", f"'{min(fixed)}' can only be set on a draft.")
    message.subject = _text(given, "subject", message.subject)
    message.importance = _text(given, "importance", message.importance)
    message.is_read = bool(given.get("isRead", message.is_read))
    if "body" in given:
        content = given["body"] or {}
        if not isinstance(content, dict):
            raise _bad("body must be an object with contentType and content")
        message.body_type = "html" if str(content.get("contentType", "text")).casefold() == "html" else "text"
        message.body = _text(content, "content", "")
    for name, field in (
        ("toRecipients", "to"),
        ("ccRecipients", "cc"),
        ("bccRecipients", "bcc"),
        ("replyTo", "reply_to"),
    ):
        if name in given:
            setattr(message, field, read_recipients(given[name], name))
    if "categories" in given:
        message.categories = [str(each) for each in given["categories"] or []]
    if "internetMessageHeaders" in given:
        message.headers = [_header(each) for each in given["internetMessageHeaders"] or []]
    message.properties = read_properties(given, message.properties)
    for each in given.get("attachments") or []:
        message.attachments = [*message.attachments, read_attachment(each)]
    return message


def read_properties(body: Mapping[str, Any], known: dict[str, str]) -> dict[str, str]:
    """Extended properties as a client sends them, over those that are there."""
    made = dict(known)
    for each in body.get("singleValueExtendedProperties") or []:
        name = each.get("id") if isinstance(each, dict) else None
        if not isinstance(name, str) or not _PROPERTY_ID.fullmatch(name):
            raise GraphError(400, "ErrorInvalidExtendedPropertyId", f"The extended property id {name!r} is not valid.")
        made[name] = str(each.get("value", ""))
    return made


def read_recipients(value: object, name: str) -> list[Address]:
    """Recipients as a client sends them."""
    made = []
    for each in value if isinstance(value, list) else [None]:
        address = each.get("emailAddress") if isinstance(each, dict) else None
        if not isinstance(address, dict) or not isinstance(address.get("address"), str):
            raise _bad(f"{name} must be a list of objects with emailAddress.address")
        made.append(Address(str(address.get("name") or address["address"]), address["address"].strip()))
    return made


def read_attachment(value: object) -> Attachment:
    """A file attachment as a client sends it."""
    if not isinstance(value, dict) or value.get("@odata.type") != "#microsoft.graph.fileAttachment":
        raise _bad("an attachment must be a #microsoft.graph.fileAttachment")
    try:
        content = base64.b64decode(str(value.get("contentBytes", "")), validate=True)
    except (binascii.Error, ValueError):
        raise _bad("contentBytes is not base64") from None
    if len(content) > LARGEST_ATTACHMENT_BYTES:
        raise GraphError(413, "ErrorMessageSizeExceeded", "The attachment is larger than 3 MB: use an upload session.")
    kind = str(value.get("contentType") or "")
    return attachment(str(value.get("name") or "unnamed"), content, uuid.uuid4().hex, kind)


def plain(message: Message) -> str:
    """The body as plain text."""
    if message.body_type == "text":
        return message.body
    broken = re.sub(
        r"(?i)<br\s*/?>|</(p|div|tr|li|h\d)>", "\n", re.sub(r"(?is)<(style|script|head).*?</\1>", "", message.body)
    )
    return html.unescape(re.sub(r"<[^>]*>", "", broken)).strip()


def _body(message: Message) -> dict[str, str]:
    return {"contentType": message.body_type, "content": message.body}


def _recipient(address: Address) -> dict[str, Any]:
    return {"emailAddress": {"name": address.name, "address": address.address}}


def _change_key(message: Message) -> str:
    raw = uuid.uuid5(uuid.NAMESPACE_URL, f"{message.id}/{message.changes}").bytes
    return "CQAAABYAAAA" + base64.b64encode(raw[:12]).decode()


def _header(value: object) -> tuple[str, str]:
    name = str(value.get("name", "")) if isinstance(value, dict) else ""
    if not name.casefold().startswith("x-"):
        text = f"The internet message header name '{name}' should start with 'x-' or 'X-'."
        raise GraphError(400, "InvalidInternetMessageHeader", text)
    return name, str(value["value"]) if isinstance(value, dict) and "value" in value else ""


def _text(body: Mapping[str, Any], name: str, otherwise: str) -> str:
    value = body.get(name, otherwise)
    if value is not None and not isinstance(value, str):
        raise _bad(f"{name} must be text")
    return value or ""


def _bad(text: str) -> GraphError:
    return GraphError(400, "RequestBodyRead", f"Cannot read the request body: {text}.")
