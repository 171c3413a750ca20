"""Graph requests go as one person, are never repeated behind the engine's back, and uploads happen once or say so."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import openpyxl
import pytest
from aiohttp import web

from connectors.graph import GraphClient, GraphSettings, workers
from connectors.graph.stamp import key_of, stamp
from connectors.graph.upload import Upload, Uploads, preview, size
from connectors.identity import Bearer
from orchestration.capabilities.descriptor import Done, NotDone, Unknown
from orchestration.errors import Conflict, Invalid, NotFound, OutcomeUnknown, Refused, TandemError, Unavailable
from orchestration.validation.names import name_of, path_of
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve, task


def workbook() -> bytes:
    content = io.BytesIO()
    openpyxl.Workbook().save(content)
    return content.getvalue()


class Drive:
    """One site with one library with one folder, as Graph answers; every request is kept."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.files: dict[str, bytes] = {}
        self.put: Any = None
        self.url = ""
        self.default_label = ""
        self.permissions: list[dict[str, Any]] = []
        self.permissions_status = 200

    def item(self, name: str) -> dict[str, Any]:
        return {
            "id": f"id-{name}",
            "name": name,
            "webUrl": f"https://sp/{name}",
            "eTag": "e1",
            "size": len(self.files[name]),
            "file": {},
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        self.tokens.append(request.headers.get("Authorization", ""))
        path = request.path
        if path.startswith("/elsewhere/"):
            return web.Response(body=self.files[path.removeprefix("/elsewhere/")])
        if path == "/v1.0/sites":
            return web.json_response({"value": [{"id": "site", "name": "Finance", "displayName": "Finance"}]})
        if path == "/v1.0/sites/site/drive":
            return web.json_response({"id": "drive"})
        if request.method == "PUT":
            return await self._put(request)
        name = path.rpartition("/")[2]
        if path == "/v1.0/drives/drive":
            settings = {"itemDefaultSensitivityLabelId": self.default_label or None}
            return web.json_response({"id": "drive", "settings": settings})
        if name == "permissions":
            return web.json_response({"value": self.permissions}, status=self.permissions_status)
        if name == "sensitivityLabels":
            return web.json_response(
                {"value": [{"id": "l1", "name": "Internal"}, {"id": "l2", "name": "Confidential"}]}
            )
        if path == "/v1.0/drives/drive/root:/Reports":
            return web.json_response({"id": "folder", "name": "Reports", "folder": {}})
        if path.startswith("/v1.0/drives/drive/root:/Reports/") and name in self.files:
            return web.json_response(self.item(name))
        if path.startswith("/v1.0/drives/drive/items/id-"):
            name = path.split("/")[5].removeprefix("id-")
            return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere/{name}"})
        return web.json_response({"error": {"code": "itemNotFound", "message": "Not there"}}, status=404)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.put is not None:
            found: web.StreamResponse = await self.put(request, body)
            return found
        name = request.path.split(":/")[1].removesuffix(":")
        assert request.query["@microsoft.graph.conflictBehavior"] == "fail"
        if name in self.files:
            return web.json_response({"error": {"code": "nameAlreadyExists", "message": "exists"}}, status=409)
        self.files[name] = body
        return web.json_response(self.item(name), status=201)

    @property
    def puts(self) -> int:
        return sum(method == "PUT" for method, _ in self.requests)


@pytest.fixture
async def drive(serve: Serve) -> Drive:
    made = Drive()
    made.url = await serve(made.answer)
    return made


@pytest.fixture
async def graph(drive: Drive, identity: FakeIdentity) -> AsyncIterator[GraphClient]:
    made = GraphClient(GraphSettings(url=f"{drive.url}/v1.0", timeout_seconds=5.0), identity)  # type: ignore[arg-type]
    yield made
    await made.close()


def report(**changes: Any) -> Upload:
    return Upload(**{"site": "Finance", "folder": "Reports", "name": "October.xlsx", "content": workbook(), **changes})


async def test_an_upload_creates_the_file_with_the_key_inside(graph: GraphClient, drive: Drive) -> None:
    found = await Uploads(graph).upload(report(), task(idempotency_key="run/upload"))
    assert key_of(drive.files["October.xlsx"]) == "run/upload"
    assert (found.name, found.web_url, found.etag, found.item_id) == (
        "October.xlsx",
        "https://sp/October.xlsx",
        "e1",
        "id-October.xlsx",
    )
    assert found.size_bytes == len(drive.files["October.xlsx"])
    assert set(drive.tokens) == {"Bearer token-1"}


async def test_the_same_upload_again_is_the_same_file(graph: GraphClient, drive: Drive) -> None:
    first = await Uploads(graph).upload(report(), task(idempotency_key="run/upload"))
    assert await Uploads(graph).upload(report(), task(idempotency_key="run/upload")) == first
    assert len(drive.files) == 1


async def test_another_file_is_never_overwritten(graph: GraphClient, drive: Drive) -> None:
    drive.files["October.xlsx"] = stamp(workbook(), "another run")
    before = drive.files["October.xlsx"]
    with pytest.raises(Conflict, match=r"Finance already has another Reports/October\.xlsx.*Rename or move"):
        await Uploads(graph).upload(report(), task(idempotency_key="run/upload"))
    assert drive.files["October.xlsx"] == before


async def test_a_lost_upload_is_found_by_its_key(graph: GraphClient, drive: Drive) -> None:
    uploads, this = Uploads(graph), task(idempotency_key="run/upload")
    assert await uploads.reconcile(report(), this) == NotDone()
    made = await uploads.upload(report(), this)
    assert await uploads.reconcile(report(), this) == Done(output=made)
    assert await uploads.reconcile(report(), task(idempotency_key="other")) == NotDone()
    assert await uploads.reconcile(report(folder="Gone"), this) == NotDone()


async def test_who_may_not_look_leaves_the_doubt_to_a_person(graph: GraphClient, drive: Drive, serve: Serve) -> None:
    async def forbid(request: web.Request) -> web.Response:
        return web.json_response({"error": {"code": "accessDenied", "message": "Access denied"}}, status=403)

    denied = GraphClient(GraphSettings(url=f"{await serve(forbid)}/v1.0"), FakeIdentity())  # type: ignore[arg-type]
    found = await Uploads(denied).reconcile(report(), task(idempotency_key="run/upload"))
    assert isinstance(found, Unknown)
    await denied.close()


async def test_a_foreign_file_that_is_much_larger_is_not_even_read(graph: GraphClient, drive: Drive) -> None:
    drive.files["October.xlsx"] = bytes(6_000_000)
    assert await Uploads(graph).reconcile(report(), task(idempotency_key="run/upload")) == NotDone()
    assert not [path for _, path in drive.requests if "content" in path]


async def test_an_upload_does_not_start_too_late(graph: GraphClient, drive: Drive) -> None:
    limit = datetime(2026, 11, 22, tzinfo=UTC)
    late = Uploads(graph, now=lambda: limit + timedelta(seconds=1))
    with pytest.raises(Unavailable, match="too late"):
        await late.upload(report(), task(idempotency_key="k", not_after=limit))
    assert drive.puts == 0
    in_time = Uploads(graph, now=lambda: limit)
    await in_time.upload(report(), task(idempotency_key="k", not_after=limit))
    assert drive.puts == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, Unavailable),
        (503, Unavailable),
        (500, OutcomeUnknown),
        (504, OutcomeUnknown),
        (507, OutcomeUnknown),
        (413, Refused),
    ],
)
async def test_an_upload_is_sent_once_whatever_the_answer(
    graph: GraphClient, drive: Drive, status: int, expected: type[TandemError]
) -> None:
    async def refuse(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "1.5"})

    drive.put = refuse
    with pytest.raises(expected) as caught:
        await Uploads(graph).upload(report(), task(idempotency_key="k"))
    assert drive.puts == 1
    if expected is Unavailable:
        assert caught.value.retry_after == timedelta(seconds=1.5)


