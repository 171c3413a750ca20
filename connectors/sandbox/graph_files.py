"""Graph's sites and files: /sites, /drives, items by id and by path, content down and up."""

from __future__ import annotations

import mimetypes
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from connectors.sandbox.data import Person, Site, Tenant
from connectors.sandbox.drive import Drive, DriveError, Item, escaped
from connectors.sandbox.drives import Drives
from connectors.sandbox.replies import GraphError, check_options, collection, selected

PAGE_CHILDREN = 200
SIMPLE_UPLOAD_BYTES = 250 * 1024 * 1024
DOWNLOAD_SECONDS = 3600
MOST_DOWNLOADS = 5000
CONFLICT = "@microsoft.graph.conflictBehavior"
_LIST_OPTIONS = {"$select", "$top", "$skiptoken", "$count", "$orderby"}
_SITE = re.compile(
    r"/sites/(?P<host>[^/:,]+):/sites/(?P<name>[^/:]+)(?::(?=/|$)|$)(?P<by_path>/.*)?|/sites/(?P<id>[^/:]+)(?P<by_id>/.*)?"
)
_DRIVE = re.compile(r"/drives/(?P<id>[^/]+)(?P<rest>/.*)?")
_ITEM = re.compile(r"/(?:root|items/(?P<id>[^/:]+))(?::(?P<path>/[^:]*)(?::|$))?(?P<tail>/children|/content)?")
mimetypes.add_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
mimetypes.add_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx")


