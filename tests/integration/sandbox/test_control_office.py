"""What the control desk does for mail and chats: colleagues write, tests see what was accepted."""

from typing import Any

from tests.integration.sandbox.world import World


async def desk(world: World, action: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"X-Control-Key": world.sandbox.keys.secrets.control}
    url = f"{world.sandbox.url}/control/{action}"
    return await world.ask("GET" if body is None else "POST", url, json=body, headers=headers)


async def test_a_colleague_writes_into_a_chat(world: World) -> None:
    status, said = await desk(world, "say", {"person": "alex", "to": "megan", "text": "Thursday"})
    assert status == 200
    _, found = await world.api("megan", "GET", f"/chats/{said['talk']}/messages?$top=1")
    assert [m["body"]["content"] for m in found["value"]] == ["Thursday"]
    status, answer = await desk(world, "say", {"person": "alex", "to": "diego", "text": "?"})
    assert (status, answer["error"]) == (400, "alex has no chat with 'diego'")


async def test_what_was_accepted_is_listed_in_order_with_uploads(world: World) -> None:
    await desk(world, "mail", {"person": "alex", "to": ["megan", "x@elsewhere.example"], "subject": "Hi", "body": "x"})
    _, drive = await world.api("megan", "GET", "/sites/contoso.sharepoint.com:/sites/Projects:/drive")
    await world.api("megan", "PUT", f"/drives/{drive['id']}/root:/a.txt:/content", data=b"x")
    await desk(world, "say", {"person": "megan", "to": "alex", "text": "Done"})
    _, found = await desk(world, "accepted")
    assert [(a["kind"], a["person"]) for a in found["accepted"]] == [
        ("mail.send", "alex"),
        ("file.upload", "megan"),
        ("chat.post", "megan"),
    ]


async def test_sent_items_can_be_made_late_and_nonsense_is_refused(world: World) -> None:
    assert (await desk(world, "delay", {"sent_items_seconds": 30}))[0] == 200
    assert world.sandbox.mailroom.sent_items_delay_seconds == 30
    assert (await desk(world, "delay", {"sent_items_seconds": "soon"}))[0] == 400
    assert (await desk(world, "mail", {"person": "bob"}))[0] == 400
    status, answer = await desk(world, "mail", {"person": "diego", "answers": "which day", "body": "x"})
    assert (status, answer["error"]) == (400, "Diego Siciliani has no mail about 'which day'")
    status, answer = await desk(world, "mail", {"person": "diego", "subject": "x", "body": "to nobody"})
    assert status == 400
