"""`tandem capabilities`: who offers what, how many at once, and how they do where a bot tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bot.cli.offer import Offer
from bot.cli.tables import show_capabilities
from orchestration.capabilities import Health
from tests.unit.cli.test_offer import offered

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def local(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}.0"


def health(worker: str, state: str, **more: object) -> Health:
    return msgspec.convert({"capability": "c", "worker": worker, "state": state, **more}, Health)


def test_limits_are_listed_as_declared(capsys: pytest.CaptureFixture[str]) -> None:
    one = msgspec.structs.replace(offered("mail.send"), limit=8, resource_limit=4)
    show_capabilities(Offer([one, offered("people.find")], [], True))
    head, first, second = (line.split("  ") for line in capsys.readouterr().out.splitlines())
    assert [cell.strip() for cell in head if cell.strip()][-3:] == ["Owner", "Version", "Limits"]
    assert "8 at once, 4 per resource" in [cell.strip() for cell in first]
    assert "–" in [cell.strip() for cell in second]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([health("people.find@w", "up")], "up"),
        ([health("people.find@w", "failing", failures=2, code="timeout")], "failing, 2 in a row: timeout"),
        (
            [health("people.find@w", "trying", failures=3, code="unavailable")],
            "being tried again, 3 failed: unavailable",
        ),
        (
            [health("people.find@w", "down", since=NOW, try_at=NOW + timedelta(seconds=30), code="unavailable")],
            f"down since {local(NOW)}, tried again at {local(NOW + timedelta(seconds=30))}: unavailable",
        ),
        ([], "not there"),
    ],
)
def test_a_bot_that_runs_tells_how_its_workers_do(
    capsys: pytest.CaptureFixture[str], told: list[Health], said: str
) -> None:
    show_capabilities(Offer([offered("people.find")], [], True), {each.worker: each for each in told})
    head, line = capsys.readouterr().out.splitlines()
    assert head.endswith("Health") or "Health" in head
    assert line.rstrip().endswith(said)
