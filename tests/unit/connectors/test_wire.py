"""What leaves this process for a language model."""

from __future__ import annotations

import os
import socket

import httpx
import pytest

from connectors import wire
from connectors.identity.model import ModelKey
from connectors.wire import ModelRequestsForbidden, open_wire
from orchestration.planning.model import ModelMessage

ELSEWHERE = "https://api.openai.com/v1"


NOBODY = ModelKey("")


@pytest.fixture
def unconnected(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every name that is looked up and every address that is connected to."""
    tried: list[object] = []

    def note(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", note)
    monkeypatch.setattr(socket.socket, "connect", note)
    return tried


async def test_no_test_can_reach_a_model_on_another_machine(unconnected: list[object]) -> None:
    from connectors.kernel.chat import ChatModel, ModelSettings

    model = ChatModel(ModelSettings(url=ELSEWHERE, name="gpt"), NOBODY)
    with pytest.raises(ModelRequestsForbidden, match=r"api\.openai\.com"):
        await model.complete([ModelMessage("user", "hello")], schema={}, schema_name="any", timeout_seconds=1)
    await model.close()
    assert unconnected == []


async def test_the_wire_itself_forbids_it_too(unconnected: list[object]) -> None:
    async with open_wire(ELSEWHERE, NOBODY, timeout_seconds=1) as client:
        with pytest.raises(ModelRequestsForbidden):
            await client.post(f"{ELSEWHERE}/chat/completions")
    assert unconnected == []


async def test_it_is_the_flag_that_forbids(unconnected: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ALLOW_MODEL_REQUESTS", True)
    async with open_wire(ELSEWHERE, NOBODY, timeout_seconds=1) as client:
        with pytest.raises(httpx.ConnectError):
            await client.post(f"{ELSEWHERE}/chat/completions")
    assert unconnected


def test_no_model_of_this_machine_is_known_to_tests() -> None:
    assert not [name for name in os.environ if name.startswith(("TANDEM_MODEL", "OPENAI_", "AZURE_"))]
