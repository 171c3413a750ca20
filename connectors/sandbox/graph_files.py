"""Graph's sites and files: /sites, /drives, items by id and by path, content down and up."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from connectors.sandbox.asks import Ask
from connectors.sandbox.data import Person, Site, Tenant
from connectors.sandbox.drive import Drive, DriveError, Item, escaped
from connectors.sandbox.drives import Drives
from connectors.sandbox.file_entities import FileEntities, chosen
from connectors.sandbox.graph_search import SearchApi
from connectors.sandbox.graph_sharing import SharingApi
from connectors.sandbox.office_files import rewritten
from connectors.sandbox.replies import GraphError, check_options, collection
from connectors.sandbox.sharing import NONE, READ, WRITE, Sharing
from connectors.sandbox.upload_sessions import UploadSessions

PAGE_CHILDREN = 200
SIMPLE_UPLOAD_BYTES = 250 * 1024 * 1024
CONFLICT = "@microsoft.graph.conflictBehavior"
_LIST_OPTIONS = {"$select", "$top", "$skiptoken", "$count", "$orderby"}
_SITE = re.compile(
    r"/sites/(?P<host>[^/:,]+):/sites/(?P<name>[^/:]+)(?::(?=/|$)|$)(?P<by_path>/.*)?|/sites/(?P<id>[^/:]+)(?P<by_id>/.*)?"
)
_DRIVE = re.compile(r"/drives/(?P<id>[^/]+)(?P<rest>/.*)?")
_ITEM = re.compile(r"/(?:root|items/(?P<id>[^/:]+))(?::(?P<path>/[^:]*)(?::|$))?(?P<tail>/.+)?")
_SEARCH = re.compile(r"/(?:microsoft\.graph\.)?search\(q='(?P<q>(?:[^']|'')*)'\)")


class FilesApi:
    """Answers requests about sites, libraries and files, with the rights of the person."""

    def __init__(
        self,
        tenant: Tenant,
        drives: Drives,
        *,
        sharing: Sharing,
        sharing_api: SharingApi,
        search: SearchApi,
        sessions: UploadSessions,
        url: str,
        web_url: str,
    ) -> None:
        self._tenant = tenant
        self._drives = drives
        self._sharing = sharing
        self._sharing_api = sharing_api
        self._searches = search
        self._sessions = sessions
        self._url = url
        self._shown = FileEntities(tenant, sharing, url, web_url)
        self.download = self._shown.download

    async def answer(self, request: Ask, path: str, person: Person) -> web.StreamResponse | None:
        """The answer, or None where the path is not about sites or files."""
        if path == "/sites":
            return self._search(request, person)
        if path == "/search/query":
            return await self._searches.query(request, person, self._shown.item)
        if path.startswith("/shares/"):
            return self._shared(request, path, person)
        if found := _DRIVE.fullmatch(path):
            drive = self._drives.by_id(found["id"])
            if drive is None:
                raise GraphError(404, "itemNotFound", "The resource could not be found.")
            return await self._in_drive(request, drive, found["rest"] or "", person)
        if path in ("/sites/root", f"/sites/{self._tenant.file.sharepoint_host}"):
            return self._get(request, "sites/$entity", self._shown.root_site())
        if found := _SITE.fullmatch(path):
            site = self._site(found["host"], found["name"], found["id"])
            rest = (found["by_path"] if found["name"] else found["by_id"]) or ""
            return await self._in_site(request, site, rest, person)
        return None

    async def _in_site(self, request: Ask, site: Site, rest: str, person: Person) -> web.StreamResponse | None:
        mine = [drive for drive in self._drives.of_site(site.name) if person.key in drive.library.readers]
        if not mine:
            raise _denied()
        if rest == "":
            return self._get(request, "sites/$entity", self._shown.site(site))
        if rest == "/drives":
            return self._list(
                request, f"/sites/{self._shown.site_id(site)}/drives", [self._shown.drive(d) for d in mine]
            )
        if rest == "/drive" or rest.startswith("/drive/"):
            return await self._in_drive(
                request, self._drives.of_site(site.name)[0], rest.removeprefix("/drive"), person
            )
        if found := _DRIVE.fullmatch(rest):
            drive = next((d for d in mine if d.id == found["id"]), None)
            if drive is None:
                raise GraphError(404, "itemNotFound", "The resource could not be found.")
            return await self._in_drive(request, drive, found["rest"] or "", person)
        return None

    async def _in_drive(self, request: Ask, drive: Drive, rest: str, person: Person) -> web.StreamResponse | None:
        if not self._sharing.knows(drive, person.key):
            raise _denied()
        if rest == "":
            return self._get(request, "drives/$entity", self._shown.drive(drive))
        found = _ITEM.fullmatch(rest)
        if not found:
            return None
        start = drive.item(found["id"] or "root")
        path, tail = (found["path"] or "").strip("/"), found["tail"] or ""
        if tail == "/content" and request.method == "PUT":
            return await self._put(request, drive, start, path, person)
        if tail.removeprefix("/microsoft.graph.").strip("/") == "createUploadSession":
            return await self._begin(request, drive, start, path, person)
        item = drive.at(start, path)
        if self._sharing.rights(drive, item, person.key) < READ and item.parent is not None:
            raise _denied()
        shared = await self._sharing_api.answer(
            request, drive, item, tail, person, self._shown.address(drive, item.path)
        )
        if shared is not None:
            return shared
        if request.method != "GET":
            raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
        return await self._show(request, drive, item, tail, person)

    async def _show(
        self, request: Ask, drive: Drive, item: Item, tail: str, person: Person
    ) -> web.StreamResponse | None:
        if tail == "/content":
            return self._content(request, item)
        if tail == "/children":
            below = [self._shown.item(drive, c) for c in drive.children(item) if self._visible(drive, c, person)]
            return self._list(request, f"/drives/{drive.id}/items/{item.id}/children", below)
        if query := _SEARCH.fullmatch(tail):
            hits = await self._searches.in_drive(drive, item, query["q"].replace("''", "'"), person)
            path = f"/drives/{drive.id}/items/{item.id}/search(q='{escaped(query['q'])}')"
            return self._list(request, path, [self._shown.item(drive, hit) for hit in hits])
        if tail:
            return None
        return self._get(request, f"drives('{drive.id}')/items/$entity", self._shown.item(drive, item))

    def _visible(self, drive: Drive, item: Item, person: Person) -> bool:
        """Whether a listing shows the item: one may read it, or something below it."""
        if self._sharing.rights(drive, item, person.key) >= READ:
            return True
        return item.is_folder and any(self._visible(drive, child, person) for child in drive.children(item))

    def _shared(self, request: Ask, path: str, person: Person) -> web.Response:
        """The file behind a sharing address: /shares/u!<base64url of the webUrl>/driveItem."""
        token, _, tail = path.removeprefix("/shares/").partition("/")
        try:
            address = base64.urlsafe_b64decode(token.removeprefix("u!") + "==").decode()
        except (binascii.Error, ValueError):
            raise GraphError(400, "invalidRequest", "The sharing token is not valid.") from None
        for drive in self._drives.all:
            below = address.removeprefix(self._shown.address(drive, "")).partition("?")[0]
            if below == address or tail not in ("driveItem", ""):
                continue
            item = drive.at(drive.root, unquote(below))
            if self._sharing.rights(drive, item, person.key) == NONE:
                raise _denied()
            return self._get(request, "shares/driveItem", self._shown.item(drive, item))
        raise GraphError(404, "itemNotFound", "The sharing link no longer exists, or you do not have permission.")

    async def _put(self, request: Ask, drive: Drive, start: Item, path: str, person: Person) -> web.Response:
        self._check_may_write(drive, start, path, person)
        behavior = self._behavior(request.query.get(CONFLICT, "replace"))
        if (request.content_length or 0) > SIMPLE_UPLOAD_BYTES:
            raise GraphError(
                413, "invalidRequest", "Request too large: up to 250 MB in one request, else an upload session."
            )
        return await self._store(
            drive, start, path, await request.read(), person, behavior, request.headers.get("If-Match")
        )

    async def _store(
        self,
        drive: Drive,
        start: Item,
        path: str,
        content: bytes,
        person: Person,
        behavior: str,
        if_match: str | None,
    ) -> web.Response:
        name = path.rpartition("/")[2] or start.name
        content = await asyncio.to_thread(rewritten, name, content, person.name)
        item, new = self._drives.upload(drive, start, path, content, person, behavior, if_match)
        entity = chosen(self._shown.item(drive, item), {})
        context = f"{self._url}/$metadata#drives('{drive.id}')/items/$entity"
        headers = {"ETag": item.etag, "Location": f"{self._url}/drives/{drive.id}/items/{item.id}"}
        return web.json_response({"@odata.context": context, **entity}, status=201 if new else 200, headers=headers)

    async def _begin(self, request: Ask, drive: Drive, start: Item, path: str, person: Person) -> web.Response:
        """createUploadSession: the content follows in pieces; conflicts show when it is complete."""
        if request.method != "POST":
            raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
        self._check_may_write(drive, start, path, person)
        about = (await request.json()).get("item") or {}
        behavior = self._behavior(about.get(CONFLICT, "replace") if isinstance(about, dict) else "replace")
        present = drive.child(start, path) if path and "/" not in path else None
        if present is not None and behavior == "fail":
            raise DriveError(409, "nameAlreadyExists", "The specified item name already exists.")
        if_match = request.headers.get("If-Match")

        async def finish(content: bytes) -> web.Response:
            try:
                return await self._store(drive, start, path, content, person, behavior, if_match)
            except DriveError as error:
                raise GraphError(error.status, error.code, str(error)) from None

        body = {
            "@odata.context": f"{self._url}/$metadata#microsoft.graph.uploadSession",
            **self._sessions.begin(finish),
        }
        return web.json_response(body)

    def _check_may_write(self, drive: Drive, start: Item, path: str, person: Person) -> None:
        """Writing into a place needs the rights of the nearest item that is there."""
        place = start
        for part in filter(None, path.split("/")):
            below = drive.child(place, part)
            if below is None:
                break
            place = below
        if self._sharing.rights(drive, place, person.key) < WRITE:
            raise _denied()

    @staticmethod
    def _behavior(given: object) -> str:
        if given not in ("fail", "replace", "rename"):
            raise GraphError(400, "invalidRequest", f"{CONFLICT} must be fail, replace or rename, not '{given}'.")
        return str(given)

    def _content(self, request: Ask, item: Item) -> web.Response:
        """Graph does not send content itself: it sends a short-lived address that needs no token."""
        if item.is_folder:
            raise GraphError(400, "invalidRequest", "You cannot get content for a folder.")
        return web.Response(status=302, headers={"Location": self._shown.download_url(item)})

    def _search(self, request: Ask, person: Person) -> web.Response:
        options = dict(request.query)
        check_options(options, {*_LIST_OPTIONS, "$search"})
        words = options.get("search", options.get("$search", "*")).strip('"').casefold()
        found = [
            self._shown.site(site)
            for site in self._tenant.sites.values()
            if (words in ("", "*") or words in f"{site.name} {site.title}".casefold())
            and any(person.key in library.readers for library in site.libraries)
        ]
        return self._list(request, "/sites", found)

    def _get(self, request: Ask, context: str, entity: dict[str, Any]) -> web.Response:
        if request.method != "GET":
            raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
        check_options(request.query, {"$select"})
        body = {"@odata.context": f"{self._url}/$metadata#{context}", **chosen(entity, request.query)}
        return web.json_response(body)

    def _list(self, request: Ask, path: str, entities: list[dict[str, Any]]) -> web.Response:
        options: Mapping[str, str] = dict(request.query)
        check_options(options, {*_LIST_OPTIONS, "$search"})
        shown = [chosen(entity, options) for entity in entities]
        context = f"{self._url}/$metadata#Collection"
        return web.json_response(collection(context, shown, self._url + path, options, PAGE_CHILDREN))

    def _site(self, host: str | None, name: str | None, site_id: str | None) -> Site:
        if host is not None and host.casefold() != self._tenant.file.sharepoint_host.casefold():
            raise GraphError(400, "invalidRequest", f"Invalid hostname for this tenancy: {host}")
        for site in self._tenant.sites.values():
            if name is not None and site.name.casefold() == name.casefold():
                return site
            if site_id is not None and site_id in (self._shown.site_id(site), self._shown.site_id(site).split(",")[1]):
                return site
        raise GraphError(404, "itemNotFound", "Requested site could not be found.")


def _denied() -> DriveError:
    return DriveError(403, "accessDenied", "Access denied")