async def test_a_connection_lost_after_sending_leaves_the_outcome_unknown(graph: GraphClient, drive: Drive) -> None:
    async def hang_up(request: web.Request, body: bytes) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    drive.put = hang_up
    with pytest.raises(OutcomeUnknown, match="not known yet"):
        await Uploads(graph).upload(report(), task(idempotency_key="k"))
    assert drive.puts == 1


async def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(graph: GraphClient, drive: Drive) -> None:
    async def mumble(request: web.Request, body: bytes) -> web.Response:
        return web.Response(text="ok", status=201)

    drive.put = mumble
    with pytest.raises(OutcomeUnknown):
        await Uploads(graph).upload(report(), task(idempotency_key="k"))


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
    [
        ({"folder": "Nowhere"}, NotFound, r"no folder Nowhere.*Nothing was uploaded"),
        ({"site": "Legal"}, NotFound, "no SharePoint site Legal"),
        ({"site": "a/b"}, Invalid, "not a site's name"),
        ({"name": "a?.xlsx"}, Invalid, "cannot be a name"),
        ({"name": "a.csv"}, Invalid, "only Office files"),
        ({"folder": "a/../b"}, Invalid, "cannot be a name"),
        ({"folder": " / "}, Invalid, "path is empty"),
    ],
)
async def test_a_place_that_cannot_be_is_refused_before_anything_is_sent(
    graph: GraphClient, drive: Drive, changes: dict[str, Any], expected: type[TandemError], said: str
) -> None:
    with pytest.raises(expected, match=said):
        await Uploads(graph).upload(report(**changes), task(idempotency_key="k"))
    assert drive.puts == 0


