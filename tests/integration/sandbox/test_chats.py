from typing import Any

from tests.integration.sandbox.world import World


async def chat_with(world: World, person: str, other: str) -> tuple[int, Any]:
    ids = [world.sandbox.tenant.people[key].id for key in (person, other)]
    members = [
        {
            "@odata.type": "#microsoft.graph.aadUserConversationMember",
            "roles": ["owner"],
            "user@odata.bind": f"https://graph.microsoft.com/v1.0/users('{oid}')",
        }
        for oid in ids
    ]
    return await world.api(person, "POST", "/chats", json={"chatType": "oneOnOne", "members": members})


async def test_a_one_on_one_chat_is_made_once_and_holds_what_both_say(world: World) -> None:
    status, chat = await chat_with(world, "megan", "diego")
    assert status == 201
    assert (await chat_with(world, "diego", "megan"))[1]["id"] == chat["id"]
    path = f"/chats/{chat['id']}/messages"
    for person, text in (("megan", "One"), ("diego", "Two")):
        status, said = await world.api(person, "POST", path, json={"body": {"content": text}})
        assert (status, said["from"]["user"]["displayName"]) == (201, world.sandbox.tenant.people[person].name)
    _, found = await world.api("megan", "GET", f"{path}?$top=1")
    assert [m["body"]["content"] for m in found["value"]] == ["Two"]
    _, rest = await world.api("megan", "GET", found["@odata.nextLink"].removeprefix(world["GRAPH_URL"]))
    assert [m["body"]["content"] for m in rest["value"]] == ["One"]
    status, answer = await world.api("alex", "GET", path)
    assert (status, answer["error"]["code"]) == (403, "Forbidden")


async def test_chats_come_newest_first_with_their_members(world: World) -> None:
    _, chats = await world.api("alex", "GET", "/me/chats?$expand=members")
    assert {c["chatType"] for c in chats["value"]} == {"oneOnOne", "group"}
    assert {m["email"] for c in chats["value"] for m in c["members"]} >= {"megan.bowen@contoso.example"}
    updated = [c["lastUpdatedDateTime"] for c in chats["value"]]
    assert updated == sorted(updated, reverse=True)


async def test_channels_take_messages_of_members_and_replies(world: World) -> None:
    _, teams = await world.api("diego", "GET", "/me/joinedTeams")
    assert [team["displayName"] for team in teams["value"]] == ["Atlas"]
    team = f"/teams/{teams['value'][0]['id']}"
    _, channels = await world.api("diego", "GET", f"{team}/channels")
    channel = next(c["id"] for c in channels["value"] if c["displayName"] == "Status")
    path = f"{team}/channels/{channel}/messages"
    _, said = await world.api("diego", "POST", path, json={"body": {"contentType": "html", "content": "<p>Go</p>"}})
    status, _ = await world.api("lee", "POST", f"{path}/{said['id']}/replies", json={"body": {"content": "Yes"}})
    assert status == 201
    _, found = await world.api("lee", "GET", path)
    assert found["value"][0]["body"]["content"] == "<p>Go</p>"
    assert "Yes" not in str(found)
    _, replies = await world.api("lee", "GET", f"{path}/{said['id']}/replies")
    assert [(m["body"]["content"], m["replyToId"]) for m in replies["value"]] == [("Yes", said["id"])]


async def test_a_shared_channel_lists_whom_it_is_shared_with(world: World) -> None:
    _, teams = await world.api("diego", "GET", "/me/joinedTeams")
    team = f"/teams/{teams['value'][0]['id']}"
    _, channels = await world.api("diego", "GET", f"{team}/channels")
    kinds = {each["displayName"]: each["membershipType"] for each in channels["value"]}
    assert (kinds["Vendor"], kinds["Status"]) == ("shared", "standard")
    found = {}
    for each in channels["value"]:
        _, members = await world.api("diego", "GET", f"{team}/channels/{each['id']}/allMembers")
        found[each["displayName"]] = {member["email"] for member in members["value"]}
    assert found["Vendor"] - found["Status"] == {"nadia.ricci@nordwind-consulting.example"}
    _, members = await world.api("diego", "GET", f"{team}/members")
    assert {member["email"] for member in members["value"]} == found["Status"]


async def test_what_is_no_message_is_refused(world: World) -> None:
    _, chat = await chat_with(world, "megan", "diego")
    path = f"/chats/{chat['id']}/messages"
    for body, status in (({}, 400), ({"body": {"content": " "}}, 400), ({"body": {"content": "x" * 29_000}}, 413)):
        assert (await world.api("megan", "POST", path, json=body))[0] == status
    assert (await world.api("megan", "GET", "/chats/19:nothing@thread.v2"))[0] == 404
    assert (await world.api("megan", "GET", f"{path}?$top=51"))[0] == 400
