"""`files.search` and `files.read`: finding documents in SharePoint and OneDrive, and what they say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.graph.client import GraphClient, GraphSession, as_object, inner, objects, texts
from connectors.graph.documents import KINDS, LARGEST_BYTES, Extent, Passage, read
from connectors.graph.pages import pages
from connectors.graph.places import Item, Library, download, find, item_of, library
from connectors.graph.provenance import Provenance
from connectors.graph.wording import counted, one_line, text_of_html
from connectors.http import clipped
from orchestration.capabilities.descriptor import TaskContext
from orchestration.errors import Invalid, InvalidContent, NotFound, NotPermitted
from orchestration.validation.names import path_of

MOST_HITS = 100
LONGEST_TEXT = 1_000_000
# What makes words a query in Microsoft Search (`author:`, `path:"..."`, wildcards): they are words here.
_NO_QUERY = str.maketrans(dict.fromkeys('":=<>()*', " "))


class FileSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.search`.

    Attributes:
        words: To be found in names and contents.
        site: SharePoint site whose library is searched; empty: everything that the initiator may open.
        most: Files at most.
    """

    words: str
    site: str = ""
    most: int = 20


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was found; `drive` and `item` are what `files.read` takes."""

    name: str
    drive: str
    item: str
    link: str
    excerpt: str = ""
    size_bytes: int = 0
    changed: datetime | None = None
    changed_by: str = ""


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """Files, the best first; `more` says that there are others."""

    files: list[Hit]
    more: bool = False


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `files.read`: where the file is, by site and path or by what `files.search` says.

    Attributes:
        site: SharePoint site: its name in the address, or the whole address.
        path: Of the file in the site's default library.
        drive: Of a hit.
        item: Of a hit.
        first_page: Of a PDF, counted from 1.
        most_pages: Of a PDF.
        most_characters: All in all; what is beyond is left out, and that is noted.
    """

    site: str = ""
    path: str = ""
    drive: str = ""
    item: str = ""
    first_page: int = 1
    most_pages: int = 100
    most_characters: int = 200_000


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says, in its order.

    Attributes:
        name: Of the file.
        link: To it.
        passages: Each with its place: page, paragraph or cells.
        notes: What a reader must know: tracked changes, pages without text, what was left out.
        pages: Of a PDF, all of them.
        complete: Whether nothing was left out.
    """

    name: str
    link: str
    passages: list[Passage]
    notes: list[str] = []
    pages: int = 0
    complete: bool = True


_Found = tuple[Hit, dict[str, Any]]  # with what Graph said


class Files:
    """Finds and reads files through a Graph client."""

    def __init__(self, client: GraphClient, provenance: Provenance | None = None) -> None:
        self._client, self._provenance = client, provenance or Provenance()

    async def search(self, search: FileSearch, task: TaskContext) -> Hits:
        """Files that the initiator may open, folders left out.

        Raises:
            Invalid: There are no words.
            NotFound: There is no such site.
        """
        words = one_line(search.words)
        if not words or not 1 <= search.most <= MOST_HITS:
            raise Invalid(f"What is to be found? Give words, and up to {MOST_HITS} files.")
        session = self._client.acting_as(task.initiator)
        searched = _in_site if search.site.strip() else _everywhere
        found, more = await searched(session, search, words)
        await self._provenance.files(session, task, [(hit.drive, each) for hit, each in found])
        return Hits(files=[hit for hit, _ in found], more=more)

    async def read(self, reading: Reading, task: TaskContext) -> Document:
        """The text of a file, with the place of each passage.

        Raises:
            Invalid: It is not said which file, or Tandem does not read this kind.
            NotFound: There is no such file.
            InvalidContent: The file is broken, locked with a password, too large, or holds no text.
        """
        if reading.first_page < 1 or reading.most_pages < 1 or not 1 <= reading.most_characters <= LONGEST_TEXT:
            raise Invalid(f"Pages count from 1, and up to {LONGEST_TEXT:,} characters can be read.")
        session = self._client.acting_as(task.initiator)
        place, item = await _located(session, reading)
        kind = item.name.rpartition(".")[2].lower()
        if kind not in KINDS:
            known = ", ".join(f".{each}" for each in KINDS)
            raise Invalid(f"{item.name} cannot be read: Tandem reads {known}. Save it as one of these.")
        if item.size_bytes > LARGEST_BYTES:
            size = f"{item.size_bytes // 1_000_000} MB"
            raise InvalidContent(f"{item.name} is too large ({size}): Tandem reads files up to 50 MB. Split it.")
        await self._provenance.file(session, task, drive=place.drive_id, item=item.body)
        content = await download(session, place, item)
        extent = Extent(
            first_page=reading.first_page, most_pages=reading.most_pages, most_characters=reading.most_characters
        )
        found = await read(content, item.name, kind, extent)
        return Document(
            name=item.name,
            link=item.web_url,
            passages=found.passages,
            notes=found.notes,
            pages=found.pages,
            complete=found.complete,
        )


def found_summary(hits: Hits) -> str:
    """How many there are: "3 files", "the best 20 files"."""
    number = counted(len(hits.files), "file")
    return f"the best {number}" if hits.more else number


def read_summary(document: Document) -> str:
    """Its name and how much was read: "Minutes.docx, 12 passages"."""
    pages_ = f", {counted(document.pages, 'page')}" if document.pages else ""
    return f"{clipped(document.name, 80)}{pages_}, {counted(len(document.passages), 'passage')}"


async def _in_site(session: GraphSession, search: FileSearch, words: str) -> tuple[list[_Found], bool]:
    place = await library(session, search.site)
    asked = quote(words.replace("'", "''"), safe="")
    root = f"/drives/{quote(place.drive_id, safe='!')}/root"
    path = f"{root}/search(q='{asked}')"
    found: list[_Found] = []
    query: dict[str, str | int] = {"$top": min(search.most + 1, 50)}
    async for page in pages(session, path, what=f"search {place.site}", query=query):
        found += [(_hit(each, place.drive_id, ""), each) for each in page if "file" in each]
        if len(found) > search.most:
            break
    return found[: search.most], len(found) > search.most


async def _everywhere(session: GraphSession, search: FileSearch, words: str) -> tuple[list[_Found], bool]:
    words = words.translate(_NO_QUERY)
    request = {"entityTypes": ["driveItem"], "query": {"queryString": words}, "from": 0, "size": search.most}
    response = await session.call("POST", "/search/query", body={"requests": [request]})
    if not response.is_success:
        raise session.failure(response, "search your files")
    containers = [container for each in objects(as_object(response)) for container in objects(each, "hitsContainers")]
    found = []
    for hit in (hit for container in containers for hit in objects(container, "hits")):
        resource = inner(hit, "resource")
        if "folder" not in resource and texts(inner(resource, "parentReference"), "driveId"):
            excerpt = text_of_html(texts(hit, "summary")[:2000].replace("<ddd/>", "…"))
            found.append((_hit(resource, texts(inner(resource, "parentReference"), "driveId"), excerpt), resource))
    more = any(container.get("moreResultsAvailable") is True for container in containers)
    return found[: search.most], more or len(found) > search.most


def _hit(item: dict[str, Any], drive: str, excerpt: str) -> Hit:
    size = item.get("size")
    try:
        changed = datetime.fromisoformat(texts(item, "lastModifiedDateTime"))
    except ValueError:
        changed = None
    return Hit(
        name=texts(item, "name"),
        drive=texts(inner(item, "parentReference"), "driveId") or drive,
        item=texts(item, "id"),
        link=texts(item, "webUrl"),
        excerpt=one_line(excerpt)[:500],
        size_bytes=size if isinstance(size, int) else 0,
        changed=changed.replace(tzinfo=changed.tzinfo or UTC) if changed else None,
        changed_by=texts(inner(inner(item, "lastModifiedBy"), "user"), "displayName"),
    )


async def _located(session: GraphSession, reading: Reading) -> tuple[Library, Item]:
    if reading.drive and reading.item:
        place = Library(site="your files", drive_id=reading.drive)
        path = f"/drives/{quote(reading.drive, safe='!')}/items/{quote(reading.item, safe='!')}"
        response = await session.call("GET", path)
        if response.status_code == 404:
            raise NotFound("The file is not there any more, or you may not open it. Search for it again.")
        if response.status_code == 403:
            raise NotPermitted("You may not open the file. Ask its owner to share it with you.")
        if not response.is_success:
            raise session.failure(response, "open the file")
        item: Item | None = item_of(as_object(response))
    elif reading.site.strip() and reading.path.strip():
        path = path_of(reading.path)
        place = await library(session, reading.site)
        try:
            item = await find(session, place, path)
        except NotPermitted as error:
            said = f"You may not open {place.site}/{path}. Ask its owner to share it with you."
            raise NotPermitted(f"{said} ({error.message})") from error
        if item is None:
            raise NotFound(f"There is no file {path} in the site {place.site}. Put it there, or correct the path.")
    else:
        raise Invalid("Which file? Give site and path, or drive and item of a file that was found.")
    assert item is not None
    if not item.is_file:
        raise Invalid(f"{item.name} is a folder: give one of its files.")
    return place, item
