"""Graph's search: files by name and by the words in them, and /search/query."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from connectors.sandbox.asks import Ask, not_served
from connectors.sandbox.data import Person
from connectors.sandbox.drive import Drive, Item
from connectors.sandbox.drives import Drives
from connectors.sandbox.mail_entities import message_entity, plain
from connectors.sandbox.mail_search import find as find_mail
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.office_files import words
from connectors.sandbox.replies import GraphError
from connectors.sandbox.sharing import READ, Sharing

MOST_HITS = 500
USUAL_HITS = 25
_TERM = re.compile(r'(?:(?P<field>[A-Za-z]+)[:=])?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"()]+))')
Entity = Callable[[Drive, Item], dict[str, Any]]


class SearchApi:
    """Finds what the person may read; never more."""

    def __init__(self, drives: Drives, sharing: Sharing, mailroom: Mailroom, url: str, web_url: str) -> None:
        self._drives = drives
        self._sharing = sharing
        self._mailroom = mailroom
        self._url = url
        self._web_url = web_url
        self._texts: dict[tuple[str, str], str] = {}

    async def in_drive(self, drive: Drive, folder: Item, query: str, person: Person) -> list[Item]:
        """Files and folders below `folder` that match."""
        return [item for d, item, _ in await self._hits([(drive, folder)], query, person) if d is drive]

    async def query(self, ask: Ask, person: Person, entity: Entity) -> web.Response:
        """POST /search/query for driveItem, listItem-free, and message."""
        if ask.method != "POST":
            raise not_served(ask)
        requests = (await ask.json()).get("requests")
        if not isinstance(requests, list) or len(requests) != 1 or not isinstance(requests[0], dict):
            raise GraphError(400, "BadRequest", "requests must hold exactly one search request.")
        wanted = requests[0]
        text = str((wanted.get("query") or {}).get("queryString") or "")
        kinds = wanted.get("entityTypes")
        begin, size = int(wanted.get("from", 0)), int(wanted.get("size", USUAL_HITS))
        if not text.strip() or not 1 <= size <= MOST_HITS:
            raise GraphError(400, "BadRequest", f"query.queryString must say something, and size be 1 to {MOST_HITS}.")
        if kinds == ["driveItem"]:
            hits = await self._hits([(drive, drive.root) for drive in self._drives.all], text, person)
            found = [
                {"hitId": item.id, "summary": summary, "resource": _resource("driveItem", entity(drive, item))}
                for drive, item, summary in hits
            ]
        elif kinds == ["message"]:
            messages = find_mail(
                self._mailroom.messages(person), {"$search": f'"{text.replace(chr(34), chr(92) + chr(34))}"'}
            )
            found = [
                {
                    "hitId": (shown := message_entity(message, ask, self._web_url))["id"],
                    "summary": plain(message)[:150],
                    "resource": _resource("message", {k: v for k, v in shown.items() if k != "body"}),
                }
                for message in messages
            ]
        else:
            raise GraphError(400, "BadRequest", 'entityTypes must be ["driveItem"] or ["message"] here.')
        page = [{**hit, "rank": rank} for rank, hit in enumerate(found[begin : begin + size], begin + 1)]
        container: dict[str, Any] = {"total": len(found), "moreResultsAvailable": begin + size < len(found)}
        if page:
            container["hits"] = page
        terms = [term for term in re.split(r"\W+", text) if term]
        answer = {"searchTerms": terms, "hitsContainers": [container]}
        return web.json_response(
            {"@odata.context": f"{self._url}/$metadata#Collection(searchResponse)", "value": [answer]}
        )

    async def _hits(
        self, places: list[tuple[Drive, Item]], query: str, person: Person
    ) -> list[tuple[Drive, Item, str]]:
        """What matches: names first, then words inside."""
        terms = [(f["field"], f["phrase"] if f["phrase"] is not None else f["word"]) for f in _TERM.finditer(query)]
        terms = [(field, word.casefold().strip("*")) for field, word in terms if field or word not in ("AND", "OR")]
        found: list[tuple[bool, Drive, Item, str]] = []
        for drive, folder in places:
            for item in _below(drive, folder):
                if self._sharing.rights(drive, item, person.key) < READ:
                    continue
                text = await self._text(item) if terms else ""
                if all(self._has(drive, item, text, field, word) for field, word in terms):
                    named = all(word in item.name.casefold() for field, word in terms if not field)
                    found.append((not named, drive, item, _around(text, [w for f, w in terms if not f])))
        found.sort(key=lambda hit: (hit[0], hit[2].path.casefold()))
        return [hit[1:] for hit in found]

    def _has(self, drive: Drive, item: Item, text: str, field: str | None, word: str) -> bool:
        name = item.name.casefold()
        if field is None:
            return word in name or word in text.casefold()
        field = field.casefold()
        if field in ("filetype", "fileextension"):
            return name.endswith(f".{word.lstrip('.')}")
        if field in ("filename", "title", "name"):
            return word in name
        if field == "author":
            return word in self._sharing.owner(drive, item).casefold()
        if field in ("path", "site"):
            where = f"{self._web_url}/sites/{drive.site.name}/{drive.address}/{item.path}".casefold()
            return word.replace("%20", " ") in where
        raise GraphError(400, "BadRequest", f"The property '{field}' cannot be searched here.")

    async def _text(self, item: Item) -> str:
        if item.source is None:
            return ""
        key = (item.id, item.ctag)
        if key not in self._texts:
            self._texts[key] = await asyncio.to_thread(lambda: words(item.name, item.source.read_bytes()))  # type: ignore[union-attr]
        return self._texts[key]


def _below(drive: Drive, folder: Item) -> list[Item]:
    found = []
    for child in drive.children(folder):
        found.append(child)
        if child.is_folder:
            found += _below(drive, child)
    return found


def _around(text: str, terms: list[str]) -> str:
    """A few words around the first place that matches, as search results show it."""
    flat = " ".join(text.split())
    places = [flat.casefold().find(term) for term in terms if term]
    at = min((place for place in places if place >= 0), default=0)
    return flat[max(0, at - 60) : at + 120]


def _resource(kind: str, entity: dict[str, Any]) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}", **entity}
