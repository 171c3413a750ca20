"""Where files are in SharePoint: sites, their default library, paths."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from connectors.graph.client import GraphSession, as_object
from connectors.http import clipped
from orchestration.errors import Invalid, InvalidContent, NotFound, NotPermitted
from orchestration.validation.names import FORBIDDEN


class Library(msgspec.Struct, frozen=True):
    """A site's default document library; `site` is the site's title for people."""

    site: str
    drive_id: str


class Item(msgspec.Struct, frozen=True):
    """A file or folder, as `body` says it; `modified` is when it was changed last, None if Graph does not say."""

    id: str
    name: str
    web_url: str
    etag: str
    size_bytes: int
    is_file: bool
    modified: datetime | None = None
    body: dict[str, Any] = {}


async def library(session: GraphSession, site: str) -> Library:
    """The default library of a site.

    Args:
        session: Who asks.
        site: The site's name in its address (`Finance` for `.../sites/Finance`), or the whole address.

    Raises:
        Invalid: The site is neither a name nor an address.
        NotFound: There is no such site.
        NotPermitted: The person may not open it.
    """
    found = await (_at_address(session, site) if "://" in site else _by_name(session, site))
    title = _text(found, "displayName") or _text(found, "name") or site
    drive = await session.read(
        session.sdk.sites.by_site_id(_text(found, "id")).drive.get, what=f"open the library of {title}"
    )
    return Library(site=title, drive_id=_text(drive, "id"))


async def _at_address(session: GraphSession, address: str) -> dict[str, Any]:
    parts = urlsplit(address.strip())
    path = unquote(parts.path).rstrip("/")
    if parts.scheme != "https" or not parts.hostname or not path.startswith("/") or ":" in path:
        raise Invalid(f"{clipped(address, 80)!r} is not the address of a SharePoint site.")
    builder = session.sdk.sites.with_url(f"{session.url}/sites/{parts.hostname}:{quote(path)}")
    response = await session.request(builder.get)
    if response.status_code == 404:
        raise NotFound(f"There is no SharePoint site at {clipped(address, 120)}. Check it in the playbook.")
    if response.status_code == 403:
        raise NotPermitted(
            f"You may not open the SharePoint site {clipped(address, 120)}. Ask its owner to let you in."
        )
    if not response.is_success:
        raise session.failure(response, f"open the site {clipped(address, 120)}")
    return as_object(response)


async def _by_name(session: GraphSession, name: str) -> dict[str, Any]:
    """Search, since a name alone lacks the host, and asking for the host needs rights to the root site."""
    from msgraph.generated.sites.sites_request_builder import SitesRequestBuilder

    wanted, shown = name.strip().casefold(), clipped(name, 80)
    if not wanted or FORBIDDEN & set(wanted):
        raise Invalid(f"{shown!r} is not a site's name: give the part of its address after /sites/.")
    query = SitesRequestBuilder.SitesRequestBuilderGetQueryParameters(search=f'"{name.strip()}"')
    body = await session.read(session.sdk.sites.get, query=query, what=f"look for the site {shown}")
    listed = body.get("value")
    sites = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    # Two sites may have one title, but never one name.
    for field in ("name", "displayName"):
        found = [each for each in sites if _text(each, field).casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            addresses = ", ".join(_text(each, "webUrl") for each in found[:5])
            raise InvalidContent(f"Several sites are called {shown}: {addresses}. Give the address of one of them.")
    raise NotFound(
        f"There is no SharePoint site {shown} that you may open. Check the name in the playbook, "
        "or ask the site's owner to let you in."
    )


async def find(session: GraphSession, place: Library, path: str) -> Item | None:
    """The file or folder at a path, or None."""
    url = f"{session.url}/drives/{quote(place.drive_id, safe='!')}/root:/{quote(path)}"
    builder = session.sdk.drives.by_drive_id(place.drive_id).root.with_url(url)
    response = await session.request(builder.get)
    if response.status_code == 404:
        return None
    if not response.is_success:
        raise session.failure(response, f"open {place.site}/{path}")
    return item_of(as_object(response))


async def download(session: GraphSession, place: Library, item: Item) -> bytes:
    """A file's content."""
    content = session.sdk.drives.by_drive_id(place.drive_id).items.by_drive_item_id(item.id).content
    response = await session.request(content.get)
    if not response.is_success:
        raise session.failure(response, f"read {place.site}/{item.name}")
    return response.content


def item_of(body: dict[str, Any]) -> Item:
    """A drive item from Graph's JSON."""
    size = body.get("size")
    try:
        modified = datetime.fromisoformat(_text(body, "lastModifiedDateTime"))
    except ValueError:
        modified = None
    return Item(
        id=_text(body, "id"),
        name=_text(body, "name"),
        web_url=_text(body, "webUrl"),
        etag=_text(body, "eTag"),
        size_bytes=size if isinstance(size, int) else 0,
        is_file="file" in body,
        modified=modified.replace(tzinfo=modified.tzinfo or UTC) if modified else None,
        body=body,
    )


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
