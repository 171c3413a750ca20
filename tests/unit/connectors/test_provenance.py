from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from connectors.graph.client import GraphClient, GraphSettings
from connectors.graph.files import Files, Reading
from connectors.graph.provenance import Provenance
from orchestration.capabilities import TaskContext
from orchestration.core.label import Source
from orchestration.errors import NotCleared, Unavailable
from tests.support.surroundings import Listening
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve

LABELS = {
    "id-public": "Public",
    "id-general": "General",
    "id-intern": "Intern",
    "id-secret": "Confidential",
    "id-top": "Highly Confidential",
    "id-odd": "Project Blue Moon",
}


class Library:
    """One file in a library: what Graph says of its labels, and who wrote it."""

    def __init__(self) -> None:
        self.own: tuple[int, Any] = (200, {"labels": []})
        self.default: str | None = None
        self.tenant_labels = 200
        self.editor = "adele@contoso.example"
        self.requests: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        if request.path.endswith("/$batch"):
            parts = (await request.json())["requests"]
            return web.json_response({"responses": [{"id": each["id"], **self._part(each["url"])} for each in parts]})
        if request.path.endswith("/sensitivityLabels"):
            listed = [{"id": number, "name": name} for number, name in LABELS.items()]
            return web.json_response({"value": listed}, status=self.tenant_labels)
        if request.path.endswith("/content"):
            return web.Response(text="Pay nobody.")
        return web.json_response(self.file())

    def _part(self, url: str) -> dict[str, Any]:
        if "extractSensitivityLabels" in url:
            return {"status": self.own[0], "body": self.own[1]}
        return {"status": 200, "body": {"id": "d", "settings": {"itemDefaultSensitivityLabelId": self.default}}}

    def file(self) -> dict[str, Any]:
        return {
            "id": "f",
            "name": "Notes.txt",
            "webUrl": "https://contoso.sharepoint.com/notes",
            "file": {},
            "createdBy": {"user": {"displayName": "Adele", "email": "adele@contoso.example"}},
            "lastModifiedBy": {"user": {"displayName": "x", "email": self.editor}},
        }

    def labelled(self, number: str) -> None:
        self.own = (200, {"labels": [{"sensitivityLabelId": number}]})


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
async def graph(library: Library, serve: Serve, identity: FakeIdentity) -> AsyncIterator[GraphClient]:
    url = await serve(library.answer)
    made = GraphClient(GraphSettings(url=f"{url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield made
    await made.close()


def listening(around: Listening) -> TaskContext:
    return TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN, around=around)


async def noted(graph: GraphClient) -> Source:
    around = Listening()
    await Files(graph).read(Reading(drive="d", item="f"), listening(around))
    [source] = around.noted
    return source


@pytest.mark.parametrize(
    ("number", "label"),
    [
        ("id-public", "public"),
        ("id-general", "internal"),
        ("id-intern", "internal"),
        ("id-secret", "confidential"),
        ("id-top", "highly_confidential"),
        ("id-odd", "highly_confidential"),  # nothing is known of it: nobody is let in by mistake
        ("id-of-nobody", "highly_confidential"),
    ],
)
async def test_a_label_counts_by_its_name(graph: GraphClient, library: Library, number: str, label: str) -> None:
    library.labelled(number)
    assert (await noted(graph)).label == label


async def test_a_file_that_can_have_no_label_has_its_librarys(graph: GraphClient, library: Library) -> None:
    library.own, library.default = (415, {}), "id-secret"
    assert (await noted(graph)).label == "confidential"


async def test_its_own_label_counts_also_if_that_is_lower_than_its_librarys(
    graph: GraphClient, library: Library
) -> None:
    library.labelled("id-public")
    library.default = "id-top"
    assert (await noted(graph)).label == "public"


async def test_a_label_that_nobody_tells_is_taken_for_confidential(graph: GraphClient, library: Library) -> None:
    library.own = (403, {"error": {"code": "accessDenied"}})
    assert (await noted(graph)).label == "confidential"


async def test_if_nobody_says_what_labels_mean_they_are_taken_for_the_highest(
    graph: GraphClient, library: Library
) -> None:
    library.labelled("id-public")
    library.tenant_labels = 403
    assert (await noted(graph)).label == "highly_confidential"


async def test_a_file_is_not_read_while_graph_cannot_tell_its_label(graph: GraphClient, library: Library) -> None:
    library.own = (500, {})
    with pytest.raises(Unavailable):
        await Provenance()._labels(graph.acting_as(MEGAN), [("d", "f")])


async def test_nothing_is_fetched_that_may_not_be_read(graph: GraphClient, library: Library) -> None:
    class Refusing(Listening):
        def note(self, source: Source) -> None:
            raise NotCleared("no")

    library.labelled("id-top")
    with pytest.raises(NotCleared):
        await Files(graph).read(Reading(drive="d", item="f"), listening(Refusing()))
    assert not [path for path in library.requests if path.endswith("/content")]


@pytest.mark.parametrize(
    ("editor", "outside"),
    [
        ("adele@contoso.example", False),
        ("ADELE@CONTOSO.EXAMPLE", False),
        ("", True),  # somebody with a name and no address
        ("mallory@fabrikam.example", True),
        ("mallory@contoso.example.fabrikam.example", True),
        ("mallory_fabrikam.example#EXT#@contoso.example", True),
        ("contoso.example", True),
    ],
)
async def test_what_somebody_outside_wrote_is_noted_as_such(
    graph: GraphClient, library: Library, editor: str, outside: bool
) -> None:
    library.editor = editor
    assert (await noted(graph)).outside is outside


@pytest.mark.parametrize(
    ("user", "outside"),
    [
        (None, False),
        ({}, False),
        ({"displayName": "System Account"}, False),
        ({"displayName": "System Account", "id": "8:live:eve"}, True),
        ({"displayName": "Guest Contributor"}, True),
        ({"displayName": "Eve"}, True),
        ({"id": "8:live:eve"}, True),
        ({"displayName": "Adele", "email": "adele@contoso.example"}, False),
    ],
)
async def test_somebody_without_an_address_is_outside_and_a_system_is_nobody(
    graph: GraphClient, library: Library, monkeypatch: pytest.MonkeyPatch, user: Any, outside: bool
) -> None:
    file = library.file()
    file["lastModifiedBy"] = {"user": user} if user is not None else {"application": {"displayName": "SharePoint"}}
    monkeypatch.setattr(library, "file", lambda: file)
    assert (await noted(graph)).outside is outside


async def test_a_source_names_the_file_its_link_and_as_whom_it_was_read(graph: GraphClient) -> None:
    source = await noted(graph)
    assert json.loads(json.dumps([source.title, source.system, source.link, source.reader])) == [
        "Notes.txt",
        "SharePoint",
        "https://contoso.sharepoint.com/notes",
        MEGAN.id,
    ]
