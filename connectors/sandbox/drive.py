"""One document library: its folders and files, found by id and by path, names without regard to case."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from connectors.sandbox.data import Library, Site

_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f]')


class DriveError(Exception):
    """A refusal as SharePoint words it, with the HTTP status it has in Graph."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Item(msgspec.Struct):
    """A file or folder."""

    id: str
    name: str
    parent: Item | None
    created: datetime
    modified: datetime
    source: Path | None = None
    size: int = 0
    version: int = 1
    author: str = ""
    editor: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.source is None

    @property
    def guid(self) -> str:
        """The list item's GUID, the stable part of the tags."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.id)).upper()

    @property
    def etag(self) -> str:
        """Changes with every change of the item."""
        return f'"{{{self.guid}}},{self.version}"'

    @property
    def ctag(self) -> str:
        """Changes with every change of the content."""
        return f'"c:{{{self.guid}}},{self.version}"'

    @property
    def path(self) -> str:
        """The path within the library, "" for its root."""
        return f"{self.parent.path}/{self.name}".lstrip("/") if self.parent else ""


class Drive:
    """One document library."""

    def __init__(self, host: str, site: Site, library: Library) -> None:
        digest = hashlib.sha256(f"{host}/{site.name}/{library.name}".encode()).digest()
        self.id = "b!" + base64.urlsafe_b64encode(digest + digest[:16]).decode()
        self.site = site
        self.library = library
        # The default library is called Documents but its address is Shared Documents, as SharePoint has it.
        self.address = "Shared Documents" if library.name == "Documents" else library.name
        self._children: dict[str, dict[str, Item]] = {}
        self._items: dict[str, Item] = {}
        self.root = self._load(library.folder, None)

    def item(self, item_id: str) -> Item:
        """The item with this id ("root" is the root folder).

        Raises:
            DriveError: There is none.
        """
        found = self.root if item_id == "root" else self._items.get(item_id)
        if found is None:
            raise DriveError(404, "itemNotFound", "The resource could not be found.")
        return found

    def items(self) -> list[Item]:
        """Everything in the library."""
        return list(self._items.values())

    def at(self, folder: Item, path: str) -> Item:
        """The item at a path below `folder`.

        Raises:
            DriveError: There is none.
        """
        item = folder
        for name in _parts(path):
            found = self._children.get(item.id, {}).get(name.casefold())
            if found is None:
                raise DriveError(404, "itemNotFound", "The resource could not be found.")
            item = found
        return item

    def children(self, folder: Item) -> list[Item]:
        """What a folder holds, by name."""
        return [item for _, item in sorted(self._children.get(folder.id, {}).items())]

    def place(self, folder: Item, path: str, person: str) -> tuple[Item, str]:
        """The folder and the name to which a path leads; missing folders are made, as SharePoint does."""
        *folders, name = _parts(path)
        for part in (*folders, name):
            _check_name(part)
        for part in folders:
            below = self._children.setdefault(folder.id, {})
            found = below.get(part.casefold())
            folder = found or self._made(part, folder, person)
            if not folder.is_folder:
                raise DriveError(409, "nameAlreadyExists", f"'{part}' is a file, not a folder.")
        return folder, name

    def child(self, folder: Item, name: str) -> Item | None:
        """The item of this name in a folder, whatever its case."""
        return self._children.get(folder.id, {}).get(name.casefold())

    def add(self, item: Item) -> None:
        """Adds an item to its parent."""
        self._items[item.id] = item
        if item.parent:
            self._children.setdefault(item.parent.id, {})[item.name.casefold()] = item

    def _made(self, name: str, folder: Item, person: str) -> Item:
        now = datetime.now(UTC)
        made = Item(self._id(f"{folder.path}/{name}"), name, folder, now, now, author=person, editor=person)
        self.add(made)
        return made

    def _load(self, place: Path, parent: Item | None) -> Item:
        status = place.stat()
        changed = datetime.fromtimestamp(int(status.st_mtime), UTC)
        inner = f"{parent.path}/{place.name}" if parent else ""
        item = Item(self._id(inner), place.name if parent else "root", parent, changed, changed)
        if place.is_file():
            item.source, item.size = place, status.st_size
        self.add(item)
        if place.is_dir():
            for below in sorted(place.iterdir()):
                if not below.name.startswith("."):
                    self._load(below, item)
        return item

    def _id(self, inner: str) -> str:
        digest = hashlib.sha256(f"{self.id}|{inner.strip('/').casefold()}".encode()).digest()
        return "01" + base64.b32encode(digest).decode()[:32]


def escaped(path: str) -> str:
    """A path as an address shows it."""
    return quote(path, safe="/!'()~*-._")


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _check_name(name: str) -> None:
    if (
        _FORBIDDEN.search(name)
        or name != name.strip()
        or name.endswith(".")
        or len(name) > 255
        or name.startswith("~$")
    ):
        raise DriveError(
            400, "invalidRequest", f"The provided name cannot contain these characters or is too long: {name!r}"
        )
