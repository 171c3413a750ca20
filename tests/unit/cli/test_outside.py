"""`tandem doctor` says whether the lists can be reached, and what an approval system still lacks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.cli import outside
from bot.cli.finding import Finding
from bot.settings import read

GUID = "11111111-1111-4111-8111-111111111111"
POLICY = """\
approval_systems:
  - name: Ledger
    url: {url}
    secret_setting: TANDEM_APPROVALS_SECRET
    titles: [Pay]
"""


def settings(tmp_path: Path, url: str = "", **more: str) -> Any:
    names = dict.fromkeys(("TANDEM_TENANT_ID", "TANDEM_APP_ID", "TANDEM_SSO_APP_ID"), GUID)
    names |= dict.fromkeys(("TANDEM_APP_SECRET", "TANDEM_SSO_APP_SECRET"), "secret-value")
    if url:
        (tmp_path / "policy.yaml").write_text(POLICY.format(url=url))
        names["TANDEM_POLICY"] = str(tmp_path / "policy.yaml")
    return read(names | more)


def found(settings: Any, part: str) -> list[Finding]:
    return [each for each in outside.examine(settings) if each.part == part]


def test_without_either_it_says_so(tmp_path: Path) -> None:
    marks = [(each.part, each.mark) for each in outside.examine(settings(tmp_path))]
    assert marks == [("Lists", "off"), ("Approval systems", "off")]


@pytest.mark.parametrize(
    ("url", "key", "why"),
    [
        ("https://203.0.113.7/hook", "", "TANDEM_APPROVALS_SECRET is not set"),
        ("https://203.0.113.7/hook", "short", "32 or more"),
        ("https://169.254.169.254/hook", "x" * 32, "machine's own identity"),
        ("https://127.0.0.1/hook", "x" * 32, "this machine itself"),
    ],
)
def test_what_an_approval_system_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, key: str, why: str
) -> None:
    monkeypatch.setenv("TANDEM_APPROVALS_SECRET", key)
    bad = found(settings(tmp_path, url, TANDEM_PUBLIC_URL="https://localhost:1"), "Approval systems")
    assert [each.mark for each in bad] == ["bad"]
    assert why in bad[0].text
    assert "x" * 32 not in str(bad)


def test_a_system_that_is_ready_is_good_and_needs_an_address_to_answer_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_APPROVALS_SECRET", "x" * 32)
    marks = found(settings(tmp_path, "https://203.0.113.7/hook"), "Approval systems")
    assert [each.mark for each in marks] == ["good", "bad"]
    assert "TANDEM_PUBLIC_URL" in marks[1].text


async def test_the_public_address_is_tried(tmp_path: Path) -> None:
    async def well(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application()
    app.router.add_get("/healthz", well)
    async with TestServer(app) as server:
        here = f"http://127.0.0.1:{server.port}"
        (good,) = await asyncio.to_thread(found, settings(tmp_path, TANDEM_PUBLIC_URL=here), "Lists")
    (note,) = await asyncio.to_thread(found, settings(tmp_path, TANDEM_PUBLIC_URL=here), "Lists")
    assert (good.mark, note.mark) == ("good", "note")
