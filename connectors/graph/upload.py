"""`files.upload`: puts an Office file into SharePoint once, never over another file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

import msgspec

from connectors.graph import audience
from connectors.graph.client import SYSTEM, GraphClient, GraphSession, as_object
from connectors.graph.places import Item, Library, download, find, item_of, library
from connectors.graph.provenance import Provenance
from connectors.graph.stamp import SUFFIXES, key_of, stamp
from connectors.http import clipped
from orchestration.capabilities.descriptor import Destination, Done, NotDone, Preview, TaskContext, Unknown
from orchestration.errors import (
    Conflict,
    Invalid,
    InvalidContent,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from orchestration.validation.egress import Egress
from orchestration.validation.names import name_of, path_of

LARGEST_BYTES = 50_000_000
# SharePoint adds properties of its own; a much larger file is not ours, and need not be read to know it.
GROWTH_BYTES = 5_000_000


class Upload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.upload`.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        folder: In the site's default library; it must be there already.
        name: Of the file, with its ending.
        content: The file, in base64 where it is JSON.
    """

    site: str
    folder: str
    name: str
    content: bytes


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """The file as it is in SharePoint now."""

    name: str
    web_url: str
    size_bytes: int
    etag: str
    item_id: str


class Uploads:
    """Uploads through a Graph client."""

    def __init__(
        self,
        client: GraphClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        egress: Egress | None = None,
    ) -> None:
        self._client = client
        self._egress = egress or Egress()
        self._provenance = Provenance()
        self._now = now

    async def upload(self, upload: Upload, task: TaskContext) -> Uploaded:
        """Create the file, marked with the task's idempotency key; a file of that name with that key is a success.

        Raises:
            Conflict: Another file has the name; nothing was overwritten.
            NotCleared: The file is more sensitive than what its readers may see; nothing was uploaded.
            NotFound: There is no such site or folder.
            Unavailable: Nothing was done.
            OutcomeUnknown: The file may be there.
        """
        folder, name = _checked(upload)
        if not task.idempotency_key:
            raise Invalid("files.upload needs an idempotency key: without one it could not recognise its own file.")
        content = await asyncio.to_thread(stamp, upload.content, task.idempotency_key)
        session = self._client.acting_as(task.initiator)
        place = await library(session, upload.site)
        parent = await find(session, place, folder)
        if parent is None or parent.is_file:
            message = f"There is no folder {folder} in the site {place.site}. Nothing was uploaded."
            raise NotFound(f"{message} Create it, or correct the folder in the playbook.")
        home = task.initiator.upn
        room = await audience.folder(
            session, self._egress.policy, self._provenance, place.drive_id, parent.id, home=home
        )
        audience.check(name, task.label, f"{place.site}/{folder}", room, "Nothing was uploaded.")
        url = (
            f"{session.url}/drives/{quote(place.drive_id, safe='!')}/items/{quote(parent.id, safe='!')}"
            f":/{quote(name, safe='')}:/content?@microsoft.graph.conflictBehavior=fail"
        )
        builder = session.sdk.drives.by_drive_id(place.drive_id).items.by_drive_item_id(parent.id).content.with_url(url)
        if task.not_after is not None and self._now() > task.not_after:
            raise Unavailable("It became too late to start the upload. Nothing was uploaded.")
        response = await session.request(partial(builder.put, content), write=True)
        if response.status_code == 409:
            return await self._existing(session, place, f"{folder}/{name}", upload, task)
        if not response.is_success:
            raise session.failure(response, f"save {name} in {place.site}/{folder}", write=True)
        try:
            return _uploaded(item_of(as_object(response)))
        except InvalidContent as error:
            raise OutcomeUnknown(f"{SYSTEM} took {name}, but its answer cannot be read.") from error

    async def reconcile(self, upload: Upload, task: TaskContext) -> Done | NotDone | Unknown:
        """Whether the file with this task's key is there.

        A foreign file of the same name counts as not done: the next attempt meets it and says so.
        """
        folder, name = _checked(upload)
        session = self._client.acting_as(task.initiator)
        try:
            place = await library(session, upload.site)
            item = await find(session, place, f"{folder}/{name}")
            if item is None or not await self._is_ours(session, place, item, upload, task):
                return NotDone()
        except NotFound:
            return NotDone()
        except NotPermitted as error:
            return Unknown(why=error.message)
        return Done(output=_uploaded(item))

    async def _existing(
        self, session: GraphSession, place: Library, path: str, upload: Upload, task: TaskContext
    ) -> Uploaded:
        item = await find(session, place, path)
        if item is None:
            raise Unavailable(f"{path} in {place.site} was taken a moment ago and is free now. Nothing was uploaded.")
        if await self._is_ours(session, place, item, upload, task):
            return _uploaded(item)
        raise Conflict(
            f"{place.site} already has another {path}. It was left as it is, and nothing was uploaded. "
            "Rename or move it there, then try again."
        )

    async def _is_ours(
        self, session: GraphSession, place: Library, item: Item, upload: Upload, task: TaskContext
    ) -> bool:
        if not item.is_file or item.size_bytes > len(upload.content) + GROWTH_BYTES:
            return False
        content = await download(session, place, item)
        return await asyncio.to_thread(key_of, content) == task.idempotency_key


def preview(upload: Upload) -> Preview:
    """What the person allows: which file goes where."""
    return Preview(
        title="Save a file in SharePoint",
        facts=[
            ("File", clipped(upload.name)),
            ("Place", f"{clipped(upload.site)} / {clipped(upload.folder)}"),
            ("Size", size(len(upload.content))),
            ("Existing files", "None is overwritten"),
        ],
    )


def destination(upload: Upload) -> Destination:
    """The folder, in its site."""
    return Destination(place=f"{upload.site} / {upload.folder}")


def summary(uploaded: Uploaded) -> str:
    """The file and its size: "Reconciliation 2026-10.xlsx, 48 KB"."""
    return f"{clipped(uploaded.name, 80)}, {size(uploaded.size_bytes)}"


def size(number_bytes: int) -> str:
    """A size as SharePoint shows it: "512 bytes", "48 KB", "1.2 MB"."""
    if number_bytes < 1024:
        return f"{number_bytes} byte{'' if number_bytes == 1 else 's'}"
    if number_bytes < 1024 * 1024:
        return f"{number_bytes / 1024:.0f} KB"
    return f"{number_bytes / (1024 * 1024):.1f} MB"


def _checked(upload: Upload) -> tuple[str, str]:
    folder, name = path_of(upload.folder), name_of(upload.name)
    if not name.lower().endswith(SUFFIXES):
        raise Invalid(f"{name} cannot be uploaded: only Office files ({', '.join(SUFFIXES)}) can carry the mark.")
    if len(upload.content) > LARGEST_BYTES:
        raise Refused(f"{name} is too large ({size(len(upload.content))}): Tandem uploads files up to 50 MB.")
    return folder, name


def _uploaded(item: Item) -> Uploaded:
    return Uploaded(name=item.name, web_url=item.web_url, size_bytes=item.size_bytes, etag=item.etag, item_id=item.id)
