"""Sites, libraries and files in Graph's shape, and the short-lived addresses of their content."""

from __future__ import annotations

import mimetypes
import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from connectors.sandbox.data import Site, Tenant
from connectors.sandbox.drive import Drive, Item, escaped
from connectors.sandbox.replies import selected
from connectors.sandbox.sharing import Sharing

DOWNLOAD_SECONDS = 3600
MOST_DOWNLOADS = 5000
mimetypes.add_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
mimetypes.add_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx")


class FileEntities:
    """Describes sites, libraries and files as Graph does."""

    def __init__(self, tenant: Tenant, sharing: Sharing, url: str, web_url: str) -> None:
        self._tenant = tenant
        self._sharing = sharing
        self._url = url
        self._web_url = web_url
        self._downloads: dict[str, tuple[Item, float]] = {}

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The content behind a pre-authenticated address."""
        item, until = self._downloads.get(request.query.get("tempauth", ""), (None, 0.0))
        if item is None or item.source is None or until < time.monotonic():
            error = {"code": "unauthenticated", "message": "The download address is not valid any more."}
            return web.json_response({"error": error}, status=401)
        headers = {"Content-Type": _mime(item.name), "ETag": item.ctag}
        return web.FileResponse(item.source, headers=headers)

    def download_url(self, item: Item) -> str:
        """A short-lived address of a file's content that needs no token."""
        key = secrets.token_urlsafe(24)
        self._downloads[key] = (item, time.monotonic() + DOWNLOAD_SECONDS)
        if len(self._downloads) > MOST_DOWNLOADS:
            del self._downloads[next(iter(self._downloads))]
        return f"{self._url.removesuffix('/v1.0')}/download?tempauth={key}"

    def site_id(self, site: Site) -> str:
        """A site's id: host, site, web."""
        first, second = (
            uuid.uuid5(uuid.NAMESPACE_URL, f"{self._tenant.id}/{site.name}/{part}") for part in ("site", "web")
        )
        return f"{self._tenant.file.sharepoint_host},{first},{second}"

    def site(self, site: Site) -> dict[str, Any]:
        """Graph's site."""
        return {
            "id": self.site_id(site),
            "name": site.name,
            "displayName": site.title,
            "createdDateTime": "2024-01-08T09:00:00Z",
            "lastModifiedDateTime": "2026-11-02T08:00:00Z",
            "webUrl": f"{self._web_url}/sites/{site.name}",
            "root": {},
            "siteCollection": {"hostname": self._tenant.file.sharepoint_host},
        }

    def root_site(self) -> dict[str, Any]:
        """The tenant's root site, which everybody may see and which holds nothing here."""
        root = self.site(Site("", f"{self._tenant.file.name} home", ()))
        return {**root, "webUrl": self._web_url}

    def drive(self, drive: Drive) -> dict[str, Any]:
        """Graph's drive."""
        return {
            "id": drive.id,
            "name": drive.library.name,
            "description": "",
            "driveType": "documentLibrary",
            "createdDateTime": "2024-01-08T09:00:00Z",
            "lastModifiedDateTime": "2026-11-02T08:00:00Z",
            "webUrl": self.address(drive, ""),
            "settings": {
                "itemDefaultSensitivityLabelId": default.id if (default := self._sharing.default(drive)) else None
            },
        }

    def item(self, drive: Drive, item: Item) -> dict[str, Any]:
        """Graph's driveItem, with what only $select shows."""
        entity: dict[str, Any] = {
            "id": item.id,
            "name": item.name,
            "eTag": item.etag,
            "cTag": item.ctag,
            "size": _size(drive, item),
            "webUrl": self.address(drive, item.path),
            "createdDateTime": _instant(item.created),
            "lastModifiedDateTime": _instant(item.modified),
            "createdBy": self._identity(self._sharing.owner(drive, item)),
            "lastModifiedBy": self._identity(item.editor or self._sharing.owner(drive, item)),
            "fileSystemInfo": {
                "createdDateTime": _instant(item.created),
                "lastModifiedDateTime": _instant(item.modified),
            },
        }
        reference = {"driveId": drive.id, "driveType": "documentLibrary", "siteId": self.site_id(drive.site)}
        if item.parent is None:
            return {**entity, "parentReference": reference, "root": {}, "folder": _folder(drive, item)}
        above = f"/drives/{drive.id}/root:" + (f"/{item.parent.path}" if item.parent.path else "")
        entity["parentReference"] = {**reference, "id": item.parent.id, "name": item.parent.name, "path": above}
        if item.is_folder:
            return {**entity, "folder": _folder(drive, item)}
        label = self._sharing.label(drive, item)
        shown = {"id": label.id, "displayName": label.name, "protectionEnabled": label.protected} if label else None
        if any(grant.item == item.id for grant in self._sharing.grants) or self._sharing.rule(drive, item):
            entity["shared"] = {"scope": "users"}
        return {
            **entity,
            "file": {"mimeType": _mime(item.name)},
            "@microsoft.graph.downloadUrl": self.download_url(item),
            "sensitivityLabel": shown,
        }

    def _identity(self, key: str) -> dict[str, Any]:
        person = self._tenant.people.get(key)
        if person is None:
            return {"user": {"displayName": "System Account"}}
        return {"user": {"id": person.id, "displayName": person.name, "email": person.upn}}

    def address(self, drive: Drive, path: str) -> str:
        """The webUrl of a path in a library."""
        tail = f"/{escaped(path)}" if path else ""
        return f"{self._web_url}/sites/{drive.site.name}/{escaped(drive.address)}{tail}"


def chosen(entity: dict[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """The entity as $select asks; the sensitivity label and a drive's settings come only when they are asked for."""
    if "$select" in options:
        return selected(entity, options)
    return {name: value for name, value in entity.items() if name not in ("sensitivityLabel", "settings")}


def _instant(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _folder(drive: Drive, item: Item) -> dict[str, Any]:
    return {"childCount": len(drive.children(item))}


def _size(drive: Drive, item: Item) -> int:
    return sum(_size(drive, child) for child in drive.children(item)) if item.is_folder else item.size


def _mime(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
