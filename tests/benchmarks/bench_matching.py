"""How well goals find their playbook: `python -m tests.benchmarks.bench_matching`.

The test set is `tests/unit/planning/phrasings.yaml`: sentences that are not among the playbooks' own.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import NamedTuple

import yaml

import orchestration.playbooks
from orchestration.planning.loader import load
from orchestration.planning.matching import Matcher, words
from orchestration.planning.months import find_months

PLAYBOOKS = Path(next(iter(orchestration.playbooks.__path__)))
PHRASINGS = Path(__file__).parents[1] / "unit" / "planning" / "phrasings.yaml"
NONE = "none"
TODAY = date(2026, 11, 22)


class Phrasing(NamedTuple):
    """A sentence, the playbook it asks for, and what it was taken for with which score (both may be `none`)."""

    text: str
    wanted: str
    found: str
    score: float

    @property
    def right(self) -> bool:
        return self.wanted == self.found


class Report(NamedTuple):
    """Every sentence of a test set, judged."""

    phrasings: list[Phrasing]

    @property
    def accuracy(self) -> float:
        return sum(each.right for each in self.phrasings) / len(self.phrasings)

    def lines(self) -> list[str]:
        """The figures, and whatever went astray."""
        said = [f"{self.accuracy:.1%} of {len(self.phrasings)} phrasings are understood"]
        for wanted in dict.fromkeys(each.wanted for each in self.phrasings):
            group = [each for each in self.phrasings if each.wanted == wanted]
            said.append(f"  {wanted}: {sum(each.right for each in group)} of {len(group)}")
        wrong = [each for each in self.phrasings if not each.right]
        said += [
            f"  astray: {each.text!r} is {each.wanted}, taken for {each.found} ({each.score:.2f})" for each in wrong
        ]
        return said


def phrasings(file: Path = PHRASINGS) -> dict[str, list[str]]:
    """Playbook => sentences; `none` for those that no playbook answers."""
    content: dict[str, list[str]] = yaml.safe_load(file.read_text("utf-8"))
    return content


def measure(folder: Path = PLAYBOOKS, file: Path = PHRASINGS) -> Report:
    """Match every sentence as the planner does."""
    matcher = Matcher(load(folder).values())
    judged = []
    for wanted, sentences in phrasings(file).items():
        for sentence in sentences:
            match = matcher.best(find_months(sentence, TODAY).rest)
            judged.append(
                Phrasing(sentence, wanted, match.playbook.name if match else NONE, match.score if match else 0)
            )
    return Report(judged)


def learnt(folder: Path = PLAYBOOKS) -> set[str]:
    """The playbooks' own sentences, as the matcher sees them."""
    return {" ".join(words(utterance)) for playbook in load(folder).values() for utterance in playbook.utterances}


def main() -> None:
    """Print the report; the exit code is 1 if fewer than nine of ten are understood."""
    parser = argparse.ArgumentParser(description="How well goals find their playbook.")
    parser.add_argument("--playbooks", type=Path, default=PLAYBOOKS)
    parser.add_argument("--phrasings", type=Path, default=PHRASINGS)
    given = parser.parse_args()
    report = measure(given.playbooks, given.phrasings)
    print("\n".join(report.lines()))
    raise SystemExit(0 if report.accuracy >= 0.9 else 1)


if __name__ == "__main__":
    main()
