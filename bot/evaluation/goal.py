"""A goal with what is expected of it: read from YAML files, and judged whole before anything is played."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bot.evaluation.effect import KINDS
from orchestration.errors import InvalidContent
from orchestration.validation.shapes import InvalidYaml, read_yaml

GOALS = Path(__file__).parent / "goals"
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SHOWN_PROBLEMS = 20


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One change that the tenant is expected to hold afterwards.

    Attributes:
        kind: `draft`, `mail`, `event`, `post`, `share` or `file`.
        person: Whose it is, by key; empty: the person of the goal.
        to: Everybody whom it reaches, in any order: keys of people, or addresses.
        title: Subject, or name of the file; `*` stands for anything.
        place: Where it is: `Team/Channel`, or the folder of a file; empty: anywhere.
        words: Texts that it holds, in whatever case.
    """

    kind: str
    person: str = ""
    to: list[str] = []
    title: str = "*"
    place: str = ""
    words: list[str] = []


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a question of the plan is answered.

    Attributes:
        choice: Id of the choice, or its title; where items are decided, that for every kind of them.
        comment: What is said with it.
        by: Who must be the one that is asked, by key; empty: whoever is.
    """

    choice: str = ""
    comment: str = ""
    by: str = ""


class Steering(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sentence that the person says while the run waits for an answer.

    Attributes:
        at: The task whose question is open then.
    """

    at: str
    says: str


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is expected of a goal. What is left out is not looked at, but for `tenant`, which tells everything.

    Attributes:
        outcome: `run`: a plan that is run; the others as planning itself names them.
        playbook: Name of the playbook that is run; empty: a plan that a model drew up.
        uses: Capabilities that the plan has at least.
        may_use: Further ones that it may have; where this is given, it has no others.
        never: Capabilities that it does not have; `mail.*` stands for all that begin so.
        writes: How many of its tasks write.
        recipients: All whom a question about a write may name, as in `Trace.to`.
        params: Parameters of the run.
        status: How the run ends.
        changes: How often its plan was changed.
        says: Texts in what the person is told at the end, or is asked or refused with.
        who_could: Who may do it instead, by key or as told.
        tenant: All that is in the tenant afterwards and was not before.
    """

    outcome: Literal["run", "question", "refused", "unclear"] = "run"
    playbook: str | None = None
    uses: list[str] = []
    may_use: list[str] | None = None
    never: list[str] = []
    writes: int | None = None
    recipients: list[str] | None = None
    params: dict[str, str] = {}
    status: str = "succeeded"
    says: list[str] = []
    who_could: list[str] = []
    changes: int = 0
    tenant: list[Trace] = []


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that a person says, and what shall come of it.

    Attributes:
        id: Unique; lower case, with hyphens.
        about: Why it is here, in a line.
        person: Key of the person of the tenant who says it.
        says: Their words.
        answers: To questions that come before there is a plan, in order.
        before_start: What they say when they see the plan.
        during: What they say while it runs.
        decides: Task of the plan => how its question is answered. Others are approved, or get the first choice.
        policy: Text of the deployment's policy file; empty: the one that comes along.
        seconds: For so long it may take.
    """

    id: str
    about: str
    person: str
    says: str
    expect: Expected
    answers: list[str] = []
    before_start: list[str] = []
    during: list[Steering] = []
    decides: dict[str, Decision] = {}
    policy: str = ""
    seconds: float = 60.0

    def problems(self, people: Collection[str]) -> Iterator[str]:
        """What is wrong with it, beyond its shape."""
        if not _ID.fullmatch(self.id):
            yield "id: must be lower case words with hyphens between them"
        if not self.says.strip():
            yield "says: it is empty"
        if not 0 < self.seconds <= 600:
            yield "seconds: must be more than 0, and 600 at most"
        named = [("person", self.person)]
        for place, trace in enumerate(self.expect.tenant):
            if trace.kind not in KINDS:
                yield f"expect.tenant[{place}].kind: there is no {trace.kind!r}; there are {', '.join(KINDS)}"
            named += [(f"expect.tenant[{place}].person", trace.person or self.person)]
            named += [(f"expect.tenant[{place}].to", each) for each in trace.to]
        named += [("expect.recipients", each) for each in self.expect.recipients or []]
        named += [(f"decides.{task}.by", each.by) for task, each in self.decides.items() if each.by]
        for path, key in named:
            if "@" not in key and key not in people:
                yield f"{path}: there is nobody called {key!r}; there are {', '.join(people)}"
        if self.expect.outcome != "run" and (self.expect.tenant or self.before_start or self.during):
            yield f"expect.outcome: with {self.expect.outcome} nothing is run, so nothing can be said or changed then"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    goals: list[Goal]


def read_goals(folder: Path, people: Collection[str]) -> list[Goal]:
    """All goals of a folder's `*.yaml`, in the order of files and lines.

    Raises:
        InvalidContent: A file is wrong, or there is none; every problem is named with its file and path.
    """
    problems: list[str] = []
    found: list[Goal] = []
    places: dict[str, str] = {}
    files = sorted(folder.glob("*.yaml"))
    if not files:
        problems.append(f"{folder}: there is no folder with *.yaml files")
    for file in files:
        for place, goal in enumerate(_read(file, problems)):
            where = f"{file.name}: goals[{place}]"
            problems += [f"{where}.{problem}" for problem in goal.problems(people)]
            if goal.id in places:
                problems.append(f"{where}.id: {goal.id!r} is there already, in {places[goal.id]}")
            places[goal.id] = where
            found.append(goal)
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        raise InvalidContent("These goals cannot be evaluated:\n" + "\n".join(f"  {each}" for each in shown))
    return found


def _read(file: Path, problems: list[str]) -> list[Goal]:
    try:
        return msgspec.convert(read_yaml(file.read_text("utf-8")), _File).goals
    except InvalidYaml as error:
        problems.append(f"{file.name}{error}")
    except msgspec.ValidationError as error:
        problems.append(f"{file.name}: {error}")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file.name}: {error}")
    return []
