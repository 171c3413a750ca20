"""The README is true: its links lead somewhere, and its settings are the settings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from bot.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_link_to_a_file_leads_to_one() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]

    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_setting_is_explained_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(TANDEM_\w+)` \| (.*?) \|", README, re.MULTILINE)

    assert [name for name, _ in rows] == [field.metadata["env"] for field in dataclasses.fields(Settings)]


def test_what_is_required_is_marked_so() -> None:
    marked = set(re.findall(r"^\| `(TANDEM_\w+)` \| required", README, re.MULTILINE))

    assert marked == {
        field.metadata["env"] for field in dataclasses.fields(Settings) if field.metadata["default"] is None
    }
