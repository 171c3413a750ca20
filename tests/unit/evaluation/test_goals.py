"""Goals are data: what is wrong with them is named, and those that come along cover what Tandem can do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.evaluation.__main__ import chosen
from bot.evaluation.effect import CAPABILITIES
from bot.evaluation.goal import GOALS, read_goals
from bot.evaluation.models import settings_of
from bot.inventory import inventory
from orchestration.capabilities import Capability
from orchestration.errors import Invalid, InvalidContent

PEOPLE = ("megan", "alex", "lee", "adele", "diego")
GOOD = """
goals:
  - id: a-mail
    about: One mail.
    person: megan
    says: Mail Alex
    expect:
      tenant: [{kind: mail, to: [alex]}]
"""


def folder(path: Path, text: str) -> Path:
    (path / "goals.yaml").write_text(text, "utf-8")
    return path


def problems(path: Path, text: str) -> str:
    with pytest.raises(InvalidContent) as raised:
        read_goals(folder(path, text), PEOPLE)
    return raised.value.message


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (goal,) = read_goals(folder(tmp_path, GOOD), PEOPLE)
    assert (goal.id, goal.expect.tenant[0].to, goal.expect.outcome) == ("a-mail", ["alex"], "run")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a-mail", "A mail", "goals[0].id: must be lower case words"),
        ("person: megan", "person: nobody", "goals[0].person: there is nobody called 'nobody'; there are megan, alex"),
        ("says: Mail Alex", 'says: " "', "goals[0].says: it is empty"),
        ("to: [alex]", "to: [eve]", "goals[0].expect.tenant[0].to: there is nobody called 'eve'"),
        ("kind: mail", "kind: letter", "goals[0].expect.tenant[0].kind: there is no 'letter'; there are draft, mail"),
        ("tenant:", "outcome: question, tenant:", "goals.yaml, line"),
        ("tenant:", "outcome: question\n      tenant:", "with question nothing is run"),
        ("person: megan", "person: megan\n    seconds: 0", "goals[0].seconds: must be more than 0"),
        ("person: megan", "person: megan\n    wanted: x", "unknown field `wanted`"),
        ("goals:", "gaols:", "goals.yaml: Object"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in problems(tmp_path, GOOD.replace(old, new))


def test_an_id_is_there_once_and_a_folder_is_not_empty(tmp_path: Path) -> None:
    twice = GOOD + GOOD.partition("goals:")[2]
    assert "goals[1].id: 'a-mail' is there already, in goals.yaml: goals[0]" in problems(tmp_path, twice)
    with pytest.raises(InvalidContent, match="there is no folder with"):
        read_goals(tmp_path / "none", PEOPLE)


def test_the_goals_that_come_along_use_every_write_and_most_reads() -> None:
    goals = read_goals(GOALS, PEOPLE)
    known = {msgspec.convert(each["capability"], Capability).name for each in inventory()["workers"]}
    used = {name for goal in goals for name in [*goal.expect.uses, *(goal.expect.may_use or [])]}

    assert len(goals) >= 24
    assert used <= known, used - known
    kinds = {trace.kind for goal in goals for trace in goal.expect.tenant}
    assert kinds == set(CAPABILITIES.values())
    assert len({goal.person for goal in goals}) >= 3
    assert {goal.expect.outcome for goal in goals} == {"run", "question", "refused", "unclear"}
    assert any(goal.during for goal in goals)
    assert any(goal.before_start for goal in goals)


def test_only_some_goals_can_be_chosen(tmp_path: Path) -> None:
    goals = read_goals(folder(tmp_path, GOOD), PEOPLE)
    assert chosen(goals, ["a-mail"]) == chosen(goals, []) == goals
    with pytest.raises(Invalid, match="There is no goal b-mail; there are a-mail"):
        chosen(goals, ["b-mail"])


def test_a_model_is_named_by_its_group_of_variables() -> None:
    environ = {"TANDEM_MODEL2_URL": "http://localhost:1", "TANDEM_MODEL2_NAME": "small", "TANDEM_MODEL_URL": "x"}
    assert settings_of("recorded", environ) == {}
    assert settings_of("env2", environ) == {"TANDEM_MODEL_URL": "http://localhost:1", "TANDEM_MODEL_NAME": "small"}
    with pytest.raises(Invalid, match="TANDEM_MODEL_NAME is not set"):
        settings_of("env", environ)
    with pytest.raises(Invalid, match="TANDEM_MODEL3_URL and TANDEM_MODEL3_NAME are not set"):
        settings_of("env3", environ)
    with pytest.raises(Invalid, match="There is no model 'gpt'"):
        settings_of("gpt", environ)
