"""What the bot's HTTP face answers to whatever arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from botbuilder.schema import Activity

from bot.compat import Unauthenticated
from bot.web import LARGEST_BYTES, create_app
from orchestration.errors import Unavailable
from tests.support.chat import MEGAN, raw

AUTH = {"Authorization": "Bearer good"}


class FakeAdapter:
    """Authenticates `Bearer good`."""

    def __init__(self) -> None:
        self.answers: Any = (201, None)
        self.turns: list[Any] = []

    async def authenticate(self, activity: Any, header: str) -> str:
        if header == "Bearer down":
            raise Unavailable("The channel's signing keys cannot be read now.")
        if header != "Bearer good":
            raise Unauthenticated("no")
        return "proof"

    async def answer(self, proof: str, activity: Any, logic: Any) -> Any:
        self.turns.append(activity)
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


class Bench:
    def __init__(self) -> None:
        self.adapter = FakeAdapter()
        self.healthy = True
        self.client: TestClient[Any, Any]

    async def post(self, **more: Any) -> tuple[int, Any]:
        more.setdefault("headers", AUTH)
        answer = await self.client.post("/api/messages", **more)
        text = await answer.text()
        return answer.status, await answer.json() if text else None


class NoBot:
    async def on_turn(self, _: Any) -> None:
        """Nothing."""


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    app = create_app(made.adapter, NoBot(), healthy=lambda: made.healthy)  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client:
        made.client = client
        yield made


async def test_an_activity_is_handled_and_its_answer_passed_on(bench: Bench) -> None:
    assert await bench.post(json=raw(MEGAN, text="hi")) == (201, None)
    bench.adapter.answers = (200, {"statusCode": 200})
    assert await bench.post(json=raw(MEGAN, "invoke")) == (200, {"statusCode": 200})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"type": "message"}',
        b'{"type": "message", "serviceUrl": "s", "channelId": "c", "conversation": {}}',
        b'{"type": "", "serviceUrl": "s", "channelId": "c", "conversation": {"id": "x"}}',
        b'{"type": 5, "serviceUrl": "s", "channelId": "c", "conversation": {"id": "x"}}',
        b'{"type": "message", "serviceUrl": "s", "channelId": "c", "conversation": {"id": "x"}, "from": "me"}',
        b'{"type": "message", "serviceUrl": "s", "channelId": "c", "conversation": {"id": "x"}, "timestamp": "soon"}',
        b'{"type": "message", "serviceUrl": "s", "channelId": "c", "conversation": {"id": "x"}, "entities": 7}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_what_is_no_activity_is_a_bad_request_that_says_why(bench: Bench, body: bytes) -> None:
    status, answer = await bench.post(data=body, headers={**AUTH, "Content-Type": "application/json"})
    assert status == 400
    assert answer["error"]["code"] == "invalid"
    assert answer["error"]["message"]
    assert bench.adapter.turns == []


async def test_an_oversized_activity_is_refused(bench: Bench) -> None:
    status, answer = await bench.post(json=raw(MEGAN, text="x" * LARGEST_BYTES))
    assert status == 413
    assert "256 KB" in answer["error"]["message"]


async def test_other_content_is_refused(bench: Bench) -> None:
    assert (await bench.post(data="type=message", headers={**AUTH, "Content-Type": "text/plain"}))[0] == 415


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer bad"}, {"Authorization": ""}])
async def test_without_proof_nothing_is_looked_at(bench: Bench, headers: dict[str, str]) -> None:
    status, answer = await bench.post(json=raw(MEGAN, text="hi"), headers=headers)
    assert (status, answer["error"]["code"]) == (401, "unauthenticated")
    assert bench.adapter.turns == []


async def test_an_outage_of_the_channels_keys_asks_to_come_again(bench: Bench) -> None:
    assert (await bench.post(json=raw(MEGAN), headers={"Authorization": "Bearer down"}))[0] == 503


async def test_a_failing_turn_shows_nothing_of_its_inside(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.adapter.answers = RuntimeError("the inside")
    status, answer = await bench.post(json=raw(MEGAN))
    assert status == 500
    assert "inside" not in str(answer)
    assert "the inside" in caplog.text
    bench.adapter.answers = Unavailable("later")
    assert (await bench.post(json=raw(MEGAN)))[0] == 503


async def test_health_tells_whether_work_can_be_done(bench: Bench) -> None:
    answer = await bench.client.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"status": "ok"})
    bench.healthy = False
    assert (await bench.client.get("/healthz")).status == 503
    assert (await bench.post(json=raw(MEGAN)))[0] == 503
    assert bench.adapter.turns == []


async def test_other_methods_and_paths_do_not_exist(bench: Bench) -> None:
    assert (await bench.client.get("/api/messages")).status == 405
    assert (await bench.client.get("/")).status == 404


async def test_without_proof_only_the_envelope_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    deserialize = Activity.deserialize

    def counted(data: Any, *more: Any) -> Any:
        read.append(data)
        return deserialize(data, *more)

    monkeypatch.setattr(Activity, "deserialize", counted)
    heavy = raw(MEGAN, membersAdded=[{}] * 20_000)
    assert (await bench.post(json=heavy, headers={"Authorization": "Bearer bad"}))[0] == 401
    assert read == []
    assert (await bench.post(json=heavy))[0] == 201
    assert len(read) == 1