class FilesApi:
    """Answers requests about sites, libraries and files, with the rights of the person."""

    def __init__(self, tenant: Tenant, drives: Drives, url: str, web_url: str) -> None:
        self._tenant = tenant
        self._drives = drives
        self._url = url
        self._web_url = web_url
        self._downloads: dict[str, tuple[Item, float]] = {}

    async def answer(self, request: web.Request, path: str, person: Person) -> web.StreamResponse | None:
        """The answer, or None where the path is not about sites or files."""
        if path == "/sites":
            return self._search(request, person)
        if found := _DRIVE.fullmatch(path):
            drive = self._drives.by_id(found["id"])
            if drive is None:
                raise GraphError(404, "itemNotFound", "The resource could not be found.")
            return await self._in_drive(request, drive, found["rest"] or "", person)
        if path in ("/sites/root", f"/sites/{self._tenant.file.sharepoint_host}"):
            return self._get(request, "sites/$entity", self._root_site())
        if found := _SITE.fullmatch(path):
            site = self._site(found["host"], found["name"], found["id"])
            rest = (found["by_path"] if found["name"] else found["by_id"]) or ""
            return await self._in_site(request, site, rest, person)
        return None

    async def _in_site(self, request: web.Request, site: Site, rest: str, person: Person) -> web.StreamResponse | None:
        mine = [drive for drive in self._drives.of_site(site.name) if person.key in drive.library.readers]
        if not mine:
            raise _denied()
        if rest == "":
            return self._get(request, "sites/$entity", self._site_entity(site))
        if rest == "/drives":
            return self._list(request, f"/sites/{self._site_id(site)}/drives", [self._drive_entity(d) for d in mine])
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

    async def _in_drive(
        self, request: web.Request, drive: Drive, rest: str, person: Person
    ) -> web.StreamResponse | None:
        if person.key not in drive.library.readers:
            raise _denied()
        if rest == "":
            return self._get(request, "drives/$entity", self._drive_entity(drive))
        found = _ITEM.fullmatch(rest)
        if not found:
            return None
        start = drive.item(found["id"] or "root")
        path, tail = (found["path"] or "").strip("/"), found["tail"]
        if tail == "/content" and request.method == "PUT":
            return await self._put(request, drive, start, path, person)
        if request.method != "GET":
            raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
        item = drive.at(start, path)
        if tail == "/content":
            return self._content(request, item)
        if tail == "/children":
            below = [self._item_entity(drive, child) for child in drive.children(item)]
            return self._list(request, f"/drives/{drive.id}/items/{item.id}/children", below)
        return self._get(request, f"drives('{drive.id}')/items/$entity", self._item_entity(drive, item))

    async def _put(self, request: web.Request, drive: Drive, start: Item, path: str, person: Person) -> web.Response:
        if person.key not in drive.library.writers:
            raise _denied()
        behavior = request.query.get(CONFLICT, "replace")
        if behavior not in ("fail", "replace", "rename"):
            raise GraphError(400, "invalidRequest", f"{CONFLICT} must be fail, replace or rename, not '{behavior}'.")
        if (request.content_length or 0) > SIMPLE_UPLOAD_BYTES:
            raise GraphError(
                413, "invalidRequest", "Request too large: up to 250 MB in one request, else an upload session."
            )
        content = await request.read()
        if_match = request.headers.get("If-Match")
        item, new = self._drives.upload(drive, start, path, content, person, behavior, if_match)
        entity = self._item_entity(drive, item)
        context = f"{self._url}/$metadata#drives('{drive.id}')/items/$entity"
        headers = {"ETag": item.etag, "Location": f"{self._url}/drives/{drive.id}/items/{item.id}"}
        return web.json_response({"@odata.context": context, **entity}, status=201 if new else 200, headers=headers)

    def _content(self, request: web.Request, item: Item) -> web.Response:
        """Graph does not send content itself: it sends a short-lived address that needs no token."""
        if item.is_folder:
            raise GraphError(400, "invalidRequest", "You cannot get content for a folder.")
        return web.Response(status=302, headers={"Location": self._download_url(item)})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The content behind a pre-authenticated address."""
        item, until = self._downloads.get(request.query.get("tempauth", ""), (None, 0.0))
        if item is None or item.source is None or until < time.monotonic():
            error = {"code": "unauthenticated", "message": "The download address is not valid any more."}
            return web.json_response({"error": error}, status=401)
        headers = {"Content-Type": _mime(item.name), "ETag": item.ctag}
        return web.FileResponse(item.source, headers=headers)

    def _download_url(self, item: Item) -> str:
        key = secrets.token_urlsafe(24)
        self._downloads[key] = (item, time.monotonic() + DOWNLOAD_SECONDS)
        if len(self._downloads) > MOST_DOWNLOADS:
            del self._downloads[next(iter(self._downloads))]
        return f"{self._url.removesuffix('/v1.0')}/download?tempauth={key}"

    def _search(self, request: web.Request, person: Person) -> web.Response:
        options = dict(request.query)
        check_options(options, {*_LIST_OPTIONS, "$search"})
        words = options.get("search", options.get("$search", "*")).strip('"').casefold()
        found = [
            self._site_entity(site)
            for site in self._tenant.sites.values()
            if (words in ("", "*") or words in f"{site.name} {site.title}".casefold())
            and any(person.key in library.readers for library in site.libraries)
        ]
        return self._list(request, "/sites", found)

    def _get(self, request: web.Request, context: str, entity: dict[str, Any]) -> web.Response:
        if request.method != "GET":
            raise GraphError(405, "methodNotAllowed", f"{request.method} is not served on this address.")
        check_options(request.query, {"$select"})
        body = {"@odata.context": f"{self._url}/$metadata#{context}", **selected(entity, request.query)}
        return web.json_response(body)

    def _list(self, request: web.Request, path: str, entities: list[dict[str, Any]]) -> web.Response:
        options: Mapping[str, str] = dict(request.query)
        check_options(options, {*_LIST_OPTIONS, "$search"})
        shown = [selected(entity, options) for entity in entities]
        context = f"{self._url}/$metadata#Collection"
        return web.json_response(collection(context, shown, self._url + path, options, PAGE_CHILDREN))

    def _site(self, host: str | None, name: str | None, site_id: str | None) -> Site:
        if host is not None and host.casefold() != self._tenant.file.sharepoint_host.casefold():
            raise GraphError(400, "invalidRequest", f"Invalid hostname for this tenancy: {host}")
        for site in self._tenant.sites.values():
            if name is not None and site.name.casefold() == name.casefold():
                return site
            if site_id is not None and site_id in (self._site_id(site), self._site_id(site).split(",")[1]):
                return site
        raise GraphError(404, "itemNotFound", "Requested site could not be found.")

    def _site_id(self, site: Site) -> str:
        first, second = (
            uuid.uuid5(uuid.NAMESPACE_URL, f"{self._tenant.id}/{site.name}/{part}") for part in ("site", "web")
        )
        return f"{self._tenant.file.sharepoint_host},{first},{second}"

    def _site_entity(self, site: Site) -> dict[str, Any]:
        return {
            "id": self._site_id(site),
            "name": site.name,
            "displayName": site.title,
            "createdDateTime": "2024-01-08T09:00:00Z",
            "lastModifiedDateTime": "2026-11-02T08:00:00Z",
            "webUrl": f"{self._web_url}/sites/{site.name}",
            "root": {},
            "siteCollection": {"hostname": self._tenant.file.sharepoint_host},
        }

    def _root_site(self) -> dict[str, Any]:
        """The tenant's root site, which everybody may see and which holds nothing here."""
        root = self._site_entity(Site("", f"{self._tenant.file.name} home", ()))
        return {**root, "webUrl": self._web_url}

    def _drive_entity(self, drive: Drive) -> dict[str, Any]:
        return {
            "id": drive.id,
            "name": drive.library.name,
            "description": "",
            "driveType": "documentLibrary",
            "createdDateTime": "2024-01-08T09:00:00Z",
            "lastModifiedDateTime": "2026-11-02T08:00:00Z",
            "webUrl": self._address(drive, ""),
        }

    def _item_entity(self, drive: Drive, item: Item) -> dict[str, Any]:
        entity: dict[str, Any] = {
            "id": item.id,
            "name": item.name,
            "eTag": item.etag,
            "cTag": item.ctag,
            "size": _size(drive, item),
            "webUrl": self._address(drive, item.path),
            "createdDateTime": _instant(item.created),
            "lastModifiedDateTime": _instant(item.modified),
            "createdBy": self._identity(item.author),
            "lastModifiedBy": self._identity(item.editor),
            "fileSystemInfo": {
                "createdDateTime": _instant(item.created),
                "lastModifiedDateTime": _instant(item.modified),
            },
        }
        reference = {"driveId": drive.id, "driveType": "documentLibrary", "siteId": self._site_id(drive.site)}
        if item.parent is None:
            return {**entity, "parentReference": reference, "root": {}, "folder": _folder(drive, item)}
        above = f"/drives/{drive.id}/root:" + (f"/{item.parent.path}" if item.parent.path else "")
        entity["parentReference"] = {**reference, "id": item.parent.id, "name": item.parent.name, "path": above}
        if item.is_folder:
            return {**entity, "folder": _folder(drive, item)}
        return {
            **entity,
            "file": {"mimeType": _mime(item.name)},
            "@microsoft.graph.downloadUrl": self._download_url(item),
        }

    def _identity(self, key: str) -> dict[str, Any]:
        person = self._tenant.people.get(key)
        if person is None:
            return {"user": {"displayName": "System Account"}}
        return {"user": {"id": person.id, "displayName": person.name, "email": person.upn}}

    def _address(self, drive: Drive, path: str) -> str:
        tail = f"/{escaped(path)}" if path else ""
        return f"{self._web_url}/sites/{drive.site.name}/{escaped(drive.address)}{tail}"


def _denied() -> DriveError:
    return DriveError(403, "accessDenied", "Access denied")


def _instant(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _folder(drive: Drive, item: Item) -> dict[str, Any]:
    return {"childCount": len(drive.children(item))}


def _size(drive: Drive, item: Item) -> int:
    return sum(_size(drive, child) for child in drive.children(item)) if item.is_folder else item.size


def _mime(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
