"""All document libraries: the data folder's files, and over them what was uploaded, which the state folder keeps."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from connectors.sandbox.data import Person, Tenant
from connectors.sandbox.drive import Drive, DriveError, Item


class Write(msgspec.Struct, frozen=True):
    """One accepted upload, as the journal keeps it."""

    time: str
    drive: str
    site: str
    library: str
    path: str
    item_id: str
    version: int
    etag: str
    size: int
    sha256: str
    person: str
    replaced: bool
    content: str

    def public(self) -> dict[str, object]:
        """What the control desk shows."""
        shown: dict[str, object] = msgspec.to_builtins(self)
        del shown["content"]
        shown["eTag"] = shown.pop("etag")
        return shown


class Drives:
    """All libraries of the tenant, and the journal of accepted uploads."""

    def __init__(self, tenant: Tenant, state: Path) -> None:
        self._tenant = tenant
        self._files = state / "files"
        self._files.mkdir(parents=True, exist_ok=True)
        self._journal = state / "writes.jsonl"
        host = tenant.file.sharepoint_host
        self.all = [Drive(host, site, library) for site in tenant.sites.values() for library in site.libraries]
        self.writes: list[Write] = []
        raw = self._journal.read_bytes() if self._journal.exists() else b""
        if raw and not raw.endswith(b"\n"):  # a kill cut the last line short: the next one must not be glued to it
            with self._journal.open("ab") as out:
                out.write(b"\n")
        for line in raw.splitlines():
            try:
                write = msgspec.json.decode(line, type=Write)
            except msgspec.MsgspecError:
                continue  # the line that a kill cut short: its upload was never confirmed
            self._replay(write)

    def of_site(self, site: str) -> list[Drive]:
        """A site's libraries, the default one first."""
        return [drive for drive in self.all if drive.site.name == site]

    def by_id(self, drive_id: str) -> Drive | None:
        """The library with this drive id."""
        return next((drive for drive in self.all if drive.id == drive_id), None)

    def upload(
        self, drive: Drive, folder: Item, path: str, content: bytes, person: Person, behavior: str, if_match: str | None
    ) -> tuple[Item, bool]:
        """Stores a file, as SharePoint's simple upload does; on disk before it returns.

        Args:
            drive: The library.
            folder: Where `path` begins.
            path: Name of the file, or folders and a name; "" replaces the item `folder` itself, which is then a file.
            content: All of it.
            person: Who uploads.
            behavior: fail, replace or rename, where the name is taken.
            if_match: The eTag that must be the present one.

        Returns:
            The file and whether it is new.

        Raises:
            DriveError: Names taken, tags that differ, names that SharePoint does not take.
        """
        if path:
            folder, name = drive.place(folder, path, person.key)
            present = drive.child(folder, name)
        else:
            present, name = folder, folder.name
        if present is not None and present.is_folder:
            raise DriveError(409, "nameAlreadyExists", "A folder with the specified name already exists.")
        if if_match is not None and (present is None or if_match not in ("*", present.etag, present.ctag)):
            raise DriveError(412, "resourceModified", "ETag does not match current item's value.")
        if present is not None and path and behavior == "fail":
            raise DriveError(409, "nameAlreadyExists", "The specified item name already exists.")
        if present is not None and path and behavior == "rename":
            present, name = None, _free_name(drive, folder, name)
        place = present.path if present else f"{folder.path}/{name}".lstrip("/")
        item_id = present.id if present else "01" + base64.b32encode(uuid.uuid4().bytes * 2).decode()[:32]
        version = present.version + 1 if present else 1
        item = Item(item_id, name, None, datetime.now(UTC), datetime.now(UTC), version=version)
        stored = self._files / uuid.uuid4().hex
        _write_through(stored, content)
        write = Write(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            drive=drive.id,
            site=drive.site.name,
            library=drive.library.name,
            path=place,
            item_id=item_id,
            version=version,
            etag=item.etag,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            person=person.key,
            replaced=present is not None,
            content=stored.name,
        )
        with self._journal.open("ab") as out:
            out.write(msgspec.json.encode(write) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        return self._replay(write), present is None

    def _replay(self, write: Write) -> Item:
        """Applies an accepted upload to its library; the journal's one meaning, at upload and at start."""
        self.writes.append(write)
        when = datetime.fromisoformat(write.time)
        drive = self.by_id(write.drive)
        source = self._files / write.content
        if drive is None or not source.exists():  # the data folder is another one now
            return Item(write.item_id, write.path, None, when, when)
        folder, name = drive.place(drive.root, write.path, write.person)
        item = drive.child(folder, name)
        if item is None:
            item = Item(write.item_id, name, folder, when, when, author=write.person)
            drive.add(item)
        item.source, item.size, item.version = source, write.size, write.version
        item.modified, item.editor = when, write.person
        return item


def _free_name(drive: Drive, folder: Item, name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    names = (f"{stem} {n}.{ending}" if dot else f"{name} {n}" for n in range(1, 10_000))
    return next(free for free in names if drive.child(folder, free) is None)


def _write_through(file: Path, content: bytes) -> None:
    with file.open("xb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
