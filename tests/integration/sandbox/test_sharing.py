import io
import zipfile
from typing import Any

import pytest

from connectors.sandbox.contoso.papers import docx
from tests.integration.sandbox.world import World

CONTRACT = "Contracts/Framework agreement Nordwind 2027.docx"
ALEX = {"email": "alex.wilber@contoso.example"}
PIECE = 327_680


async def library(world: World, site: str) -> str:
    _, found = await world.api("lee", "GET", f"/sites/contoso.sharepoint.com:/sites/{site}:/drive")
    return f"/drives/{found['id']}"


async def invite(world: World, path: str, person: str, *who: dict[str, str], **more: Any) -> tuple[int, Any]:
    body = {"recipients": list(who), "roles": ["read"], "requireSignIn": True, "sendInvitation": True, **more}
    return await world.api(person, "POST", f"{path}/invite", json=body)


async def test_a_file_with_its_own_permissions_is_seen_by_nobody_else_until_it_is_shared(world: World) -> None:
    drive = await library(world, "Procurement")
    address = f"{drive}/root:/{CONTRACT}:"
    _, item = await world.api("megan", "GET", address)
    assert item["createdBy"]["user"]["displayName"] == "Adele Vance"
    path = f"{drive}/items/{item['id']}"
    for person in ("alex", "diego", "lee"):
        assert (await world.api(person, "GET", path))[0] == 403
    _, folder = await world.api("alex", "GET", f"{drive}/root:/Contracts:/children")
    assert [each["name"] for each in folder["value"]] == ["Nordwind review, briefing.pdf"]
    _, before = await world.api("megan", "GET", f"{path}/permissions")
    assert {(p["grantedToV2"]["user"]["displayName"], p["roles"][0]) for p in before["value"]} == {
        ("Adele Vance", "owner"),
        ("Megan Bowen", "write"),
    }
    diego = {"objectId": world.sandbox.tenant.people["diego"].id}
    status, made = await invite(world, path, "megan", diego, message="For the Milan lane")
    assert (status, made["value"][0]["roles"]) == (200, ["read"])
    assert (await world.api("diego", "GET", f"{path}/content", allow_redirects=False))[0] == 302
    status, _ = await world.api("diego", "PUT", f"{path}/content", data=b"x")
    assert status == 403
    assert (await world.api("alex", "GET", path))[0] == 403
    _, inbox = await world.api("diego", "GET", "/me/mailFolders/inbox/messages?$top=1")
    assert "For the Milan lane" in inbox["value"][0]["body"]["content"]
    assert (await world.api("megan", "DELETE", f"{path}/permissions/{made['value'][0]['id']}"))[0] == 204
    assert (await world.api("diego", "GET", path))[0] == 403


async def test_who_may_not_share_and_what_is_protected_is_refused(world: World) -> None:
    drive = await library(world, "Procurement")
    _, item = await world.api("alex", "GET", f"{drive}/root:/Contracts/Nordwind review, briefing.pdf:")
    assert (await invite(world, f"{drive}/items/{item['id']}", "alex", ALEX))[0] == 403
    status, answer = await invite(world, f"{drive}/items/{item['id']}", "megan", {"email": "nobody@contoso.example"})
    assert (status, answer["error"]["code"]) == (400, "invalidRequest")
    finance = await library(world, "Finance")
    status, _ = await world.api("megan", "GET", f"{finance}/root:/Restricted/Salary bands 2027.docx:")
    assert status == 403


async def test_labels_come_when_they_are_asked_for(world: World) -> None:
    drive = await library(world, "Procurement")
    path = f"{drive}/root:/{CONTRACT}:"
    _, plain = await world.api("megan", "GET", path)
    assert "sensitivityLabel" not in plain
    _, labelled = await world.api("megan", "GET", f"{path}?$select=id,sensitivityLabel")
    assert labelled["sensitivityLabel"]["displayName"] == "Confidential"
    status, found = await world.api("megan", "POST", f"{drive}/items/{plain['id']}/extractSensitivityLabels")
    assert (status, found["labels"][0]["sensitivityLabelId"]) == (200, labelled["sensitivityLabel"]["id"])


