"""What `tandem worker new` and `tandem playbook new` write works as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import playbooks
from bot.cli.offer import Offer
from bot.cli.scaffold import write as write_worker
from bot.cli.state import State
from bot.cli.trouble import Trouble


def test_a_new_workers_own_test_passes_and_its_code_is_clean(tmp_path: Path) -> None:
    made = write_worker("rates.exchange", tmp_path)

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", str(made.folder)],
        check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert "3 passed" in tested.stdout, tested.stdout + tested.stderr
    rules = ["--isolated", "--no-cache", "--select", "E,F,I,UP,B", "--line-length", "120"]
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules],
        check=False, capture_output=True, text=True, cwd=made.folder,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout


def test_a_new_worker_has_about_twenty_lines(tmp_path: Path) -> None:
    code = (write_worker("rates.exchange", tmp_path).folder / "rates_exchange.py").read_text("utf-8")

    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_tandem_finds_the_installed_package_by_its_entry_point(tmp_path: Path) -> None:
    folder = write_worker("rates.exchange", tmp_path).folder
    installed = tmp_path / "rates_exchange-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: rates-exchange\nVersion: 0.1.0\n")
    (installed / "entry_points.txt").write_text("[tandem.workers]\nrates_exchange = rates_exchange:rates_exchange\n")
    assert 'entry-points."tandem.workers"]\nrates_exchange = "rates_exchange:rates_exchange"' in (
        folder / "pyproject.toml"
    ).read_text("utf-8")
    code = "from orchestration.capabilities.plugins import discover as d; print(list(d().workers), d().problems)"

    told = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(tmp_path), str(folder)]}; {code}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert told.stdout == "['rates_exchange'] {}\n"


@pytest.mark.parametrize("name", ["Rates", "rates", "rates.", "rates exchange", "rates.import", "../x.y", "a.b-c", ""])
def test_a_name_that_is_no_capability_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Trouble, match="is no name for a capability"):
        write_worker(name, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_there_is_left_alone(tmp_path: Path) -> None:
    made = write_worker("rates.exchange", tmp_path)
    made.files[0].write_text("mine")

    with pytest.raises(Trouble, match="is there already; nothing was written"):
        write_worker("rates.exchange", tmp_path)

    assert made.files[0].read_text() == "mine"


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Offer:
    """What ships, asked of its own process once."""
    return playbooks.offer.ask(State(tmp_path_factory.mktemp("state")))


@pytest.fixture
def checked(offered: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playbooks.offer, "ask", lambda state: offered)


NOWHERE = State(Path("nowhere"))


def test_all_that_ships_is_offered_with_owner_and_version(offered: Offer) -> None:
    names = {each.capability.name: each for each in offered.workers}

    assert {"ledger.sap.entries", "ledger.dynamics.entries", "files.upload", "people.find"} <= set(names)
    assert (names["files.upload"].capability.effect, names["files.upload"].owner) == ("write", "tandem")
    assert offered.problems == []
    assert not offered.own_settings


@pytest.mark.usefixtures("checked")
def test_a_new_playbook_passes_the_check_as_it_is(tmp_path: Path) -> None:
    path = playbooks.write("weekly-report", tmp_path / "playbooks")

    assert playbooks.problems([path.parent], NOWHERE) == {path: []}


@pytest.mark.usefixtures("checked")
def test_shipped_playbooks_pass_the_check() -> None:
    found = playbooks.problems([], NOWHERE)

    assert found
    assert [problem for each in found.values() for problem in each] == []


@pytest.mark.usefixtures("checked")
def test_every_problem_is_named_with_file_and_path(tmp_path: Path) -> None:
    path = playbooks.write("weekly-report", tmp_path)
    text = path.read_text("utf-8").replace("people.find", "people.fnd").replace("params.what", "params.wat")
    path.write_text(text.replace("tasks.ask.choice", "tasks.ask.chioce"), "utf-8")

    said = "\n".join(playbooks.problems([path], NOWHERE)[path])

    assert "weekly-report.yaml: tasks.person.capability: nobody offers 'people.fnd' here" in said
    assert "weekly-report.yaml: tasks.ask.approval.title: params.wat: there is no parameter 'wat'" in said
    assert "weekly-report.yaml: answer.text: tasks.ask.chioce: there is no 'chioce'" in said


@pytest.mark.usefixtures("checked")
def test_what_is_no_playbook_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.yaml").write_text("name: [")

    assert playbooks.problems([tmp_path / "notes.txt"], NOWHERE)[tmp_path / "notes.txt"] == [
        "notes.txt: a playbook's file ends in .yaml"
    ]
    assert "broken.yaml, line 1" in playbooks.problems([tmp_path / "broken.yaml"], NOWHERE)[tmp_path / "broken.yaml"][0]
    with pytest.raises(Trouble, match="There is no file"):
        playbooks.problems([tmp_path / "nowhere.yaml"], NOWHERE)


@pytest.mark.parametrize("name", ["Weekly", "weekly report", "../weekly", "", "weekly.yaml"])
def test_a_name_that_is_no_playbook_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Trouble, match="is no name for a playbook"):
        playbooks.write(name, tmp_path)


def test_a_playbook_that_is_there_is_left_alone(tmp_path: Path) -> None:
    playbooks.write("weekly-report", tmp_path)

    with pytest.raises(Trouble, match="is there already"):
        playbooks.write("weekly-report", tmp_path)


def test_a_playbook_is_started_by_its_first_sentence() -> None:
    assert playbooks.sentence("reconcile-supplier-invoices") == "Reconcile the supplier invoices for last month"
    with pytest.raises(Trouble, match="There is no playbook 'nope'"):
        playbooks.sentence("nope")
