"""The pages are true: their links lead somewhere, their code is what is generated, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli.app import app
from bot.cli.scaffold import write
from orchestration.planning import loader

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs" / name for name in ("operate.md", "write-a-playbook.md", "write-a-worker.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")) if "://" not in link]

    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists(page: Path) -> None:
    found = re.findall(r"\btandem ([a-z]+)(?: ([a-z]+))?", page.read_text("utf-8"))
    commands = get_command(app).commands  # type: ignore[attr-defined]

    assert found
    for name, sub in found:
        assert name in commands
        assert not hasattr(commands[name], "commands") or sub in commands[name].commands


def test_the_worker_on_the_page_is_the_one_that_is_generated(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs/write-a-worker.md").read_text("utf-8"), re.DOTALL)

    generated = (write("text.count", tmp_path).folder / "text_count.py").read_text("utf-8")

    assert len(code) == 1
    assert code[0] in generated


def test_the_playbook_on_the_page_can_be_read() -> None:
    text = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/write-a-worker.md").read_text("utf-8"), re.DOTALL)

    assert [loader.parse(each, "text.yaml")[1] for each in text] == [[]]
