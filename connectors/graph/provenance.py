"""Where what was read through Graph comes from: sensitivity labels of files, and who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

import httpx

from connectors.graph.batch import Part, batch
from connectors.graph.client import GraphSession, as_object, inner, objects, texts
from connectors.http import clipped
from orchestration.capabilities.descriptor import TaskContext
from orchestration.core.label import UNLABELLED, Label, Source
from orchestration.errors import InvalidContent
from orchestration.validation.policy import Policy

Inside = Callable[[str, str], bool]  # an address, and the initiator's own, whose domain is inside in any case
INSIDE: Inside = Policy().is_inside

# What a file is taken for if its label cannot be told: the reader may open it, so it is no secret from them; but
# nobody shall make it public by that.
UNKNOWN: Label = "confidential"
# What a label is taken for whose name says nothing to Tandem, or nothing to the person who reads.
UNNAMED: Label = "highly_confidential"
_NAMES: dict[str, Label] = {
    "public": "public",
    "öffentlich": "public",
    "general": "internal",
    "internal": "internal",
    "intern": "internal",
    "allgemein": "internal",
    "confidential": "confidential",
    "vertraulich": "confidential",
    "highly confidential": "highly_confidential",
    "streng vertraulich": "highly_confidential",
}
# How SharePoint names itself as an author, and whatever an application of the organisation has put there.
_SHAREPOINT_ITSELF = ("System Account", "SharePoint App")
_NO_LABELS = (400, 405, 415, 422)  # Graph's answers for kinds of files that can have none


class Provenance:
    """Tells tasks of the sources that they read.

    Args:
        inside: Whether an address belongs to the organisation.
    """

    def __init__(self, inside: Inside = INSIDE) -> None:
        self._inside = inside
        self._names: dict[str, Label] = {}  # label id => what it stands for; the same for everybody in the tenant

    def outside(self, addresses: Iterable[str], task: TaskContext) -> bool:
        """Whether one of these is no address of the organisation; an empty one stands for nobody."""
        home = task.initiator.upn
        return any("@" not in address or not self._inside(address, home) for address in addresses if address)

    async def file(
        self, session: GraphSession, task: TaskContext, *, drive: str, item: dict[str, Any], at_least: Label = "public"
    ) -> Label:
        """Note that a file is read, before it is; its label.

        Raises:
            NotCleared: The worker may not read what is as sensitive.
        """
        return (await self.files(session, task, [(drive, item)], at_least=at_least))[0]

    async def files(
        self,
        session: GraphSession,
        task: TaskContext,
        found: list[tuple[str, dict[str, Any]]],
        *,
        at_least: Label = "public",
    ) -> list[Label]:
        """As `file`, for several (drive, item as Graph has it) at once; nothing is noted if one may not be read."""
        labels = await self._labels(session, [(drive, texts(item, "id")) for drive, item in found])
        labels = [max(label, at_least, key=_RANK.__getitem__) for label in labels]
        for (_, item), label in zip(found, labels, strict=True):
            task.note(
                Source(
                    title=clipped(texts(item, "name"), 120),
                    system="SharePoint",
                    link=texts(item, "webUrl"),
                    label=label,
                    reader=task.initiator.id,
                    outside=self.outside(_authors(item), task),
                )
            )
        return labels

    async def _labels(self, session: GraphSession, found: list[tuple[str, str]]) -> list[Label]:
        """The label of each file, else the default of its library, else internal."""
        if not found:
            return []
        drives = list(dict.fromkeys(drive for drive, _ in found))
        parts = [
            Part(
                path=f"/drives/{quote(drive, safe='!')}/items/{quote(item, safe='!')}/extractSensitivityLabels",
                method="POST",
                body={},
            )
            for drive, item in found
        ]
        parts += [_about(drive) for drive in drives]
        answers = await batch(session, parts, what="look up how sensitive the files are")
        defaults = dict(zip(drives, [_default(each) for each in answers[len(found) :]], strict=True))
        ids: list[str | None] = []
        for (drive, _), answer in zip(found, answers, strict=False):
            own = _own(session, answer)
            ids.append(own if own != "" else defaults[drive])
        await self._learn(session, {each for each in ids if each})
        return [UNKNOWN if each is None else self._names.get(each, UNNAMED) if each else UNLABELLED for each in ids]

    async def of_file(self, session: GraphSession, drive: str, item: str) -> Label:
        """The label of a file that is not read but passed on."""
        return (await self._labels(session, [(drive, item)]))[0]

    async def of_library(self, session: GraphSession, drive: str) -> Label | None:
        """The label that a library gives what is put into it; None if it gives none."""
        answer = await session.call("GET", _about(drive).path)
        if not answer.is_success:
            raise session.failure(answer, "look up how sensitive the library is")
        default = _default(answer)
        if not default:
            return None
        await self._learn(session, {default})
        return self._names.get(default, UNNAMED)

    async def _learn(self, session: GraphSession, ids: set[str]) -> None:
        if ids <= self._names.keys():
            return
        response = await session.call("GET", "/security/dataSecurityAndGovernance/sensitivityLabels")
        if response.status_code == 429 or response.status_code >= 500:
            raise session.failure(response, "look up what the sensitivity labels mean")
        if response.is_success:
            for label in objects(as_object(response)):
                name = " ".join(texts(label, "name").replace("_", " ").casefold().split())
                self._names[texts(label, "id")] = _NAMES.get(name, UNNAMED)


_RANK = {"public": 0, "internal": 1, "confidential": 2, "highly_confidential": 3}


def _own(session: GraphSession, answer: httpx.Response) -> str | None:
    """The id of a file's own label; empty if it has none, None if that cannot be told."""
    if answer.is_success:
        found = objects(as_object(answer), "labels")
        return texts(found[0], "sensitivityLabelId") if found else ""
    if answer.status_code == 429 or answer.status_code >= 500:
        raise session.failure(answer, "look up how sensitive the file is")
    return "" if answer.status_code in _NO_LABELS else None


def _about(drive: str) -> Part:
    return Part(path=f"/drives/{quote(drive, safe='!')}?$select=id,settings")


def _default(answer: httpx.Response) -> str:
    """The id of the label that a library gives its files; empty if it gives none, or does not tell."""
    if not answer.is_success:
        return ""
    try:
        return texts(inner(as_object(answer), "settings"), "itemDefaultSensitivityLabelId")
    except InvalidContent:
        return ""


def _authors(item: dict[str, Any]) -> list[str]:
    """Addresses of who made a file and who changed it last; of somebody who has none, the name or id."""
    users = [inner(inner(item, name), "user") for name in ("createdBy", "lastModifiedBy")]
    return [texts(each, "email") or texts(each, "id") or _name(each) for each in users]


def _name(user: dict[str, Any]) -> str:
    """The name of somebody without an id; SharePoint itself is nobody. Whoever is a person to it has an id."""
    name = texts(user, "displayName")
    return "" if name in _SHAREPOINT_ITSELF else name
