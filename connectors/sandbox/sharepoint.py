"""What a browser sees behind a `webUrl`: folders as lists, files as downloads, for the person one says one is."""

from __future__ import annotations

import secrets
from html import escape
from urllib.parse import quote

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.drive import Drive, DriveError, Item, escaped
from connectors.sandbox.drives import Drives
from connectors.sandbox.pages import button, page
from connectors.sandbox.sharing import READ, Sharing

COOKIE = "tandem_sandbox_sharepoint"
SIGN_IN = "/sites/sign-in"


class SharePoint:
    """Serves /sites/...: links from chats lead here."""

    def __init__(self, tenant: Tenant, drives: Drives, sharing: Sharing, origins: set[str]) -> None:
        self._tenant = tenant
        self._drives = drives
        self._sharing = sharing
        self._origins = origins
        self._visitors: dict[str, Person] = {}

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the pages."""
        router.add_post(SIGN_IN, self.sign_in)
        router.add_get("/sites/{site}{path:(/.*)?}", self.show)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """A site, a folder or a file."""
        person = self._visitors.get(request.cookies.get(COOKIE, ""))
        if person is None:
            return self._who(request.path)
        acted(request, person.key)
        drives = {drive.address: drive for drive in self._drives.of_site(request.match_info["site"])}
        mine = {address: drive for address, drive in drives.items() if self._sharing.knows(drive, person.key)}
        if not mine:
            return self._not_for(person, request.path)
        path = request.match_info["path"].strip("/")
        if not path:
            rows = "".join(_row(f"{request.path.rstrip('/')}/{address}", address, "library") for address in mine)
            return page(
                f"{self._tenant.file.name}: {request.match_info['site']}", f"<table>{rows}</table>{_as(person)}"
            )
        address = next((a for a in mine if path == a or path.startswith(f"{a}/")), None)
        try:
            if address is None:
                raise DriveError(404, "itemNotFound", "The resource could not be found.")
            item = mine[address].at(mine[address].root, path.removeprefix(address))
        except DriveError:
            body = f"<p>{escape(path)} is not there (any more).</p>{_as(person)}"
            return page("Nothing here", body, status=404)
        if item.parent is not None and not self._visible(mine[address], item, person):
            return self._not_for(person, request.path)
        if item.source is not None:
            name = quote(item.name)
            return web.FileResponse(
                item.source, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
            )
        return self._folder(mine[address], item, request.path, person)

    async def sign_in(self, request: web.Request) -> web.Response:
        """Remembers who the visitor is, in a cookie of this browser."""
        if request.headers.get("Origin") not in self._origins:
            return page("Not from here", "<p>This form was sent from another site. Nothing was done.</p>", status=403)
        form = await request.post()
        person = self._tenant.people.get(str(form.get("person", "")))
        back = str(form.get("back", ""))
        if person is None or not back.startswith("/sites/"):
            return page("Nobody of this tenant", "<p>Go back and choose a person.</p>", status=400)
        key = secrets.token_urlsafe(24)
        self._visitors[key] = person
        response = web.Response(status=303, headers={"Location": escaped(back)})
        response.set_cookie(COOKIE, key, httponly=True, samesite="Lax", path="/sites")
        return response

    def _who(self, back: str) -> web.Response:
        buttons = "".join(
            button(SIGN_IN, person.name, {"person": person.key, "back": back}, other=True)
            for person in self._tenant.people.values()
        )
        body = f"<p>You see what this person may see, and nothing else.</p>{buttons}"
        return page(f"{self._tenant.file.name} SharePoint: who are you?", body)

    def _not_for(self, person: Person, back: str) -> web.Response:
        buttons = "".join(
            button(SIGN_IN, f"Continue as {other.name}", {"person": other.key, "back": back}, other=True)
            for other in self._tenant.people.values()
            if other.key != person.key
        )
        body = f"<p>{escape(person.name)} has no access to this site.</p>{buttons}"
        return page("You need access", body, status=403)

    def _visible(self, drive: Drive, item: Item, person: Person) -> bool:
        if self._sharing.rights(drive, item, person.key) >= READ:
            return True
        return item.is_folder and any(self._visible(drive, child, person) for child in drive.children(item))

    def _folder(self, drive: Drive, item: Item, path: str, person: Person) -> web.Response:
        rows = []
        for child in drive.children(item):
            if not self._visible(drive, child, person):
                continue
            about = "folder" if child.is_folder else f"{child.size / 1024:,.0f} KB, {child.modified:%d %b %Y %H:%M} UTC"
            rows.append(_row(f"{path.rstrip('/')}/{child.name}", child.name, about))
        listing = f"<table>{''.join(rows)}</table>" if rows else "<p>This folder is empty.</p>"
        return page(item.name if item.parent else drive.library.name, listing + _as(person))


def _row(address: str, name: str, about: str) -> str:
    return f'<tr><td><a href="{escape(escaped(address))}">{escape(name)}</a></td><td>{escape(about)}</td></tr>'


def _as(person: Person) -> str:
    return f'<p class="soft">Seen as {escape(person.name)}.</p>'
