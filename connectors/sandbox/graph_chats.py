"""Graph's Teams: chats, teams, channels and their messages."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web

from connectors.sandbox.asks import Ask, not_served
from connectors.sandbox.data import Person
from connectors.sandbox.days import iso
from connectors.sandbox.office import Office
from connectors.sandbox.replies import GraphError, check_options, collection, selected
from connectors.sandbox.talks import ChatMessage, Outsider, Talk, Team, chat_id

PAGE_CHATS = 20
PAGE_MESSAGES = 20
MOST_MESSAGES = 50
LONGEST_MESSAGE_BYTES = 28 * 1024
_LIST = {"$select", "$top", "$skiptoken", "$orderby", "$filter", "$expand", "$count"}
_CHAT = re.compile(r"(?:/(?:me|users/[^/]+))?/chats/(?P<chat>[^/]+)(?:/(?P<tail>.+))?")
_TEAM = re.compile(r"/teams/(?P<team>[^/]+)(?:/(?P<tail>.+))?")
_MESSAGES = re.compile(r"messages(?:/(?P<id>[^/]+))?(?P<replies>/replies)?")
_USER = re.compile(r"users(?:\('(?P<a>[^']+)'\)|/(?P<b>[^/]+))$")
_SINCE = re.compile(r"(?P<field>lastModifiedDateTime|createdDateTime) (?P<op>gt|lt) (?P<when>\S+)")


class ChatsApi:
    """Answers requests about chats and channels; only members read and write there."""

    def __init__(self, office: Office, url: str) -> None:
        self._office = office
        self._url = url

    async def answer(self, ask: Ask, path: str, person: Person) -> web.Response | None:
        """The answer, or None where the path is not about Teams."""
        if path in ("/chats", "/me/chats", f"/users/{person.id}/chats"):
            return await self._make(ask, person) if ask.method == "POST" else self._chats(ask, path, person)
        if path in ("/me/joinedTeams", f"/users/{person.id}/joinedTeams"):
            mine = [
                _team(team, self._office.tenant.id)
                for team in self._office.teams.values()
                if person.key in team.members
            ]
            return self._list(ask, path, "teams", mine)
        if found := _CHAT.fullmatch(path):
            talk = self._office.talks.get(found["chat"])
            if talk is None or talk.kind == "channel":
                raise GraphError(404, "NotFound", "No chat found with that thread id.")
            if person.key not in talk.members:
                raise GraphError(403, "Forbidden", "User is not part of the roster of this chat thread.")
            return await self._in_talk(ask, path, talk, found["tail"] or "", person)
        if found := _TEAM.fullmatch(path):
            return await self._in_team(ask, path, found["team"], found["tail"] or "", person)
        return None

    def _chats(self, ask: Ask, path: str, person: Person) -> web.Response:
        mine = [t for t in self._office.talks if t.kind != "channel" and person.key in t.members]
        if kind := re.fullmatch(r"chatType eq '(\w+)'", ask.query.get("$filter", "")):
            mine = [t for t in mine if t.kind == kind[1]]
        elif topic := re.fullmatch(r"topic eq '((?:[^']|'')*)'", ask.query.get("$filter", "")):
            mine = [t for t in mine if t.topic == topic[1].replace("''", "'")]
        elif ask.query.get("$filter"):
            raise GraphError(400, "BadRequest", "The $filter of chats may name chatType or topic.")
        mine.sort(key=self._latest, reverse=True)
        return self._list(ask, path, "chats", [self._talk(t, ask) for t in mine])

    def _latest(self, talk: Talk) -> datetime:
        return max((m.created for m in self._office.chat_messages if m.talk == talk.id), default=talk.created)

    async def _make(self, ask: Ask, person: Person) -> web.Response:
        body = await ask.json()
        kind, members = body.get("chatType"), [self._bound(each) for each in body.get("members") or []]
        if kind not in ("oneOnOne", "group"):
            raise GraphError(400, "BadRequest", "chatType must be oneOnOne or group.")
        keys = list(dict.fromkeys(members))
        if person.key not in keys:
            raise GraphError(400, "BadRequest", "The members of a new chat must include the caller.")
        if (kind == "oneOnOne" and len(keys) != 2) or len(keys) < 2:
            raise GraphError(400, "BadRequest", "A one-on-one chat has exactly two members; a group chat two or more.")
        number = chat_id(kind, keys, uuid.uuid4().hex, self._office.tenant)
        talk = self._office.talks.get(number)
        if talk is None:
            talk = Talk(number, kind, str(body.get("topic") or ""), keys, datetime.now(UTC))
            self._office.journal.commit(
                [self._office.talks.put(number, talk)], "chat.create", person.key, id=number, members=keys
            )
        context = f"{self._url}/$metadata#chats/$entity"
        return web.json_response({"@odata.context": context, **self._talk(talk, ask)}, status=201)

    def _bound(self, member: object) -> str:
        bind = str(member.get("user@odata.bind", "")) if isinstance(member, dict) else ""
        found = _USER.search(bind)
        person = self._office.tenant.person_by_name(found["a"] or found["b"]) if found else None
        if person is None:
            raise GraphError(404, "NotFound", f"Failed to get the user of the member: {bind or member}")
        return person.key

    async def _in_team(self, ask: Ask, path: str, number: str, tail: str, person: Person) -> web.Response | None:
        team = self._office.teams.get(number)
        if team is None:
            raise GraphError(404, "NotFound", f"No team found with Group Id {number}")
        if person.key not in team.members:
            raise GraphError(403, "Forbidden", "You are not a member of this team.")
        if tail == "":
            return self._entity(ask, "teams", _team(team, self._office.tenant.id))
        if tail == "members":
            return self._list(ask, path, "members", [self._member(key, team.members[:1]) for key in team.members])
        channels = [t for t in self._office.talks if t.team == team.id]
        if tail in ("channels", "allChannels"):
            return self._list(ask, path, "channels", [self._talk(t, ask) for t in channels])
        if tail == "primaryChannel":
            return self._entity(ask, "channels", self._talk(channels[0], ask))
        name, _, rest = tail.removeprefix("channels/").partition("/")
        talk = next((t for t in channels if t.id == name), None)
        if not tail.startswith("channels/"):
            return None
        if talk is None:
            raise GraphError(404, "NotFound", "No channel found with that thread id.")
        return await self._in_talk(ask, path, talk, rest, person)

    async def _in_talk(self, ask: Ask, path: str, talk: Talk, tail: str, person: Person) -> web.Response | None:
        if tail == "":
            return self._entity(ask, "channels" if talk.team else "chats", self._talk(talk, ask))
        if tail == "members":
            return self._list(ask, path, "members", [self._member(key, talk.members[:1]) for key in talk.members])
        if tail == "allMembers" and talk.team:
            everybody = [self._member(key, talk.members[:1]) for key in talk.members]
            return self._list(ask, path, "members", [*everybody, *map(_outside_member, talk.outsiders)])
        found = _MESSAGES.fullmatch(tail)
        if not found:
            return None
        thread = found["id"] if found["replies"] else ""
        if found["id"] and not found["replies"]:
            return self._entity(ask, "messages", self._message(self._one(talk, found["id"]), talk))
        if thread:
            self._one(talk, thread)
        if ask.method == "POST":
            return await self._post(ask, talk, person, thread)
        said = [m for m in self._office.chat_messages if m.talk == talk.id and (not talk.team or m.reply_to == thread)]
        said = _since(said, ask.query.get("$filter", ""))
        said.sort(key=lambda m: (m.created, m.id), reverse=True)
        return self._list(ask, path, "messages", [self._message(m, talk) for m in said], PAGE_MESSAGES, MOST_MESSAGES)

    def _one(self, talk: Talk, number: str) -> ChatMessage:
        found = self._office.chat_messages.get(f"{talk.id}/{number}")
        if found is None:
            raise GraphError(404, "NotFound", "The message was not found.")
        return found

    async def _post(self, ask: Ask, talk: Talk, person: Person, thread: str) -> web.Response:
        body = await ask.json()
        content = body.get("body")
        if not isinstance(content, dict) or not isinstance(content.get("content"), str):
            raise GraphError(400, "BadRequest", "The message needs a body with content.")
        if not content["content"].strip() and not body.get("attachments"):
            raise GraphError(400, "BadRequest", "The message body cannot be empty.")
        if len(content["content"].encode()) > LONGEST_MESSAGE_BYTES:
            raise GraphError(413, "RequestEntityTooLarge", "The message is larger than 28 KB.")
        now = datetime.now(UTC)
        number = int(now.timestamp() * 1000)
        while self._office.chat_messages.get(f"{talk.id}/{number}"):
            number += 1
        message = ChatMessage(
            id=str(number),
            talk=talk.id,
            sender=person.key,
            created=now,
            body=content["content"],
            body_type="html" if str(content.get("contentType", "text")).casefold() == "html" else "text",
            reply_to=thread,
            subject=str(body.get("subject") or ""),
            importance=str(body.get("importance") or "normal"),
            attachments=list(body.get("attachments") or []),
            mentions=list(body.get("mentions") or []),
        )
        change = self._office.chat_messages.put(f"{talk.id}/{number}", message)
        about = {"id": message.id, "talk": talk.id, "text": message.body[:200]}
        self._office.journal.commit([change], "chat.post", person.key, **about)
        context = f"{self._url}/$metadata#chats('{talk.id}')/messages/$entity"
        return web.json_response({"@odata.context": context, **self._message(message, talk)}, status=201)

    def _entity(self, ask: Ask, kind: str, entity: dict[str, Any]) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        context = f"{self._url}/$metadata#{kind}/$entity"
        return web.json_response({"@odata.context": context, **selected(entity, ask.query)})

    def _list(
        self, ask: Ask, path: str, kind: str, entities: list[dict[str, Any]], usual: int = PAGE_CHATS, most: int = 999
    ) -> web.Response:
        if ask.method != "GET":
            raise not_served(ask)
        options = dict(ask.query)
        check_options(options, _LIST)
        if options.get("$top", "1").isdigit() and int(options.get("$top", "1")) > most:
            raise GraphError(400, "BadRequest", f"Invalid page size specified: the limit for $top is {most}.")
        shown = [selected(entity, options) for entity in entities]
        answer = collection(
            f"{self._url}/$metadata#{kind}", shown, self._url + quote(path, safe="/:@_"), options, usual
        )
        return web.json_response({**answer, "@odata.count": len(answer["value"])})

    def _talk(self, talk: Talk, ask: Ask) -> dict[str, Any]:
        web_url = f"https://teams.microsoft.com/l/{'channel' if talk.team else 'chat'}/{quote(talk.id, safe='')}/0"
        if talk.team:
            return {
                "id": talk.id,
                "createdDateTime": iso(talk.created),
                "displayName": talk.topic,
                "description": None,
                "isFavoriteByDefault": None,
                "email": "",
                "tenantId": self._office.tenant.id,
                "webUrl": web_url,
                "membershipType": "shared" if talk.outsiders else "standard",
                "isArchived": False,
            }
        entity: dict[str, Any] = {
            "id": talk.id,
            "topic": talk.topic or None,
            "createdDateTime": iso(talk.created),
            "lastUpdatedDateTime": iso(self._latest(talk)),
            "chatType": talk.kind,
            "webUrl": web_url,
            "tenantId": self._office.tenant.id,
            "onlineMeetingInfo": None,
            "viewpoint": {"isHidden": False, "lastMessageReadDateTime": iso(talk.created)},
        }
        if "members" in ask.query.get("$expand", ""):
            entity["members"] = [self._member(key, talk.members[:1]) for key in talk.members]
        return entity

    def _member(self, key: str, owners: list[str]) -> dict[str, Any]:
        person = self._office.tenant.people[key]
        return {
            "@odata.type": "#microsoft.graph.aadUserConversationMember",
            "id": uuid.uuid5(uuid.NAMESPACE_URL, f"member/{person.id}").hex,
            "roles": ["owner"] if key in owners else [],
            "displayName": person.name,
            "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
            "userId": person.id,
            "email": person.upn,
            "tenantId": self._office.tenant.id,
        }

    def _message(self, message: ChatMessage, talk: Talk) -> dict[str, Any]:
        person = self._office.tenant.people[message.sender]
        return {
            "id": message.id,
            "replyToId": message.reply_to or None,
            "etag": message.id,
            "messageType": "message",
            "createdDateTime": f"{message.created.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z",
            "lastModifiedDateTime": f"{message.created.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z",
            "lastEditedDateTime": None,
            "deletedDateTime": None,
            "subject": message.subject or None,
            "summary": None,
            "chatId": None if talk.team else talk.id,
            "importance": message.importance,
            "locale": "en-us",
            "webUrl": f"https://teams.microsoft.com/l/message/{quote(talk.id, safe='')}/{message.id}",
            "channelIdentity": {"teamId": talk.team, "channelId": talk.id} if talk.team else None,
            "policyViolation": None,
            "eventDetail": None,
            "from": {
                "application": None,
                "device": None,
                "user": {
                    "@odata.type": "#microsoft.graph.teamworkUserIdentity",
                    "id": person.id,
                    "displayName": person.name,
                    "userIdentityType": "aadUser",
                    "tenantId": self._office.tenant.id,
                },
            },
            "body": {"contentType": message.body_type, "content": message.body},
            "attachments": message.attachments,
            "mentions": message.mentions,
            "reactions": [],
        }


def _since(messages: list[ChatMessage], text: str) -> list[ChatMessage]:
    for clause in filter(None, text.split(" and ")):
        found = _SINCE.fullmatch(clause.strip())
        try:
            when = datetime.fromisoformat(found["when"]) if found else None
        except ValueError:
            when = None
        if found is None or when is None or when.tzinfo is None:
            raise GraphError(400, "BadRequest", f"The $filter '{clause}' is not supported for chat messages.")
        messages = [m for m in messages if (m.created > when if found["op"] == "gt" else m.created < when)]
    return messages


def _outside_member(who: Outsider) -> dict[str, Any]:
    tenant = uuid.uuid5(uuid.NAMESPACE_DNS, who.email.rpartition("@")[2])
    person = uuid.uuid5(tenant, who.email)
    return {
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"member/{person}").hex,
        "roles": [],
        "displayName": who.name,
        "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
        "userId": str(person),
        "email": who.email,
        "tenantId": str(tenant),
    }


def _team(team: Team, tenant: str) -> dict[str, Any]:
    return {
        "id": team.id,
        "createdDateTime": None,
        "displayName": team.name,
        "description": team.description or None,
        "internalId": None,
        "classification": None,
        "specialization": None,
        "visibility": "private",
        "webUrl": f"https://teams.microsoft.com/l/team/{team.id}/conversations?groupId={team.id}",
        "isArchived": False,
        "tenantId": tenant,
    }
