"""Files in SharePoint that other systems leave there, whole."""

from __future__ import annotations

from connectors.graph.client import GraphClient
from connectors.graph.places import download, find, library
from connectors.graph.provenance import Provenance
from connectors.ledger import SharedFile
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import Label
from orchestration.errors import InvalidContent, NotFound
from orchestration.validation.names import path_of

LARGEST_BYTES = 100_000_000


class SharePointFiles:
    """Implements `connectors.ledger.SharedFiles` over a Graph client."""

    def __init__(self, client: GraphClient, provenance: Provenance | None = None) -> None:
        self._client, self._provenance = client, provenance or Provenance()

    async def fetch(self, site: str, path: str, task: TaskContext, *, at_least: Label = "public") -> SharedFile:
        """See `SharedFiles.fetch`."""
        path = path_of(path)
        session = self._client.acting_as(task.initiator)
        place = await library(session, site)
        item = await find(session, place, path)
        if item is None or not item.is_file:
            raise NotFound(f"There is no file {path} in the site {place.site}.")
        if item.size_bytes > LARGEST_BYTES:
            raise InvalidContent(f"{item.name} is too large ({item.size_bytes // 1_000_000} MB).")
        await self._provenance.file(session, task, drive=place.drive_id, item=item.body, at_least=at_least)
        content = await download(session, place, item)
        return SharedFile(name=item.name, link=item.web_url, content=content, modified=item.modified)