async def test_an_upload_without_a_key_is_a_mistake(graph: GraphClient, drive: Drive) -> None:
    with pytest.raises(Invalid, match="idempotency key"):
        await Uploads(graph).upload(report(), task())


def test_the_preview_shows_file_place_and_size() -> None:
    shown = preview(report(content=bytes(49_000)))
    assert dict(shown.facts) == {
        "File": "October.xlsx",
        "Place": "Finance / Reports",
        "Size": "48 KB",
        "Existing files": "None is overwritten",
    }


def test_sizes_are_as_people_say_them() -> None:
    assert [size(n) for n in (1, 512, 1024, 49_152, 1_300_000)] == ["1 byte", "512 bytes", "1 KB", "48 KB", "1.2 MB"]


@pytest.mark.parametrize("status", [429, 503, 504])
async def test_the_sdk_does_not_retry_by_itself(serve: Serve, identity: FakeIdentity, status: int) -> None:
    asked: list[str] = []

    async def busy(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Retry-After": "0.5"})

    client = GraphClient(GraphSettings(url=f"{await serve(busy)}/v1.0"), identity)  # type: ignore[arg-type]
    session = client.acting_as(MEGAN)
    with pytest.raises(Unavailable) as caught:
        await session.read(session.sdk.users.get, what="look")
    assert caught.value.retry_after == timedelta(seconds=0.5)
    assert asked == ["/v1.0/users"]
    await client.close()


async def test_a_download_does_not_carry_the_token_to_another_host(
    graph: GraphClient, drive: Drive, serve: Serve
) -> None:
    seen: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=stamp(workbook(), "k"))

    own, drive.url = drive.url, await serve(other)
    drive.files["October.xlsx"] = stamp(workbook(), "k")
    found = await Uploads(graph).reconcile(report(), task(idempotency_key="k"))
    assert isinstance(found, Done)
    assert seen == [None]
    assert own != drive.url


@pytest.mark.parametrize(
    "target",
    [
        "{own}/v1.0/users",
        "https://localhost:9/x",
        "http://169.254.169.254/metadata/identity/oauth2/token",
        "http://10.0.0.1/x",
        "http://[fd00::1]/x",
        "http://metadata.google.internal/x",
        "file:///etc/passwd",
        "http://example.org/plain",
        "https://127.1/x",
        "https://0x7f.0.0.1/x",
        "https://169.254.43518/x",
        "https://0251.0376.0251.0376/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://metadata.google.internal./x",
    ],
)
async def test_a_redirection_that_leads_nowhere_is_refused(serve: Serve, identity: FakeIdentity, target: str) -> None:
    async def send_around(request: web.Request) -> web.Response:
        own = f"http://{request.headers['Host']}"
        return web.Response(status=302, headers={"Location": target.format(own=own)})

    client = GraphClient(GraphSettings(url=f"{await serve(send_around)}/v1.0"), identity)  # type: ignore[arg-type]
    session = client.acting_as(MEGAN)
    with pytest.raises(Refused, match="does not follow"):
        await session.read(session.sdk.users.get, what="look")
    await client.close()


