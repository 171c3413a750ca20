"""Graph's mail: messages, folders, drafts, sending, attachments."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from connectors.sandbox.asks import Ask, not_served
from connectors.sandbox.data import Person
from connectors.sandbox.mail_entities import (
    attachment_entity,
    folder_entity,
    folder_id,
    inner_id,
    message_entity,
    public_id,
    read_attachment,
    read_message,
    read_recipients,
    wants_immutable,
)
from connectors.sandbox.mail_search import find
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.messages import DELETED, DRAFTS, FOLDERS, Message
from connectors.sandbox.replies import GraphError, check_options, selected

PAGE_MESSAGES = 10
MOST_MESSAGES = 1000
LARGEST_REQUEST_BYTES = 4 * 1024 * 1024
_LIST = {"$select", "$filter", "$search", "$orderby", "$top", "$skip", "$count", "$expand"}
_MESSAGES = re.compile(r"(?:mailFolders/(?P<folder>[^/]+)/)?messages(?:/(?P<id>[^/]+))?(?:/(?P<tail>.+))?")
_FOLDERS = re.compile(r"mailFolders(?:/(?P<folder>[^/]+))?")
_ATTACHMENT = re.compile(r"attachments(?:/(?P<id>[^/]+))?(?P<raw>/\$value)?")
_REPLIES = {
    "reply": (False, True),
    "replyAll": (True, True),
    "createReply": (False, False),
    "createReplyAll": (True, False),
}


class MailApi:
    """Answers requests about the mailbox of `person`; nobody reads anybody else's."""

    def __init__(self, mailroom: Mailroom, url: str, web_url: str) -> None:
        self._mailroom = mailroom
        self._url = url
        self._web_url = web_url

    async def answer(self, ask: Ask, rest: str, person: Person) -> web.Response | None:
        """The answer, or None where `rest` (what follows /me/) is not about mail."""
        if rest == "sendMail":
            return await self._send_mail(ask, person)
        if found := _FOLDERS.fullmatch(rest):
            return self._folders(ask, found["folder"], person)
        found = _MESSAGES.fullmatch(rest)
        if not found:
            return None
        folder = self._folder(found["folder"], person) if found["folder"] else None
        if found["id"] is None:
            if ask.method == "POST":
                return await self._create(ask, person, folder)
            return self._list(ask, person, folder)
        message = self._message(found["id"], person)
        if found["tail"] is None:
            return await self._one(ask, message, person)
        if attached := _ATTACHMENT.fullmatch(found["tail"]):
            return await self._attachments(ask, message, attached["id"], bool(attached["raw"]), person)
        return await self._act(ask, message, found["tail"], person)

    def _message(self, public: str, person: Person) -> Message:
        """The message with this id; an ordinary id does not find it any more once it is in another folder."""
        item_id, given = inner_id(public)
        message = self._mailroom.message(person, item_id)
        known = [public_id(item_id, immutable=True), public_id(item_id, immutable=False, place=message.folder)]
        if given not in known:
            raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return message

    def _folder(self, name: str, person: Person) -> str:
        for folder in FOLDERS:
            if name.casefold() == folder or name == folder_id(person.key, folder):
                return folder
        raise GraphError(404, "ErrorItemNotFound", "The specified folder could not be found in the store.")

    def _folders(self, ask: Ask, name: str | None, person: Person) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        names = [self._folder(name, person)] if name else list(FOLDERS)
        entities = [folder_entity(person.key, each, self._mailroom.messages(person, each)) for each in names]
        shown = [selected(entity, ask.query) for entity in entities]
        context = f"{self._url}/$metadata#users('{person.id}')/mailFolders"
        if name:
            return web.json_response({"@odata.context": f"{context}/$entity", **shown[0]})
        return web.json_response({"@odata.context": context, "value": shown})

    def _list(self, ask: Ask, person: Person, folder: str | None) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        options = dict(ask.query)
        check_options(options, _LIST)
        top, skip = _number(options, "$top", PAGE_MESSAGES), _number(options, "$skip", 0)
        if not 1 <= top <= MOST_MESSAGES:
            raise GraphError(400, "ErrorInvalidUrlQuery", f"The value of $top must be from 1 to {MOST_MESSAGES}.")
        messages = find(self._mailroom.messages(person, folder), options)
        page = messages[skip : skip + top]
        answer: dict[str, Any] = {"@odata.context": f"{self._url}/$metadata#users('{person.id}')/messages"}
        if options.get("$count", "").casefold() == "true":
            answer["@odata.count"] = len(messages)
        answer["value"] = [self._entity(ask, message) for message in page]
        if skip + top < len(messages):
            more = urlencode({**options, "$top": str(top), "$skip": str(skip + top)})
            answer["@odata.nextLink"] = f"{self._url}{ask.path}?{more}"
        return web.json_response(answer, headers=_applied(ask))

    def _entity(self, ask: Ask, message: Message) -> dict[str, Any]:
        entity = message_entity(message, ask, self._web_url)
        shown = selected(entity, ask.query)
        expanded = ("singleValueExtendedProperties", "attachments")
        return shown | {name: value for name, value in entity.items() if name in expanded}

    async def _create(self, ask: Ask, person: Person, folder: str | None) -> web.Response:
        if folder not in (None, DRAFTS):
            raise GraphError(400, "ErrorInvalidRequest", "New messages are made in Drafts only.")
        message = read_message(self._mailroom.new(person), await _body(ask))
        message = self._mailroom.save(message, "mail.draft", person)
        return self._answer(ask, message, person, 201)

    def _answer(self, ask: Ask, message: Message, person: Person, status: int = 200) -> web.Response:
        context = f"{self._url}/$metadata#users('{person.id}')/messages/$entity"
        body = {"@odata.context": context, **self._entity(ask, message)}
        return web.json_response(body, status=status, headers=_applied(ask))

    async def _one(self, ask: Ask, message: Message, person: Person) -> web.Response:
        if ask.method == "GET":
            check_options(ask.query, {"$select", "$expand"})
            return self._answer(ask, message, person)
        if ask.method == "PATCH":
            changed = read_message(msgspec.structs.replace(message), await _body(ask))
            return self._answer(ask, self._mailroom.save(changed, "", person), person)
        if ask.method == "DELETE":
            if message.folder == DELETED:
                self._mailroom.remove(message, person)
            else:
                self._mailroom.save(msgspec.structs.replace(message, folder=DELETED), "mail.delete", person)
            return web.Response(status=204)
        raise not_served(ask)

    async def _act(self, ask: Ask, message: Message, action: str, person: Person) -> web.Response:
        if ask.method != "POST":
            raise not_served(ask)
        if action == "send":
            if not message.is_draft:
                raise GraphError(400, "ErrorInvalidOperation", "The message was sent before: it is no draft.")
            self._mailroom.send(message, person)
            return web.Response(status=202)
        body = await _body(ask)
        if action == "move":
            target = self._folder(str(body.get("destinationId", "")), person)
            moved = self._mailroom.save(msgspec.structs.replace(message, folder=target), "mail.move", person)
            return self._answer(ask, moved, person, 201)
        if action in _REPLIES:
            to_all, at_once = _REPLIES[action]
            made = self._mailroom.reply(message, person, str(body.get("comment") or ""), to_all=to_all)
            made = read_message(made, body.get("message") or {})
            if at_once:
                self._mailroom.send(made, person)
                return web.Response(status=202)
            return self._answer(ask, self._mailroom.save(made, "mail.draft", person), person, 201)
        if action == "forward":
            made = self._mailroom.new(person, f"FW: {message.subject}", message.conversation)
            made.to = read_recipients(body.get("toRecipients"), "toRecipients")
            made.body, made.body_type = f"{body.get('comment') or ''}\n\n{message.body}", message.body_type
            made.attachments = message.attachments
            self._mailroom.send(made, person)
            return web.Response(status=202)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{action}'.")

    async def _send_mail(self, ask: Ask, person: Person) -> web.Response:
        if ask.method != "POST":
            raise not_served(ask)
        body = await _body(ask)
        given = body.get("message", body.get("Message"))
        if not isinstance(given, dict):
            raise GraphError(400, "ErrorInvalidParameter", "The message to send is missing.")
        keep = body.get("saveToSentItems", body.get("SaveToSentItems", True)) not in (False, "false")
        self._mailroom.send(read_message(self._mailroom.new(person), given), person, keep=keep)
        return web.Response(status=202)

    async def _attachments(
        self, ask: Ask, message: Message, public: str | None, raw: bool, person: Person
    ) -> web.Response:
        context = f"{self._url}/$metadata#users('{person.id}')/messages('{public or message.id}')/attachments"
        if public is None and ask.method == "POST":
            if not message.is_draft:
                raise GraphError(400, "ErrorInvalidPropertySet", "Attachments can only be added to a draft.")
            made = read_attachment(await _body(ask))
            self._mailroom.save(msgspec.structs.replace(message, attachments=[*message.attachments, made]), "", person)
            return web.json_response({"@odata.context": f"{context}/$entity", **attachment_entity(made)}, status=201)
        if ask.method != "GET":
            raise not_served(ask)
        if public is None:
            entities = [selected(attachment_entity(each), ask.query) for each in message.attachments]
            return web.json_response({"@odata.context": context, "value": entities})
        found = next((a for a in message.attachments if public_id(a.id, immutable=True) == public), None)
        if found is None:
            raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        if raw:
            return web.Response(body=found.content, content_type=found.type)
        return web.json_response({"@odata.context": f"{context}/$entity", **attachment_entity(found)})


async def _body(ask: Ask) -> dict[str, Any]:
    if (ask.content_length or 0) > LARGEST_REQUEST_BYTES:
        raise GraphError(413, "RequestBodySizeExceeded", "The size of the request exceeds the limit of 4 MB.")
    return await ask.json()


def _number(options: dict[str, str], name: str, usual: int) -> int:
    text = options.get(name)
    if text is None:
        return usual
    if not re.fullmatch(r"\d{1,9}", text):
        raise GraphError(400, "ErrorInvalidUrlQuery", f"{name} must be a whole number, not '{text}'.")
    return int(text)


def _applied(ask: Ask) -> dict[str, str]:
    return {"Preference-Applied": 'IdType="ImmutableId"'} if wants_immutable(ask) else {}
