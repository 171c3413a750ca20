"""Lists are read page by page, from one host only, and numbers stay exact."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from connectors.identity.challenge import challenge
from connectors.odata import ODataReader, month, quoted
from orchestration.errors import Invalid, InvalidContent, Refused, SignInNeeded
from tests.unit.connectors.conftest import MEGAN, FakeIdentity, Serve


async def rows(base: str, identity: FakeIdentity, **params: str) -> list[Any]:
    reader = ODataReader("SAP", base, timeout_seconds=5)
    try:
        pages = reader.pages(
            f"{base}/list",
            identity.bearer(MEGAN, "x"),
            what="read",
            params=params,
            following=lambda page: page.get("next"),
        )
        return [row async for page in pages for row in page["rows"]]
    finally:
        await reader.close()


async def test_every_page_is_read_in_order(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        page = int(request.query.get("skip", "0"))
        assert request.headers["Authorization"] == "Bearer token-1"
        return web.json_response({"rows": [page], **({"next": f"list?skip={page + 1}"} if page < 3 else {})})

    assert await rows(await serve(answer), identity) == [0, 1, 2, 3]
    assert len(identity.claims) == 1  # one token for all pages


async def test_a_link_to_another_host_is_not_followed(serve: Serve, identity: FakeIdentity) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"rows": []})

    other = await serve(elsewhere)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"rows": [1], "next": f"{other}/steal"})

    with pytest.raises(Refused, match="not followed"):
        await rows(await serve(answer), identity)
    assert asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirection_is_followed_with_a_token(serve: Serve, identity: FakeIdentity, status: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    with pytest.raises(Refused, match="sends us elsewhere"):
        await rows(await serve(answer), identity)
    assert asked == ["/list"]


@pytest.mark.parametrize("text", ["' or 1 eq 1 or '", "'", "''", "a'b'c", "1010' or CompanyCode ne '"])
def test_a_value_of_a_filter_stays_one_value(text: str) -> None:
    literal = quoted(text)
    assert literal[0] == literal[-1] == "'"
    assert "'" not in literal[1:-1].replace("''", "")
    assert literal[1:-1].replace("''", "'") == text


@pytest.mark.parametrize(
    "link", ["http://[", "http://x:y/", "//other.example/x", "ftp://127.0.0.1/", "https://127.0.0.1/"]
)
async def test_a_link_that_is_odd_is_not_followed(serve: Serve, identity: FakeIdentity, link: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"rows": [1], "next": link})

    with pytest.raises(Refused, match="not followed"):
        await rows(await serve(answer), identity)


async def test_a_list_that_leads_back_to_itself_ends(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"rows": [1], "next": "list?again=1"})

    with pytest.raises(Refused, match="does not come to an end"):
        await rows(await serve(answer), identity)


async def test_numbers_are_exact_decimals(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b'{"rows": [0.1, 12345678901234567.89, 1250.00]}', content_type="application/json")

    found = await rows(await serve(answer), identity)
    assert [str(number) for number in found] == ["0.1", "12345678901234567.89", "1250.00"]
    assert all(isinstance(number, Decimal) for number in found)


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b'{"rows": [NaN]}', b""])
async def test_what_is_not_json_is_said(serve: Serve, identity: FakeIdentity, body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    with pytest.raises(InvalidContent, match=r"something else than JSON \(text/html"):
        await rows(await serve(answer), identity)


async def test_a_refused_token_is_replaced_once(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "Bearer token-2"
        return web.json_response({"rows": [7]}) if good else web.Response(status=401)

    assert await rows(await serve(answer), identity) == [7]
    assert identity.forgotten == 1


async def test_a_token_refused_twice_means_sign_in(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=401)

    with pytest.raises(SignInNeeded):
        await rows(await serve(answer), identity)
    assert identity.forgotten == 1


def test_a_month_has_a_first_day_and_a_next() -> None:
    assert month("2026-10") == (date(2026, 10, 1), date(2026, 11, 1))
    assert month("2026-12") == (date(2026, 12, 1), date(2027, 1, 1))
    assert month("2028-02") == (date(2028, 2, 1), date(2028, 3, 1))


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "October", "", "2026-10-01", "' or 1 eq 1", "٢٠٢٦-١٠"]
)
def test_what_is_no_month_is_named(text: str) -> None:
    with pytest.raises(Invalid, match="write it like 2026-10"):
        month(text)


def test_quotes_cannot_leave_a_filter_literal() -> None:
    assert quoted("O'Neil' or true") == "'O''Neil'' or true'"


async def test_an_answer_that_is_nested_too_deeply_is_no_crash(serve: Serve, identity: FakeIdentity) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"[" * 100_000, content_type="application/json")

    with pytest.raises(InvalidContent):
        await rows(await serve(answer), identity)


async def test_a_challenge_is_met_once_with_the_claims_that_it_demands(serve: Serve, identity: FakeIdentity) -> None:
    demand = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}'
    header = f'Bearer error="insufficient_claims", claims="{base64.b64encode(demand.encode()).decode()}"'
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        if len(seen) == 1:
            return web.Response(status=401, headers={"WWW-Authenticate": header})
        return web.json_response({"rows": [7]})

    assert await rows(await serve(answer), identity) == [7]
    assert identity.claims == ["", demand]
    assert identity.forgotten == 0


async def test_a_system_that_goes_on_challenging_is_given_up(serve: Serve, identity: FakeIdentity) -> None:
    many = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal many
        many += 1
        return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer claims="e30="'})

    with pytest.raises(SignInNeeded):
        await rows(await serve(answer), identity)
    assert many == 3  # as it was, with claims, with a fresh sign-in
    assert identity.claims == ["", "{}", ""]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="', '{"a":1}'),
        ('Bearer claims="eyJhIjoxfQ"', '{"a":1}'),
        ("Bearer", ""),
        ("", ""),
        ('Bearer notclaims="x"', ""),
        ('Bearer claims="no base64!"', "no base64!"),
        ('Bearer claims="' + "A" * 20_000 + '"', ""),
    ],
)
def test_a_challenge_is_read_whatever_it_holds(header: str, found: str) -> None:
    assert challenge({"WWW-Authenticate": header}) == found
