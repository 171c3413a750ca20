import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openpyxl
import pytest
from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphServiceClient
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from tests.integration.sandbox.world import World

REPORT = "root:/Accounts Payable/Reconciliations/October.xlsx:/content"

# The SDK warns of itself when it is imported.
SDK_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Fixed(AuthenticationProvider):
    def __init__(self, token: str) -> None:
        self._token = token

    async def authenticate_request(self, request: RequestInformation, context: dict[str, Any] | None = None) -> None:
        request.headers.try_add("Authorization", f"Bearer {self._token}")


@asynccontextmanager
async def sdk(world: World, token: str) -> AsyncIterator[GraphServiceClient]:
    # The SDK's middleware hides the transport below it from close(), which then leaves connections open.
    transport = httpx.AsyncHTTPTransport()
    client = httpx.AsyncClient(transport=transport)
    http = GraphClientFactory.create_with_default_middleware(client=client, options=options)
    adapter = GraphRequestAdapter(Fixed(token), http)
    adapter.base_url = world["GRAPH_URL"]
    try:
        yield GraphServiceClient(request_adapter=adapter)
    finally:
        await transport.aclose()


async def get(world: World, path: str, person: str = "megan", **more: Any) -> tuple[int, Any]:
    return await world.ask("GET", f"{world['GRAPH_URL']}{path}", await world.graph(person), **more)


async def drive(world: World) -> str:
    _, found = await get(world, "/sites/contoso.sharepoint.com:/sites/Finance:/drive")
    return f"/drives/{found['id']}"


async def put(world: World, path: str, content: bytes, person: str = "megan", **headers: str) -> tuple[int, Any]:
    token = await world.graph(person)
    return await world.ask("PUT", f"{world['GRAPH_URL']}{path}", token, data=content, headers=headers)


@SDK_WARNS
async def test_the_real_sdk_reads_people_sites_and_files(world: World) -> None:
    async with sdk(world, await world.graph("megan")) as client:
        me = await client.me.get()
        manager = await client.users.by_user_id("megan.bowen@contoso.example").manager.get()
        assert me is not None
        assert manager is not None
        assert (me.display_name, manager.id) == ("Megan Bowen", world.sandbox.tenant.people["lee"].id)
        site = await client.sites.by_site_id("contoso.sharepoint.com:/sites/Finance").get()
        assert site is not None
        found = await client.sites.by_site_id(str(site.id)).drive.get()
        assert found is not None
        items = client.drives.by_drive_id(str(found.id)).items
        register = items.by_drive_item_id("root:/Accounts Payable/Supplier invoice register 2026.xlsx:")
        content = await register.content.get()
        assert content is not None
        assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["2026-08", "2026-09", "2026-10"]


@SDK_WARNS
async def test_the_real_sdk_uploads(world: World) -> None:
    drive_id = (await drive(world)).removeprefix("/drives/")
    async with sdk(world, await world.graph("megan")) as client:
        place = client.drives.by_drive_id(drive_id).items.by_drive_item_id(REPORT.removesuffix("/content"))
        item = await place.content.put(b"x")
    assert item is not None
    assert (item.name, item.size) == ("October.xlsx", 1)
    assert [write.person for write in world.sandbox.drives.writes] == ["megan"]


async def test_people_are_found_by_a_filter_page_by_page(world: World) -> None:
    params = {"$filter": "startswith(displayName,'a') or jobTitle eq 'Chief Financial Officer'", "$top": "2"}
    status, first = await get(world, "/users", params=params)
    assert status == 200
    assert [user["displayName"] for user in first["value"]] == ["Alex Wilber", "Lee Gu"]
    _, second = await world.ask("GET", first["@odata.nextLink"], await world.graph("megan"))
    assert [user["displayName"] for user in second["value"]] == ["Adele Vance"]
    assert "@odata.nextLink" not in second


async def test_select_gives_what_is_asked_and_the_id(world: World) -> None:
    _, me = await get(world, "/me?$select=department,mail")
    assert set(me) == {"@odata.context", "department", "mail", "id"}
    assert (await get(world, "/me?$select=shoeSize"))[0] == 400


async def test_groups_have_members(world: World) -> None:
    _, groups = await get(world, "/groups", params={"$filter": "displayName eq 'Accounts Payable'"})
    _, members = await get(world, f"/groups/{groups['value'][0]['id']}/members")
    assert [member["displayName"] for member in members["value"]] == ["Alex Wilber"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/users/nobody@contoso.example", 404, "Request_ResourceNotFound"),
        ("/users/lee.gu@contoso.example/manager", 404, "Request_ResourceNotFound"),
        ("/groups/00000000-0000-4000-8000-000000000000/members", 404, "Request_ResourceNotFound"),
        ("/sites/contoso.sharepoint.com:/sites/Nowhere", 404, "itemNotFound"),
        ("/sites/evil.example:/sites/Finance", 400, "invalidRequest"),
        ("/sites/contoso.sharepoint.com:/sites/Legal", 403, "accessDenied"),
        ("/drives/nope/root", 404, "itemNotFound"),
        ("/me/photo/size", 400, "BadRequest"),
        ("/users/lee.gu@contoso.example/messages", 403, "ErrorAccessDenied"),
        ("/users/nobody@contoso.example/messages", 404, "ErrorInvalidUser"),
        ("/users?$expand=manager", 400, "BadRequest"),
        ("/users?$filter=shoeSize eq '9'", 400, "BadRequest"),
        ("/users?$top=0", 400, "BadRequest"),
    ],
)
async def test_refusals_have_graphs_shape(world: World, path: str, status: int, code: str) -> None:
    got, answer = await get(world, path)
    assert (got, answer["error"]["code"]) == (status, code)
    assert {"date", "request-id"} <= set(answer["error"]["innerError"])


