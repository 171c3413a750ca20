"""Workers of other packages: found, and never in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Registry, TaskContext, Worker, plugins, worker


class Text(msgspec.Struct):
    text: str


def made(capability: str = "text.count", name: str = "", effect: Any = "read") -> Worker:
    async def count(text: Text, task: TaskContext) -> Text:
        return text

    more: dict[str, Any] = {"system": "Paper", "preview": lambda _: None} if effect == "write" else {}
    return worker(capability, title="Count", name=name, effect=effect, **more)(count)


@dataclass
class Point:
    """An entry point whose package does what the test wants."""

    name: str
    gives: Any
    value: str = "package:thing"

    def load(self) -> Any:
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives


def test_a_worker_and_a_function_that_returns_some_are_found() -> None:
    one, two, three = made("a.one"), made("a.two"), made("a.three")

    found = plugins.discover([Point("one", one), Point("rest", lambda: [two, three])])

    assert found.workers == {"one": [one], "rest": [two, three]}
    assert found.problems == {}


def broken() -> list[Worker]:
    raise RuntimeError("no licence")


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (ModuleNotFoundError("No module named 'rates'"), "ModuleNotFoundError: No module named 'rates'"),
        (broken, "RuntimeError: no licence"),
        (42, "names a int, not a Worker"),
        (made, "returned a Worker, not a list of Workers"),
        (lambda: [made(), "x"], "returned a str, not a list of Workers"),
        (lambda needed: [], "missing 1 required positional argument"),
    ],
)
def test_a_broken_package_is_named_and_the_others_go_on(gives: Any, says: str) -> None:
    found = plugins.discover([Point("bad", gives), Point("good", made())])

    assert list(found.workers) == ["good"]
    assert says in found.problems["bad"]
    assert found.problems["bad"].startswith("bad = 'package:thing': ")


def test_what_is_registered_can_be_picked() -> None:
    registry = Registry()

    assert plugins.register(registry, [Point("one", made("text.count", "mine"))]) == []
    assert registry.pick("text.count").name == "mine"


def test_a_worker_that_does_not_fit_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry([made("text.count", "ours")])
    points = [
        Point("same", made("text.count", "ours")),
        Point("other", lambda: [made("text.count", "w", "write"), made("a.b", "fine")]),
    ]

    problems = plugins.register(registry, points)

    assert ["registered twice" in problems[0], "declares it a read" in problems[1], len(problems)] == [True, True, 2]
    assert registry.pick("text.count").name == "ours"
    assert registry.pick("a.b").name == "fine"
    assert caplog.text.count("a worker from another package was left out") == 2


def test_two_packages_with_one_name_are_told_apart() -> None:
    found = plugins.discover([Point("x", made("a.one"), "first:w"), Point("x", made("a.two"), "second:w")])

    assert [each.capability.name for each in found.workers["x"]] == ["a.one"]
    assert "another package has this name too" in found.problems["x (second:w)"]


def test_installed_packages_are_looked_at() -> None:
    assert plugins.discover().problems == {}
