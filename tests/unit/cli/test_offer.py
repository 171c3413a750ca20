"""What a deployment offers, and a capability in a person's words."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from bot.cli.offer import Offer, Offered, ask
from bot.cli.shape import fields
from bot.cli.state import State
from bot.cli.trouble import Trouble
from orchestration.capabilities import Capability
from orchestration.errors import NoWorker


class Column(msgspec.Struct):
    field: str
    header: str


class Wanted(msgspec.Struct):
    path: str
    content: bytes
    columns: list[Column]
    effect: Literal["read", "write"]
    names: dict[str, str]
    most: int = 20
    day: str | None = None
    tags: list[str] = []


def offered(name: str) -> Offered:
    schema = msgspec.json.schema(Wanted)
    capability = Capability(
        name=name, title="Do", effect="read", dedupe="none", system="", input_schema=schema, output_schema=schema
    )
    return Offered(capability, f"{name}@w", "1", "tandem", 1.0, False)


def test_a_schema_is_told_in_words() -> None:
    assert list(fields(msgspec.json.schema(Wanted))) == [
        ("path", "text", "required"),
        ("content", "base64", "required"),
        ("columns", "list of {field, header}", "required"),
        ("effect", "read | write", "required"),
        ("names", "mapping to text", "required"),
        ("most", "whole number", "default 20"),
        ("day", "text or null", "optional"),
        ("tags", "list of text", "optional"),
    ]


def test_a_capability_is_found_and_one_that_is_near_is_proposed() -> None:
    offer = Offer([offered("people.find"), offered("files.read")], [], True)

    assert offer.find("people.find").name == "people.find"
    with pytest.raises(Trouble, match=r"Nobody offers 'people\.fnd' here; did you mean people\.find\?"):
        offer.find("people.fnd")
    with pytest.raises(Trouble, match="'tandem capabilities' lists what there is"):
        offer.find("xyz")


async def test_the_registry_of_an_offer_knows_and_calls_nothing() -> None:
    registry = Offer([offered("people.find")], [], True).registry()

    assert registry.capability("people.find")
    with pytest.raises(NoWorker):
        registry.pick("nope")
    with pytest.raises(NotImplementedError):
        await registry.pick("people.find").call(None, None)  # type: ignore[arg-type]


def test_workers_that_cannot_be_listed_are_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_TENANT_ID", "x")
    monkeypatch.setattr("bot.cli.offer._MODULE", "no.such.module")

    with pytest.raises(Trouble, match="The workers cannot be listed") as caught:
        ask(State(tmp_path))

    assert "no.such.module" not in caught.value.message
    assert any("no" in line for line in caught.value.log)
