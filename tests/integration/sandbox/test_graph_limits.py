import asyncio
from typing import Any

import aiohttp
import pytest

from tests.integration.sandbox.world import World

MAIL = {"message": {"subject": "Once", "toRecipients": [{"emailAddress": {"address": "alex.wilber@contoso.example"}}]}}


def get(number: int, url: str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "method": "GET", "url": url, **more}


async def test_a_batch_answers_each_of_its_parts(world: World) -> None:
    requests = [
        get(1, "/me?$select=displayName"),
        get(2, "/users/nobody@contoso.example"),
        get(3, "/me/messages?$top=2&$filter=isRead eq false", headers={"Prefer": 'IdType="ImmutableId"'}),
        {
            "id": "4",
            "method": "POST",
            "url": "/me/messages",
            "headers": {"Content-Type": "application/json"},
            "body": {"subject": "From a batch"},
        },
        get(5, "/me", dependsOn=["2"]),
    ]
    status, answer = await world.api("megan", "POST", "/$batch", json={"requests": requests})
    assert status == 200
    found = {each["id"]: each for each in answer["responses"]}
    assert [found[str(n)]["status"] for n in range(1, 6)] == [200, 404, 200, 201, 424]
    assert found["1"]["body"]["displayName"] == "Megan Bowen"
    assert len(found["3"]["body"]["value"]) == 2
    assert found["3"]["headers"]["Preference-Applied"] == 'IdType="ImmutableId"'
    status, answer = await world.api("megan", "POST", "/$batch", json={"requests": [get(n, "/me") for n in range(21)]})
    assert (status, answer["error"]["code"]) == (400, "BadRequest")


async def test_some_parts_of_a_batch_are_throttled(world: World) -> None:
    world.sandbox.faults.break_system("graph", 30, 429, times=2, path="/me/messages", retry_after=0.5)
    parts = [get(1, "/me"), *(get(n, "/me/messages?$top=1") for n in range(2, 5))]
    status, answer = await world.api("megan", "POST", "/$batch", json={"requests": parts})
    assert status == 200
    assert [each["status"] for each in answer["responses"]] == [200, 429, 429, 200]
    assert answer["responses"][1]["headers"]["Retry-After"] == "0.5"


async def test_a_fifth_request_at_a_time_to_one_mailbox_is_refused(world: World) -> None:
    world.sandbox.faults.break_system("graph", 30, latency_seconds=0.3)
    tokens = {person: await world.graph(person) for person in ("megan", "alex")}
    answers = await asyncio.gather(
        *(world.ask("GET", f"{world['GRAPH_URL']}/me/messages?$top=1", tokens["megan"]) for _ in range(6)),
        world.ask("GET", f"{world['GRAPH_URL']}/me/messages?$top=1", tokens["alex"]),
        world.ask("GET", f"{world['GRAPH_URL']}/me", tokens["megan"]),
    )
    assert sorted(status for status, _ in answers[:6]) == [200] * 4 + [429] * 2
    refused = next(answer for status, answer in answers if status == 429)
    assert refused["error"]["code"] == "ApplicationThrottled"
    assert "MailboxConcurrency" in refused["error"]["message"]
    assert [status for status, _ in answers[6:]] == [200, 200]


async def test_a_dropped_write_is_carried_out_and_not_answered_while_reads_go_on(world: World) -> None:
    world.sandbox.faults.break_system("graph", 30, drop=True, times=1)
    assert (await world.api("megan", "GET", "/me"))[0] == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await world.api("megan", "POST", "/me/sendMail", json=MAIL)
    assert [a["kind"] for a in world.sandbox.office.journal.accepted] == ["mail.send"]
    assert (await world.api("megan", "POST", "/me/sendMail", json=MAIL))[0] == 202


async def test_a_fault_of_one_path_leaves_the_others_alone(world: World) -> None:
    world.sandbox.faults.break_system("graph", 30, 503, path="/me/sendMail")
    assert (await world.api("megan", "POST", "/me/sendMail", json=MAIL))[0] == 503
    assert (await world.api("megan", "GET", "/me/messages"))[0] == 200
    assert world.sandbox.office.journal.accepted == []
