import asyncio
from typing import Any

import pytest

from tests.integration.sandbox.world import World

IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
KEY = "String {6f4e2c5e-0000-4000-8000-00000000abcd} Name TandemKey"
TO_ALEX = [{"emailAddress": {"address": "alex.wilber@contoso.example"}}]


def subjects(answer: Any) -> list[str]:
    return [message["subject"] for message in answer["value"]]


async def draft(world: World, key: str = "run-1", **more: Any) -> Any:
    body = {
        "subject": "Numbers",
        "body": {"contentType": "text", "content": "Please send them."},
        "toRecipients": TO_ALEX,
        "singleValueExtendedProperties": [{"id": KEY, "value": key}],
        "internetMessageHeaders": [{"name": "x-tandem-key", "value": key}],
        **more,
    }
    status, made = await world.api("megan", "POST", "/me/messages", json=body, headers=IMMUTABLE)
    assert status == 201, made
    return made


async def by_key(world: World, key: str, where: str = "/me/messages") -> list[Any]:
    query = f"?$filter=singleValueExtendedProperties/Any(ep: ep/id eq '{KEY}' and ep/value eq '{key}')"
    status, found = await world.api("megan", "GET", where + query, headers=IMMUTABLE)
    assert status == 200, found
    return list(found["value"])


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("$search=\"subject:'nonsense'\"", None),
        ('$search="status AND from:adele"', "Weekly status: procurement and Atlas"),
        ('$search="Rotterdam 8,000"', "Claim Rotterdam, 9 October"),
        ('$search="attachment:claim-rotterdam"', "Claim Rotterdam, 9 October"),
        ("$filter=from/emailAddress/address eq 'diego.siciliani@contoso.example'", "Framework agreement Nordwind"),
        ("$filter=contains(subject,'Priorities')&$top=1", "Priorities this week"),
        ("$filter=hasAttachments eq true", "Claim Rotterdam, 9 October"),
        ("$filter=receivedDateTime ge 2024-11-25T15:10:00Z", "Nordwind review at 14:00: briefing"),
    ],
)
async def test_mail_is_found(world: World, query: str, first: str | None) -> None:
    status, found = await world.api("megan", "GET", f"/me/messages?{query}")
    assert status == 200, found
    assert (subjects(found)[:1] or [None])[0] == first


async def test_pages_of_mail_lead_from_one_to_the_next(world: World) -> None:
    url, seen = "/me/mailFolders/inbox/messages?$top=3&$select=subject", []
    while url:
        _, page = await world.api("megan", "GET", url)
        assert set(page["value"][0]) == {"@odata.etag", "id", "subject"}
        seen += [message["id"] for message in page["value"]]
        url = page.get("@odata.nextLink", "").removeprefix(world["GRAPH_URL"])
    _, folder = await world.api("megan", "GET", "/me/mailFolders/inbox")
    assert len(seen) == len(set(seen)) == folder["totalItemCount"] > 6


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('$search="a"&$filter=isRead eq false', "SearchWithFilter"),
        ("$filter=isRead eq false&$orderby=receivedDateTime desc", "InefficientFilter"),
        ("$filter=shoeSize eq 9", "BadRequest"),
        ("$top=1001", "ErrorInvalidUrlQuery"),
    ],
)
async def test_options_that_outlook_does_not_take_are_refused(world: World, query: str, code: str) -> None:
    status, answer = await world.api("megan", "GET", f"/me/messages?{query}")
    assert (status, answer["error"]["code"]) == (400, code)


async def test_a_sent_draft_arrives_at_once_and_is_in_sent_items_late_under_its_immutable_id(world: World) -> None:
    made = await draft(world)
    assert (await by_key(world, "run-1"))[0]["isDraft"]
    world.sandbox.mailroom.sent_items_delay_seconds = 0.4
    path = f"/me/messages/{made['id']}"
    assert (await world.api("megan", "POST", f"{path}/send"))[0] == 202
    assert (await world.api("megan", "GET", path, headers=IMMUTABLE))[0] == 404
    assert await by_key(world, "run-1") == []
    _, inbox = await world.api("alex", "GET", "/me/mailFolders/inbox/messages?$top=1")
    assert subjects(inbox) == ["Numbers"]
    assert not inbox["value"][0]["isRead"]
    async with asyncio.timeout(5):
        while True:
            if found := await by_key(world, "run-1", "/me/mailFolders/sentitems/messages"):
                break
            await asyncio.sleep(0.02)
    assert (found[0]["id"], found[0]["isDraft"]) == (made["id"], False)
    expand = f"?$expand=singleValueExtendedProperties($filter=id eq '{KEY}')&$select=internetMessageHeaders"
    _, one = await world.api("megan", "GET", path + expand, headers=IMMUTABLE)
    assert one["singleValueExtendedProperties"] == [{"id": KEY, "value": "run-1"}]
    assert one["internetMessageHeaders"] == [{"name": "x-tandem-key", "value": "run-1"}]
    assert (await world.api("megan", "POST", f"{path}/send"))[0] == 400


