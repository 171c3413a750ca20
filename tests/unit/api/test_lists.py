"""The lists show each person their own, to programs with a token of theirs, and change nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.core.run import Person
from orchestration.core.view import RunView
from tests.unit.api.counter import HOST, ISSUER, SSO, Counter, opened, token
from tests.unit.routes.bureau import ADELE, ALEX, APP, MEGAN, TENANT

EVERY_PATH = ["/api/runs", "/api/runs/0123456789abcdef", "/api/approvals"]
ELSEWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with opened(tmp_path) as made:
        await made.bureau.knows(ALEX)
        yield made


async def asked(counter: Counter, title: str = "Pay?") -> str:
    run_id = await counter.bureau.begin(title)
    await counter.bureau.asked(run_id)
    return run_id


async def test_people_see_their_own_runs_the_newest_first(counter: Counter) -> None:
    runs = [await asked(counter) for _ in range(2)]
    status, told = await counter.get("/api/runs")
    assert status == 200
    assert [run["id"] for run in told["runs"]] == runs[::-1]
    assert (told["runs"][0]["status"], told["runs"][0]["open_questions"], told["next"]) == ("running", 1, None)
    assert await counter.get("/api/runs", ALEX) == (200, {"runs": [], "next": None})


async def test_a_run_is_shown_to_its_initiator_and_to_nobody_else(counter: Counter) -> None:
    run_id = await asked(counter)
    status, told = await counter.get(f"/api/runs/{run_id}")
    assert (status, told["goal"], [task["name"] for task in told["tasks"]]) == (200, "close the month", ["who", "ask"])
    assert told["questions"][0]["approvers"] == ["Alex Wilber"]
    unknown = await counter.get("/api/runs/0123456789abcdef", ALEX)
    assert await counter.get(f"/api/runs/{run_id}", ALEX) == unknown
    assert unknown[0] == 404


async def test_open_questions_are_shown_to_whom_they_are_put_with_a_link_to_the_chat(counter: Counter) -> None:
    run_id = await asked(counter)
    status, told = await counter.get("/api/approvals", ALEX)
    (question,) = told["approvals"]
    assert (status, question["run"], question["title"], question["asked_by"]) == (200, run_id, "Pay?", "Megan Bowen")
    assert question["link"] == f"https://teams.microsoft.com/l/chat/0/0?users=28:{APP}&tenantId={TENANT}"
    assert await counter.get("/api/approvals", ADELE) == (200, {"approvals": [], "next": None})
    await counter.bureau.decide(run_id, "ask.1", ALEX, "approve")
    assert (await counter.get("/api/approvals", ALEX))[1]["approvals"] == []


async def test_lists_hold_nothing_with_which_anything_could_be_decided(counter: Counter) -> None:
    run_id = await asked(counter)
    shown = (await counter.bureau.engine.view(run_id)).approvals[0].entry
    for path, person in (("/api/approvals", ALEX), (f"/api/runs/{run_id}", MEGAN), ("/api/runs", MEGAN)):
        assert shown not in str(await counter.get(path, person))


async def test_lists_come_in_pages(counter: Counter) -> None:
    runs = [await asked(counter) for _ in range(5)]
    found: list[str] = []
    path = "/api/runs?limit=2&open=true"
    while path:
        status, told = await counter.get(path)
        assert status == 200
        found += [run["id"] for run in told["runs"]]
        path = told["next"]
    assert found == runs[::-1]
    first = (await counter.get("/api/approvals?limit=3", ALEX))[1]
    second = (await counter.get(first["next"], ALEX))[1]
    assert [each["run"] for each in first["approvals"] + second["approvals"]] == runs
    assert second["next"] is None


async def test_what_has_not_changed_is_not_sent_again(counter: Counter) -> None:
    run_id = await asked(counter)
    first = await counter.call("GET", f"/api/runs/{run_id}")
    tag = first.headers["ETag"]
    again = await counter.call("GET", f"/api/runs/{run_id}", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, await again.read()) == (304, b"")
    await counter.bureau.decide(run_id, "ask.1", ALEX, "approve")
    changed = await counter.call("GET", f"/api/runs/{run_id}", headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["ETag"] != tag) == (200, True)
    assert changed.headers["Cache-Control"] == "private, no-cache"
    assert changed.headers["Vary"] == "Authorization, Accept-Language"


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_every_method_but_reading_is_refused(counter: Counter, path: str, method: str) -> None:
    answer = await counter.call(method, path, json={"choice": "approve"})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    told = await answer.json(content_type=None)
    assert told["code"] == "read_only"
    assert "Teams" in told["detail"]


async def test_head_answers_as_get_without_the_body(counter: Counter) -> None:
    answer = await counter.call("HEAD", "/api/runs")
    assert (answer.status, await answer.read()) == (200, b"")


UNAUTHENTICATED = {
    "wrong_key": {"key": "stolen", "kid": "k1"},
    "unknown_key": {"key": "stolen"},
    "alg_none": {"alg": "none", "kid": "k1"},
    "alg_hs256": {"alg": "HS256", "kid": "k1"},
    "expired": {"exp": int(time.time()) - 120, "iat": 0, "nbf": 0},
    "not_yet": {"nbf": int(time.time()) + 86_400},
    "no_expiry": {"exp": None},
    "audience_of_graph": {"aud": "https://graph.microsoft.com"},
    "audience_of_the_bot": {"aud": APP},
    "no_audience": {"aud": None},
    "other_issuer": {"iss": f"https://login.example/{ELSEWHERE}/v2.0"},
    "old_issuer": {"iss": f"https://sts.windows.net/{TENANT}/"},
    "no_issuer": {"iss": None},
}
FORBIDDEN: dict[str, tuple[dict[str, Any], str]] = {
    "other_tenant": ({"tid": ELSEWHERE}, "wrong_tenant"),
    "no_tenant": ({"tid": None}, "wrong_tenant"),
    "app_only": ({"scp": None, "roles": ["Runs.Read.All"], "idtyp": "app"}, "app_only"),
    "app_that_says_user_scope": ({"idtyp": "app"}, "app_only"),
    "no_scope": ({"scp": None}, "app_only"),
    "other_scope": ({"scp": "User.Read access_as_user2"}, "wrong_scope"),
    "other_client": ({"azp": ELSEWHERE}, "wrong_client"),
    "no_client": ({"azp": None}, "wrong_client"),
    "no_oid": ({"oid": None}, "no_person"),
    "odd_oid": ({"oid": f"{MEGAN.id}/../x"}, "no_person"),
    "guest_account": ({"acct": 1}, "guest"),
    "guest_provider": ({"idp": f"https://sts.windows.net/{ELSEWHERE}/"}, "guest"),
    "guest_name": ({"upn": "ann_example.org#EXT#@contoso.example"}, "guest"),
}


@pytest.mark.parametrize("claims", UNAUTHENTICATED.values(), ids=UNAUTHENTICATED)
async def test_a_token_that_proves_nothing_is_refused(counter: Counter, claims: dict[str, Any]) -> None:
    await asked(counter)
    answer = await counter.call("GET", "/api/runs", token=token(MEGAN, **claims))
    assert (answer.status, "WWW-Authenticate" in answer.headers) == (401, True)
    assert answer.content_type == "application/problem+json"
    assert (await answer.json(content_type=None))["code"] == "unauthenticated"


@pytest.mark.parametrize(("claims", "code"), FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_sound_token_of_somebody_who_is_not_served_is_refused(
    counter: Counter, claims: dict[str, Any], code: str
) -> None:
    await asked(counter)
    status, told = await counter.get("/api/runs", token=token(MEGAN, **claims))
    assert (status, told["code"]) == (403, code)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic bWU6bWU=",
        "Bearer garbage",
        "Bearer a.b.c",
        "Bearer " + "x" * 8_001,
        "Bearer ..",
        "garbage",
    ],
)
async def test_garbage_is_no_token(counter: Counter, header: str) -> None:
    answer = await counter.call("GET", "/api/runs", None, headers={"Authorization": header} if header else {})
    assert answer.status in (400, 401)  # a header that is too long for HTTP ends there


async def test_keys_are_fetched_once_and_a_new_one_is_found_when_it_is_used(counter: Counter) -> None:
    for _ in range(3):
        assert (await counter.get("/api/runs"))[0] == 200
    assert counter.authority.asked == 1
    counter.authority.published = ["k2"]
    counter.now += 61
    assert (await counter.get("/api/runs", token=token(MEGAN, key="k2")))[0] == 200
    assert (await counter.get("/api/runs"))[0] == 401  # the old one was taken back
    assert counter.authority.asked == 2


async def test_forged_key_ids_do_not_make_the_bot_ask_the_authority_again_and_again(counter: Counter) -> None:
    forged = [token(MEGAN, key="stolen", kid=f"k{number}x") for number in range(10)]
    answers = await asyncio.gather(*(counter.get("/api/runs", token=each) for each in forged))
    assert {status for status, _ in answers} == {401}
    assert counter.authority.asked == 1


async def test_while_the_authority_is_down_known_keys_go_on(counter: Counter) -> None:
    counter.authority.down = True
    assert (await counter.get("/api/runs"))[0] == 503
    counter.authority.down = False
    counter.now += 61
    assert (await counter.get("/api/runs"))[0] == 200
    counter.authority.down = True
    counter.now += 61
    assert (await counter.get("/api/runs"))[0] == 200


@pytest.mark.parametrize(
    "run_id",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "0123456789ABCDEF",
        "0123456789abcdef%00",
        "a" * 17,
        "*",
        "%",
        "0123456789abcde'",
        "..;",
    ],
)
async def test_odd_ids_are_no_runs(counter: Counter, run_id: str) -> None:
    await asked(counter)
    answer = await counter.call("GET", f"/api/runs/{run_id}")
    assert answer.status in (400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=1e3",
        "after=%27",
        "after=../x",
        "open=1",
        "person=x",
        "after=0123456789abcdef",
    ],
)
async def test_odd_parameters_are_named(counter: Counter, query: str) -> None:
    status, told = await counter.get(f"/api/runs?{query}")
    assert (status, told["code"]) == (400, "invalid")
    assert told["detail"]


async def test_each_person_may_ask_only_so_often(counter: Counter) -> None:
    statuses = [(await counter.call("GET", "/api/runs")).status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    late = await counter.call("GET", "/api/runs")
    assert (late.status, late.headers["Retry-After"]) == (429, "1")
    assert (await counter.get("/api/runs", ALEX))[0] == 200  # others go on
    counter.now += 1.1
    assert (await counter.get("/api/runs"))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": f"{HOST}:8080"}, 421),
        ({"Host": f"evil.example#{HOST}"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{HOST}"}, 403),
        ({"Origin": f"https://{HOST}"}, 200),
        ({"Host": "localhost:3978"}, 200),
    ],
)
async def test_only_the_bots_own_host_and_pages_get_in(counter: Counter, headers: dict[str, str], status: int) -> None:
    answer = await counter.call("GET", "/api/runs", headers=headers)
    assert answer.status == status
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_failure_shows_nothing_of_its_inside(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(**_: Any) -> Any:
        raise RuntimeError("the inside")

    monkeypatch.setattr(counter.bureau.database, "runs", broken)
    status, told = await counter.get("/api/runs")
    assert (status, told["code"]) == (500, "error")
    assert "inside" not in str(told)


async def test_the_audience_may_be_the_bare_id_and_the_scope_one_of_several(counter: Counter) -> None:
    sound = token(MEGAN, aud=SSO, scp="openid access_as_user", iss=ISSUER)
    assert (await counter.get("/api/runs", token=sound))[0] == 200


async def test_people_with_the_same_name_are_told_apart_by_id(counter: Counter) -> None:
    run_id = await asked(counter)
    double = Person("aaaa0008-0000-4000-8000-000000000008", MEGAN.name, MEGAN.upn, TENANT)
    assert (await counter.get("/api/runs", double))[1]["runs"] == []
    assert (await counter.get(f"/api/runs/{run_id}", double))[0] == 404


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "eine Entscheidung in „Month-end close“"),
        ("en-GB", "a decision in “Month-end close”"),
        ("fr", "a decision in “Month-end close”"),
    ],
)
async def test_a_title_that_hides_what_is_protected_is_in_the_callers_language(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, accepted: str, title: str
) -> None:
    await asked(counter)
    view = counter.bureau.engine.view

    async def labelled(run_id: str) -> RunView:
        run = await view(run_id)
        secret = [msgspec.structs.replace(each, label="confidential") for each in run.approvals]
        return msgspec.structs.replace(run, approvals=secret)

    monkeypatch.setattr(counter.bureau.engine, "view", labelled)
    answer = await counter.call("GET", "/api/approvals", ALEX, headers={"Accept-Language": accepted})
    assert [each["title"] for each in (await answer.json())["approvals"]] == [title]
