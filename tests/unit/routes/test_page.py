"""The page about approval workflows is true: its example signs as Tandem does, its codes are those that are given."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

import bot.api.answers
from bot.routes.signature import Purpose, sign
from orchestration import errors
from tests.unit.api.counter import HOST, Counter, opened
from tests.unit.routes.bureau import ALEX, KEY

PAGE = (Path(__file__).parents[3] / "docs" / "approval-workflow.md").read_text("utf-8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def example(monkeypatch: pytest.MonkeyPatch, name: str) -> dict[str, Any]:
    """What the page's example defines, before it begins to serve."""
    monkeypatch.setenv("TANDEM_APPROVAL_KEY_LEDGER", KEY)
    defined: dict[str, Any] = {}
    exec(CODE.partition("\nHTTPServer(")[0].replace('"Ledger approvals"', repr(name)), defined)
    return defined


@pytest.mark.parametrize("purpose", ["question", "answer"])
def test_the_example_signs_as_tandem_does(monkeypatch: pytest.MonkeyPatch, purpose: Purpose) -> None:
    signature = example(monkeypatch, "Ledger")["signature"]
    assert signature(purpose, "1795000000", b"{}") == sign(KEY.encode(), purpose, "Ledger", "1795000000", b"{}")


def test_every_code_on_the_page_is_given_somewhere() -> None:
    named = set(re.findall(r"`([a-z_]+)`", "\n".join(re.findall(r"^\| 4.*$", PAGE, re.MULTILINE)))) - {"via"}
    source = Path(str(bot.api.answers.__file__)).read_text("utf-8")
    codes = {each.code for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "code")}
    assert named
    assert [code for code in sorted(named) if f'"{code}"' not in source and code not in codes] == []


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with opened(tmp_path) as made:
        yield made


async def test_the_example_takes_a_question_and_its_answer_counts(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    defined = example(monkeypatch, "Ledger")
    pressed: list[str] = []
    said: list[Any] = []

    class Posted:
        """Takes the place of `urllib.request.urlopen`: the answer is sent on by the test."""

        def __init__(self, request: Any) -> None:
            said.append(request)

        def read(self) -> bytes:
            return b""

    defined["input"] = lambda text: pressed.append(text) or "y"
    monkeypatch.setattr(defined["time"], "time", counter.bureau.clock.now().timestamp)
    monkeypatch.setattr(defined["urllib"].request, "urlopen", Posted)
    monkeypatch.setattr(defined["System"], "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), defined["System"]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        counter.bureau.system.url = f"http://127.0.0.1:{server.server_port}/"
        counter.bureau.name_system()
        run = await counter.bureau.asked(await counter.bureau.begin())
        server.shutdown()
        thread.join()
    assert pressed == ["Alex Wilber, Pay? (y/n) "]
    (request,) = said
    assert request.full_url == f"https://{HOST}/api/approvals/answers"
    answer = await counter.client.post(
        "/api/approvals/answers", data=request.data, headers={**request.headers, "Host": HOST}
    )
    assert (answer.status, (await answer.json())["decided_by"]) == (200, ALEX.upn)
    assert not (await counter.bureau.engine.view(run.run_id)).approvals[0].open