async def test_a_token_opens_only_what_its_person_may_read(world: World) -> None:
    place = await drive(world)
    for path in (
        place,
        f"{place}/root",
        f"{place}/root:/Accounts Payable:/children",
        "/sites/contoso.sharepoint.com:/sites/Finance",
    ):
        assert (await get(world, path, "adele"))[0] == 200
        assert (await get(world, path, "diego"))[0] == 403
    _, found = await get(world, "/sites?search=*", "lee")
    assert {site["name"] for site in found["value"]} == {"Finance", "Legal", "Projects", "Procurement"}
    _, found = await get(world, "/sites?search=*", "diego")
    assert [site["name"] for site in found["value"]] == ["Projects"]


async def test_a_reader_cannot_write(world: World) -> None:
    status, answer = await put(world, f"{await drive(world)}/{REPORT}", b"x", "adele")
    assert (status, answer["error"]["code"]) == (403, "accessDenied")
    assert world.sandbox.drives.writes == []


async def test_tokens_for_others_are_no_tokens(world: World) -> None:
    url = f"{world['GRAPH_URL']}/me"
    user = world.sandbox.mint.user_token(world.sandbox.tenant.people["megan"])
    for token in (None, "garbage", await world.dynamics("megan"), await world.bot_token(), user):
        status, answer = await world.ask("GET", url, token)
        assert (status, answer["error"]["code"]) == (401, "InvalidAuthenticationToken")


async def test_an_apps_own_token_reads_nobodys_data(world: World) -> None:
    form = {"client_id": world["APP_ID"], "client_secret": world["APP_SECRET"], "grant_type": "client_credentials"}
    _, answer = await world.authority(**form, scope=world["GRAPH_SCOPE"])
    status, refused = await world.ask("GET", f"{world['GRAPH_URL']}/users", answer["access_token"])
    assert (status, refused["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_children_come_page_by_page(world: World) -> None:
    place = await drive(world)
    _, first = await get(world, f"{place}/root:/Accounts Payable:/children?$top=1&$select=name")
    _, second = await world.ask("GET", first["@odata.nextLink"], await world.graph("megan"))
    names = [item["name"] for page in (first, second) for item in page["value"]]
    assert names == ["Reconciliations", "Supplier invoice register 2026.xlsx"]


async def test_conflict_behaviour_and_tags(world: World) -> None:
    path = f"{await drive(world)}/{REPORT}"
    fail = f"{path}?@microsoft.graph.conflictBehavior=fail"
    status, made = await put(world, fail, b"one")
    assert status == 201
    status, answer = await put(world, fail, b"two")
    assert (status, answer["error"]["code"]) == (409, "nameAlreadyExists")
    assert (await put(world, f"{path}?@microsoft.graph.conflictBehavior=rename", b"two"))[1]["name"] == "October 1.xlsx"
    assert (await put(world, path, b"three", **{"If-Match": '"other"'}))[0] == 412
    status, replaced = await put(world, path, b"three", **{"If-Match": made["eTag"]})
    assert (status, replaced["id"]) == (200, made["id"])
    assert replaced["eTag"] != made["eTag"]
    assert replaced["lastModifiedBy"]["user"]["displayName"] == "Megan Bowen"
    assert (await put(world, f"{path}?@microsoft.graph.conflictBehavior=ask", b"x"))[0] == 400


async def test_upload_by_parent_id_and_escaped_path_are_the_same_place(world: World) -> None:
    place = await drive(world)
    _, folder = await get(world, f"{place}/root:/Accounts Payable/Reconciliations")
    _, made = await put(world, f"{place}/items/{folder['id']}:/a%20b.txt:/content", b"hello")
    _, same = await get(world, f"{place}/items/root%3A%2FAccounts%20Payable%2FReconciliations%2Fa%20b.txt%3A")
    assert same["id"] == made["id"]
    token = await world.graph("megan")
    url = f"{world['GRAPH_URL']}{place}/items/{made['id']}/content"
    async with world.http.get(url, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False) as answer:
        assert answer.status == 302
        location = answer.headers["Location"]
    async with world.http.get(location) as answer:
        assert await answer.read() == b"hello"
    assert (await world.ask("GET", location + "x"))[0] == 401


async def test_what_is_above_the_simple_uploads_limit_is_refused_unread(world: World) -> None:
    path = f"{world['GRAPH_URL']}{await drive(world)}/{REPORT}"
    headers = {"Authorization": f"Bearer {await world.graph('megan')}", "Content-Length": str(250 * 1024 * 1024 + 1)}
    async with world.http.put(path, headers=headers) as answer:
        assert answer.status == 413


async def test_the_root_site_says_where_sharepoint_is(world: World) -> None:
    _, root = await get(world, "/sites/root", "diego")
    assert root["siteCollection"] == {"hostname": "contoso.sharepoint.com"}