async def test_an_ordinary_id_is_lost_when_the_message_moves(world: World) -> None:
    body = {"subject": "x", "toRecipients": TO_ALEX}
    _, made = await world.api("megan", "POST", "/me/messages", json=body)
    world.sandbox.mailroom.sent_items_delay_seconds = 0
    assert (await world.api("megan", "POST", f"/me/messages/{made['id']}/send"))[0] == 202
    assert (await world.api("megan", "GET", f"/me/messages/{made['id']}"))[0] == 404


async def test_what_was_sent_is_there_after_a_restart_and_listed_as_accepted(world: World) -> None:
    made = await draft(world)
    await world.api("megan", "POST", f"/me/messages/{made['id']}/send")
    from connectors.sandbox.journal import Journal
    from connectors.sandbox.office import Office
    from connectors.sandbox.sharing import Sharing

    sandbox = world.sandbox
    again = Journal(sandbox.state / "sandbox/office.jsonl")
    office = Office(sandbox.tenant, sandbox.tenant.sites["Finance"].libraries[0].folder.parents[2], again)
    Sharing(sandbox.tenant, sandbox.tenant.sites["Finance"].libraries[0].folder.parents[2], again, office.today)
    again.replay()
    assert [a["kind"] for a in again.accepted] == ["mail.draft", "mail.send"]
    assert again.accepted[1]["to"] == ["alex.wilber@contoso.example"]
    assert {m.mailbox for m in office.messages if m.subject == "Numbers"} == {"megan", "alex"}


async def test_mail_to_nobody_comes_back_and_who_is_away_answers(world: World) -> None:
    to = [{"emailAddress": {"address": address}} for address in ("nobody@contoso.example", "someone@elsewhere.example")]
    message = {"subject": "Hello", "toRecipients": to}
    assert (await world.api("megan", "POST", "/me/sendMail", json={"message": message}))[0] == 202
    _, inbox = await world.api("megan", "GET", "/me/mailFolders/inbox/messages?$top=1")
    assert subjects(inbox) == ["Undeliverable: Hello"]
    assert "nobody@contoso.example wasn't found" in inbox["value"][0]["body"]["content"]
    assert "elsewhere" not in inbox["value"][0]["body"]["content"]


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"subject": "x"}, 400, "ErrorInvalidRecipients"),
        ({"toRecipients": [{"emailAddress": {"address": "alex"}}]}, 400, "ErrorInvalidRecipients"),
        ({"toRecipients": "alex"}, 400, "RequestBodyRead"),
        ({"internetMessageHeaders": [{"name": "Key", "value": "1"}]}, 400, "InvalidInternetMessageHeader"),
        ({"singleValueExtendedProperties": [{"id": "key", "value": "1"}]}, 400, "ErrorInvalidExtendedPropertyId"),
        ({"colour": "red"}, 400, "RequestBodyRead"),
    ],
)
async def test_mail_that_cannot_be_is_refused_and_nothing_is_sent(
    world: World, message: dict[str, Any], status: int, code: str
) -> None:
    got, answer = await world.api("megan", "POST", "/me/sendMail", json={"message": message})
    assert (got, answer["error"]["code"]) == (status, code)
    assert world.sandbox.office.journal.accepted == []


async def test_attachments_and_odd_encodings_are_read(world: World) -> None:
    _, found = await world.api("megan", "GET", "/me/messages?$filter=hasAttachments eq true")
    path = f"/me/messages/{found['value'][0]['id']}/attachments"
    _, attached = await world.api("megan", "GET", path)
    assert [(a["name"], a["contentType"]) for a in attached["value"]] == [("claim-rotterdam.txt", "text/plain")]
    _, raw = await world.api("megan", "GET", f"{path}/{attached['value'][0]['id']}/$value")
    assert raw.startswith("Claim 2026-1009")
    _, odd = await world.api("alex", "GET", '/me/messages?$search="Rechnung"')
    assert odd["value"][0]["subject"] == "Rechnung für Oktober"
    assert "Jürgen Müller" in odd["value"][0]["body"]["content"]


async def test_a_colleague_answers_by_mail_through_the_control_desk(world: World) -> None:
    await world.api(
        "megan", "POST", "/me/sendMail", json={"message": {"subject": "Which day?", "toRecipients": TO_ALEX}}
    )
    headers = {"X-Control-Key": world.sandbox.keys.secrets.control}
    body = {"person": "alex", "answers": "which day", "body": "Thursday."}
    status, _ = await world.ask("POST", f"{world.sandbox.url}/control/mail", json=body, headers=headers)
    assert status == 200
    _, inbox = await world.api("megan", "GET", "/me/mailFolders/inbox/messages?$top=1")
    assert subjects(inbox) == ["RE: Which day?"]
    assert inbox["value"][0]["bodyPreview"].startswith("Thursday.")
