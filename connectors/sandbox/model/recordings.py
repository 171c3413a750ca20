"""All recordings of some folders: read and judged at the start, then found by what is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from connectors.sandbox.model.asked import Asked
from connectors.sandbox.model.recording import Recording, RunIs, Step
from orchestration.errors import InvalidContent
from orchestration.validation.shapes import InvalidYaml, read_yaml

ANSWERS = Path(__file__).parent / "answers"
EXAMPLES = 4
_SHOWN_PROBLEMS = 20
_CLOSING = " .!?…"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recordings: list[Recording]


class Found(msgspec.Struct, frozen=True):
    """How to answer, and what the names in it stand for."""

    step: Step
    places: dict[str, str]


class Recordings:
    """What the model knows to say.

    Args:
        folders: With `*.yaml` files; what a later one holds for the same question counts.

    Raises:
        InvalidContent: A folder or a file is wrong; all problems are named, with file and path.
    """

    def __init__(self, folders: Sequence[Path] = (ANSWERS,)) -> None:
        self._all: list[Recording] = []
        self._tries: Counter[bytes] = Counter()
        problems: list[str] = []
        for folder in folders:
            self._all += _read(folder, problems)
        if problems:
            more = len(problems) - _SHOWN_PROBLEMS
            shown = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
            raise InvalidContent("These recordings of a model cannot be played:\n" + "\n".join(f"  {p}" for p in shown))

    def examples(self) -> list[str]:
        """Goals that somebody may try."""
        return [each.example for each in self._all if each.example][:EXAMPLES]

    def find(self, asked: Asked) -> Found:
        """What was recorded for this; a question that names examples if nothing was."""
        matching = self._matching(asked)
        if matching is None and asked.said:  # somebody chose one of the examples
            asked = msgspec.structs.replace(asked, goal=asked.said[-1], said=[])
            matching = self._matching(asked)
        if matching is None:
            return Found(_unrecorded(self.examples()), asked.places())
        recording, run = matching
        steps = recording.attempts(asked.turn)
        key = msgspec.json.encode([self._all.index(recording), asked])
        self._tries[key] += 1
        places = {**asked.places(), "run": run, "star": _star(recording, asked)}
        return Found(steps[(self._tries[key] - 1) % len(steps)], places)

    def _matching(self, asked: Asked) -> tuple[Recording, str] | None:
        """The recording with the most conditions that fits, the latest of those, with its run's handle."""
        best: tuple[int, Recording, str] | None = None
        for recording in self._all:
            run = _run_of(recording, asked)
            if run is None or not _said(recording, asked):
                continue
            if best is None or _conditions(recording) >= best[0]:
                best = _conditions(recording), recording, run
        return best and best[1:]


def folded(text: str) -> str:
    """A text without what does not count: runs of spaces, a closing mark."""
    return " ".join(text.replace("’", "'").split()).strip(_CLOSING)


def fitting(pattern: str, text: str) -> re.Match[str] | None:
    """How a text is what a pattern says, in whatever case; a group for each `*`, which stands for anything."""
    parts = (re.escape(part) for part in folded(pattern).split("*"))
    return re.fullmatch("(.*)".join(parts), folded(text), re.IGNORECASE)


def fits(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says."""
    return fitting(pattern, text) is not None


def _said(recording: Recording, asked: Asked) -> bool:
    if len(recording.said) != len(asked.said) or not any(fits(goal, asked.goal) for goal in recording.goals):
        return False
    return all(fits(wanted, answer) for wanted, answer in zip(recording.said, asked.said, strict=True))


def _star(recording: Recording, asked: Asked) -> str:
    """What stands from the first `*` to the last: of the latest answer, or of the goal if nothing was asked."""
    patterns, text = ([recording.said[-1]], asked.said[-1]) if asked.said else (recording.goals, asked.goal)
    found = next(filter(None, (fitting(pattern, text) for pattern in patterns)))
    return found.string[found.start(1) : found.end(found.re.groups)] if found.groups() else ""


def _run_of(recording: Recording, asked: Asked) -> str | None:
    """The handle of the run that a recording is about, empty if it is about none; None if that run is not there."""
    if recording.run is None:
        return ""
    for run in asked.runs:
        handle = str(run.get("run") or "")
        if asked.about in ("", handle) and _is(recording.run, run):
            return handle
    return None


def _is(wanted: RunIs, run: dict[str, Any]) -> bool:
    plan = run.get("plan")
    playbook = str(plan.get("playbook") or "") if isinstance(plan, dict) else ""
    statuses = [wanted.status] if isinstance(wanted.status, str) else wanted.status
    tasks = {
        str(each.get("task")): str(each.get("status")) for each in run.get("tasks") or [] if isinstance(each, dict)
    }
    return (
        (not wanted.title or fits(wanted.title, str(run.get("title") or "")))
        and (not wanted.playbook or fits(wanted.playbook, playbook.partition("@")[0]))
        and (not wanted.status or str(run.get("status") or "") in statuses)
        and all(fits(status, tasks.get(task, "")) for task, status in wanted.tasks.items())
    )


def _conditions(recording: Recording) -> int:
    """How much a recording demands."""
    run = recording.run
    exact = sum("*" not in each for each in (*recording.goals[:1], *recording.said))
    return exact + (0 if run is None else 1 + bool(run.title) + bool(run.playbook) + bool(run.status) + len(run.tasks))


def _unrecorded(examples: list[str]) -> Step:
    text = "This is a recording, not a language model: it answers only goals that were recorded."
    if examples:
        text += " Try one of these, or set up a model (docs/models.md)."
    return Step(answer={"outcome": "question", "text": text, "choices": examples})


def _read(folder: Path, problems: list[str]) -> list[Recording]:
    if not folder.is_dir():
        problems.append(f"{folder}: there is no such folder")
        return []
    found: list[Recording] = []
    places: dict[bytes, str] = {}
    for file in sorted(folder.glob("*.yaml")):
        for place, recording in enumerate(_read_file(file, problems)):
            where = f"{file}: recordings[{place}]"
            problems += [f"{where}.{problem}" for problem in recording.problems()]
            for goal in recording.goals:
                said = [folded(each).casefold() for each in recording.said]
                same = msgspec.json.encode([folded(goal).casefold(), said, recording.run])
                if same in places:
                    problems.append(f"{where}: {goal!r} is recorded already, in {places[same]}")
                places[same] = where
            found.append(recording)
    return found


def _read_file(file: Path, problems: list[str]) -> list[Recording]:
    try:
        return msgspec.convert(read_yaml(file.read_text("utf-8")), _File).recordings
    except InvalidYaml as error:
        problems.append(f"{file}{error}")
    except msgspec.ValidationError as error:
        problems.append(f"{file}: {error}")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file}: {error}")
    return []