async def test_a_redirection_never_carries_the_token_nor_what_is_written(serve: Serve, identity: FakeIdentity) -> None:
    seen: list[tuple[str, str | None]] = []

    async def send_on(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization")))
        if request.path == "/v1.0/there":
            return web.json_response({"value": []})
        return web.Response(status=307, headers={"Location": "/v1.0/there"})

    client = GraphClient(GraphSettings(url=f"{await serve(send_on)}/v1.0"), identity)  # type: ignore[arg-type]
    session = client.acting_as(MEGAN)
    await session.get("/here", what="look")
    assert seen == [("/v1.0/here", "Bearer token-1"), ("/v1.0/there", None)]
    with pytest.raises(Refused, match="does not follow"):
        await session.call("POST", "/me/messages", body={"secret": 1}, write=True)
    assert [path for path, _ in seen] == ["/v1.0/here", "/v1.0/there", "/v1.0/me/messages"]
    await client.close()


async def test_a_challenge_for_claims_is_answered_with_a_fresh_token(serve: Serve, identity: FakeIdentity) -> None:
    wanted = json.dumps({"access_token": {"acrs": {"essential": True, "value": "c1"}}})
    challenge = base64.urlsafe_b64encode(wanted.encode()).decode().rstrip("=")

    async def answer(request: web.Request) -> web.Response:
        if len(identity.claims) < 2:
            header = f'Bearer realm="", error="insufficient_claims", claims="{challenge}"'
            return web.Response(status=401, headers={"WWW-Authenticate": header})
        return web.json_response({"value": []})

    client = GraphClient(GraphSettings(url=f"{await serve(answer)}/v1.0"), identity)  # type: ignore[arg-type]
    session = client.acting_as(MEGAN)
    assert await session.read(session.sdk.users.get, what="look") == {"value": []}
    assert identity.claims == ["", wanted]
    await client.close()


async def test_a_request_that_names_nobody_is_not_sent(graph: GraphClient, drive: Drive) -> None:
    with pytest.raises(TypeError, match="names nobody"):
        await graph.sdk.users.get()
    assert drive.requests == []


async def test_people_do_not_get_each_others_tokens(graph: GraphClient, drive: Drive) -> None:
    async def fetch(name: str, claims: str) -> str:
        return name

    session = graph.acting_as(MEGAN)
    for name in ("megan", "alex", "megan"):
        session._bearer = Bearer(partial(fetch, name), lambda: None)
        await session.read(session.sdk.sites.get, what="look")
    assert drive.tokens == ["Bearer megan", "Bearer alex", "Bearer megan"]


def test_the_workers_declare_themselves(identity: FakeIdentity) -> None:
    client = GraphClient(GraphSettings(url="http://127.0.0.1:9/v1.0"), identity)  # type: ignore[arg-type]
    found = {each.capability.name: each for each in workers(client)}
    assert set(found) >= {
        "files.table", "files.upload", "files.search", "files.read", "people.find", "people.manager",
        "mail.search", "mail.draft", "mail.send", "calendar.free_time", "calendar.create", "chat.post",
    }  # fmt: skip
    writes = {name: each for name, each in found.items() if each.capability.effect == "write"}
    own = {"files.upload": "target", "calendar.create": "target", "mail.draft": "two_step", "mail.send": "two_step"}
    assert {name: writes[name].capability.dedupe for name in own} == own
    assert all(each.reconcile is not None for each in writes.values())
    # A request that starts in the first half of the attempt must end within the attempt (see `not_after`).
    assert all(client.settings.timeout_seconds <= each.timeout.total_seconds() / 2 for each in writes.values())


@pytest.mark.parametrize("name", ["a:b", "~$a.xlsx", " a", "a ", "a.", "..", "a\x07", "x" * 256, 'a"b'])
def test_names_that_sharepoint_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be a name in SharePoint"):
        name_of(name)


def test_paths_are_tidied() -> None:
    assert path_of("/Accounts Payable//2026/") == "Accounts Payable/2026"