@pytest.mark.parametrize(
    ("person", "words", "names"),
    [
        ("megan", "Rotterdam", ["Framework agreement Nordwind 2027.docx", "Nordwind review, briefing.pdf"]),
        ("alex", "Rotterdam", ["Nordwind review, briefing.pdf"]),
        ("diego", "Rotterdam", []),
        (
            "megan",
            "status report filetype:docx",
            ["Status report Atlas, last week.docx", "Status report Atlas, this week.docx"],
        ),
        ("megan", "special drawing rights", ["Framework agreement Nordwind 2027.docx"]),
        ("megan", "salary", []),
    ],
)
async def test_search_reads_word_and_pdf_and_finds_only_what_one_may_read(
    world: World, person: str, words: str, names: list[str]
) -> None:
    body = {"requests": [{"entityTypes": ["driveItem"], "query": {"queryString": words}}]}
    status, answer = await world.api(person, "POST", "/search/query", json=body)
    assert status == 200, answer
    container = answer["value"][0]["hitsContainers"][0]
    assert sorted(hit["resource"]["name"] for hit in container.get("hits", [])) == names
    assert container["total"] == len(names)


async def test_a_library_is_searched_by_its_own_address(world: World) -> None:
    drive = await library(world, "Projects")
    _, found = await world.api("diego", "GET", f"{drive}/root/search(q='bank details')?$select=name&$top=1")
    assert [each["name"] for each in found["value"]] == ["Status report Atlas, last week.docx"]
    _, more = await world.api("diego", "GET", found["@odata.nextLink"].removeprefix(world["GRAPH_URL"]))
    assert [each["name"] for each in more["value"]] == ["Status report Atlas, this week.docx"]


async def test_office_files_are_rewritten_but_keep_their_own_properties(world: World) -> None:
    drive = await library(world, "Finance")
    content = docx("Draft", "Megan Bowen", ["Text"])
    _, made = await world.api("megan", "PUT", f"{drive}/root:/Draft.docx:/content", data=content)
    token = await world.graph("megan")
    async with world.http.get(
        f"{world['GRAPH_URL']}{drive}/items/{made['id']}/content", headers={"Authorization": f"Bearer {token}"}
    ) as response:
        kept = await response.read()
    assert kept != content
    assert len(kept) == made["size"]
    with zipfile.ZipFile(io.BytesIO(kept)) as package:
        assert b"ContentTypeId" in package.read("docProps/custom.xml")
        assert b"docProps/custom.xml" in package.read("_rels/.rels")
        assert b"Text" in package.read("word/document.xml")


async def test_a_large_file_comes_in_pieces_to_an_address_without_a_token(world: World) -> None:
    drive = await library(world, "Finance")
    path = f"{drive}/root:/Large.bin:/createUploadSession"
    body = {"item": {"@microsoft.graph.conflictBehavior": "fail"}}
    _, session = await world.api("megan", "POST", path, json=body)
    content = bytes(range(256)) * 2000

    async def put(first: int, last: int) -> tuple[int, Any]:
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return await world.ask("PUT", session["uploadUrl"], data=content[first : last + 1], headers=headers)

    assert (await put(0, 99))[0] == 400
    status, state = await put(0, PIECE - 1)
    assert (status, state["nextExpectedRanges"]) == (202, [f"{PIECE}-{len(content) - 1}"])
    assert (await put(0, PIECE - 1))[0] == 416
    status, item = await put(PIECE, len(content) - 1)
    assert (status, item["name"], item["size"]) == (201, "Large.bin", len(content))
    status, answer = await world.api("megan", "POST", path, json=body)
    assert (status, answer["error"]["code"]) == (409, "nameAlreadyExists")
    assert (await world.api("adele", "POST", f"{drive}/root:/Other.bin:/createUploadSession", json={}))[0] == 403
    assert [w.path for w in world.sandbox.drives.writes] == ["Large.bin"]
