import asyncio
from pathlib import Path

import pytest

from connectors.sandbox.control import KEY_HEADER, break_system, call, mend_system
from orchestration.errors import Invalid, Unavailable
from tests.integration.sandbox.world import World


async def me(world: World) -> tuple[int, dict[str, str]]:
    headers = {"Authorization": f"Bearer {await world.graph('megan')}"}
    async with world.http.get(f"{world['GRAPH_URL']}/me", headers=headers) as response:
        await response.read()
        return response.status, dict(response.headers)


async def test_a_broken_system_asks_to_come_later_until_it_is_mended(world: World, state: Path) -> None:
    broken = await asyncio.to_thread(break_system, state, "graph", 30)
    assert broken["broken"]["graph"]["status"] == 503
    status, headers = await me(world)
    assert status == 503
    assert 1 <= int(headers["Retry-After"]) <= 5
    await asyncio.to_thread(mend_system, state, "graph")
    assert (await me(world))[0] == 200


async def test_a_fault_may_be_for_some_requests_only(world: World, state: Path) -> None:
    await asyncio.to_thread(call, state, "break", {"system": "graph", "seconds": 30, "status": 429, "times": 2})
    assert [(await me(world))[0] for _ in range(3)] == [429, 429, 200]


async def test_sap_and_the_authority_can_be_broken_too(world: World, state: Path) -> None:
    assertion = await world.assertion("megan")
    await asyncio.to_thread(break_system, state, "sap", 30, 500)
    assert (await world.sap_grant(assertion))[0] == 500
    await asyncio.to_thread(break_system, state, "authority", 30)
    status, answer = await world.on_behalf_of("x", world["GRAPH_SCOPE"])
    assert (status, answer["error"]) == (503, "temporarily_unavailable")


async def test_latency_delays_the_answer_and_nothing_else(world: World, state: Path) -> None:
    await asyncio.to_thread(break_system, state, "graph", 30, None, 0.2)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await me(world))[0] == 200
    assert loop.time() - started >= 0.2


async def test_writes_and_requests_can_be_read(world: World, state: Path) -> None:
    drive = world.sandbox.drives.of_site("Finance")[0]
    url = f"{world['GRAPH_URL']}/drives/{drive.id}/root:/Accounts Payable/x.txt:/content"
    _, made = await world.ask("PUT", url, await world.graph("alex"), data=b"x")
    found = await asyncio.to_thread(call, state, "writes")
    assert found["count"] == 1
    write = found["writes"][0]
    assert (write["path"], write["person"], write["eTag"]) == ("Accounts Payable/x.txt", "alex", made["eTag"])
    requests = (await asyncio.to_thread(call, state, "requests"))["requests"]
    assert {"system": "graph", "method": "PUT", "status": 201, "count": 1} in requests


async def test_sign_outs_and_expiry_by_control(world: World, state: Path) -> None:
    await world.sign_in("megan")
    assert (await asyncio.to_thread(call, state, "expire", {"person": "megan"}))["signed_in"]
    assert (await world.get_token("megan"))[0] == 200
    assert not (await asyncio.to_thread(call, state, "sign-out", {"person": "megan"}))["signed_in"]
    assert (await world.get_token("megan"))[0] == 404


async def test_the_control_desk_needs_its_key_and_no_browser(world: World) -> None:
    url = f"{world.sandbox.url}/control"
    key = world.sandbox.keys.secrets.control
    assert (await world.ask("GET", url, headers={KEY_HEADER: key}))[0] == 200
    for headers in ({}, {KEY_HEADER: "wrong"}, {KEY_HEADER: key, "Origin": "http://localhost"}):
        assert (await world.ask("GET", url, headers=headers))[0] == 403


@pytest.mark.parametrize(
    ("action", "body", "named"),
    [
        ("break", {"system": "sepa", "seconds": 1}, "there are sap, dynamics, graph, authority, model"),
        ("break", {"system": "sap"}, "system and seconds must be given"),
        ("break", {"system": "sap", "seconds": "long"}, "seconds must be a number"),
        ("break", {"system": "sap", "seconds": 1, "colour": "red"}, "unknown: colour"),
        ("mend", {"system": "sepa"}, "no system 'sepa'"),
        ("expire", {"person": "bob"}, "there are megan, alex"),
    ],
)
async def test_wrong_calls_are_refused_and_named(
    world: World, state: Path, action: str, body: dict[str, object], named: str
) -> None:
    with pytest.raises(Invalid, match=named):
        await asyncio.to_thread(call, state, action, body)


def test_without_a_sandbox_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="tandem up"):
        break_system(tmp_path, "sap", 30)


async def test_the_access_log_holds_no_token_and_no_code(world: World, state: Path) -> None:
    token = await world.sign_in("megan")
    code = world.bot.seen[-1][3]["value"]["state"]
    drive = world.sandbox.drives.of_site("Finance")[0]
    path = f"/drives/{drive.id}/root:/Accounts Payable/Reconciliations/Read me.txt:/content"
    assert (await world.ask("GET", f"{world['GRAPH_URL']}{path}", await world.graph("megan")))[0] == 200
    log = (state / "sandbox/access.log").read_text()
    secrets = [token, f'"{code}"', world["APP_SECRET"], world.sandbox.keys.secrets.control, "Bearer", "eyJ"]
    assert [secret for secret in secrets if secret in log] == []
    assert '"tempauth": "..."' in log
    assert '"person": "megan"' in log
