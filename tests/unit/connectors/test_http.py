"""What goes wrong over HTTP becomes an error that says what happened and whether anything was done."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import httpx
import pytest

from connectors.http import clipped, explanation, failure, is_loopback, open_client, origin, retry_after, send
from orchestration.errors import (
    Busy,
    Conflict,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
    SignInNeeded,
    TandemError,
    Unavailable,
)

SAP = {"error": {"code": "SY/530", "message": {"lang": "en", "value": "Company code 9999 does not exist"}}}
GRAPH = {"error": {"code": "accessDenied", "message": "Access denied", "innerError": {"date": "2026-11-22"}}}
DYNAMICS = {"error": {"code": "", "message": "An error has occurred.", "innererror": {"message": "No field 'X'."}}}
OAUTH = {"error": "invalid_grant", "error_description": "The assertion is over."}


def response(status: int, body: Any = None, **headers: str) -> httpx.Response:
    content = b"<html>gone</html>" if body is None else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    ("status", "write", "expected"),
    [
        (301, False, Refused),
        (400, False, Refused),
        (401, False, SignInNeeded),
        (403, False, NotPermitted),
        (404, False, NotFound),
        (408, True, Unavailable),
        (409, True, Conflict),
        (412, True, Conflict),
        (423, True, Conflict),
        (429, True, Busy),
        (500, False, Unavailable),
        (500, True, OutcomeUnknown),
        (502, False, Unavailable),
        (502, True, OutcomeUnknown),
        (503, True, Unavailable),
        (504, True, OutcomeUnknown),
    ],
)
def test_each_status_has_one_meaning(status: int, write: bool, expected: type[TandemError]) -> None:
    found = failure(response(status), system="SAP", what="read invoices", write=write)
    assert type(found) is expected
    assert "SAP" in found.message


def test_a_busy_system_says_when_to_come_back() -> None:
    found = failure(response(429, retry_after="2.5"), system="SAP", what="read")
    assert found.retry_after == timedelta(seconds=2.5)
    assert failure(response(503, retry_after="7"), system="SAP", what="read").retry_after == timedelta(seconds=7)
    assert failure(response(503), system="SAP", what="read").retry_after is None


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "Wed, 99 Foo 2026"])
def test_a_useless_retry_after_is_none(text: str) -> None:
    assert retry_after({"Retry-After": text}) is None


def test_retry_after_is_never_negative_nor_endless() -> None:
    assert retry_after({"Retry-After": "-3"}) == timedelta(0)
    assert retry_after({"Retry-After": "1e300"}) == timedelta(hours=1)
    assert retry_after({"Retry-After": format_datetime(datetime.now(UTC) - timedelta(days=1))}) == timedelta(0)


def test_retry_after_may_be_a_date() -> None:
    found = retry_after({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)})
    assert found is not None
    assert timedelta(seconds=55) < found <= timedelta(seconds=60)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (SAP, "Company code 9999 does not exist"),
        (GRAPH, "Access denied"),
        (DYNAMICS, "No field 'X'."),
        (OAUTH, "The assertion is over."),
        (None, ""),
        (["odd"], ""),
        ({"error": {"message": 3}}, ""),
    ],
)
def test_the_other_sides_own_words_are_found(body: Any, said: str) -> None:
    assert explanation(response(400, body)) == said


def test_foreign_text_is_one_short_visible_line() -> None:
    assert clipped("a\nb\u202ec\u200bd\x00e  f") == "a bcde f"
    assert clipped("x" * 500, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:1/x", True),
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("https://sap.contoso.example", False),
        ("https://10.0.0.1", False),
        ("", False),
    ],
)
def test_this_machine_is_recognised(url: str, here: bool) -> None:
    assert is_loopback(url) is here


def test_origins_compare_with_default_ports() -> None:
    assert origin("https://SAP.example/x") == origin("https://sap.example:443/y")
    assert origin("https://sap.example") != origin("http://sap.example")
    assert origin("https://sap.example") != origin("https://sap.example.evil")


async def call(url: str, *, write: bool = False, timeout_seconds: float = 5.0) -> httpx.Response:
    async with open_client(url, timeout_seconds=timeout_seconds) as client:
        return await send(partial(client.get, url), system="SAP", timeout_seconds=timeout_seconds, write=write)


@pytest.mark.parametrize("write", [False, True])
async def test_a_refused_connection_did_surely_nothing(write: bool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        with pytest.raises(Unavailable, match="SAP cannot be reached"):
            await call(f"http://127.0.0.1:{taken.getsockname()[1]}", write=write)


async def test_a_read_without_answer_is_unavailable(silent: str) -> None:
    with pytest.raises(Unavailable, match=r"SAP did not answer within 0\.1 s"):
        await call(silent, timeout_seconds=0.1)


async def test_a_write_without_answer_is_of_unknown_outcome(silent: str) -> None:
    with pytest.raises(OutcomeUnknown, match="not known yet"):
        await call(silent, write=True, timeout_seconds=0.1)


@pytest.mark.parametrize(("write", "expected"), [(False, Unavailable), (True, OutcomeUnknown)])
async def test_a_broken_connection_is_told_apart_for_writes(write: bool, expected: type[TandemError]) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    try:
        with pytest.raises(expected):
            await call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", write=write)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("url", ["", "sap.example/x", "ftp://sap.example", "http://sap.example:port/"])
async def test_a_wrong_address_is_the_operators_matter(url: str) -> None:
    with pytest.raises(Refused, match="address of SAP in the settings"):
        await call(url)


def test_an_error_that_is_nested_too_deeply_says_nothing() -> None:
    assert explanation(httpx.Response(400, content=b"[" * 100_000)) == ""
