"""`python -m bot.evaluation`: what `tandem eval` becomes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.evaluation.evaluate import TENTH, Evaluation, Judged, played
from bot.evaluation.goal import GOALS, Goal, read_goals
from bot.evaluation.models import RECORDED, label_of, settings_of
from bot.evaluation.report import report
from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import load
from connectors.sandbox.model.recordings import ANSWERS
from orchestration.errors import Invalid, TandemError


def main(arguments: list[str] | None = None) -> int:
    """Runs the evaluation; returns the process's exit code: 1 if it is not good enough, 2 if it could not be made."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    try:
        return asyncio.run(_evaluate(given))
    except KeyboardInterrupt:
        return 130
    except TandemError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2


def enough(found: Evaluation, at_least: int | None) -> bool:
    """Whether no write was unapproved, and as many goals as wanted ended as expected: all but a tenth if not said."""
    wanted = math.ceil(len(found.judged) * (1 - TENTH)) if at_least is None else at_least
    return not found.unapproved and found.good >= wanted


async def _evaluate(given: argparse.Namespace) -> int:
    goals = chosen(read_goals(given.goals, load(CONTOSO).people), given.only)
    goals = [msgspec.structs.replace(each, seconds=max(each.seconds, given.seconds)) for each in goals]
    if given.at_least is not None and given.at_least > len(goals):
        raise Invalid(f"--at-least {given.at_least}: there are only {len(goals)} goals.")
    models = list(dict.fromkeys([given.model, *given.against]))
    settings = {model: settings_of(model, os.environ) for model in models}
    if given.report and not given.report.parent.is_dir():  # before hours of work would be lost
        raise Invalid(f"--report {given.report}: there is no folder {given.report.parent}.")
    found: list[Evaluation] = []
    for model in models:
        begun, judged = time.monotonic(), list[Judged]()
        label = label_of(model, settings[model])
        print(f"{label}: {len(goals)} goals")
        async for each in played(goals, label, settings[model], [ANSWERS, *given.recordings]):
            judged.append(each)
            print(f"  {'✓' if each.good else '✗'} {each.played.goal.id} ({each.played.seconds:.1f} s)", flush=True)
            for miss in each.misses:
                print(f"      {miss}")
        found.append(Evaluation(model=label, judged=judged, seconds=time.monotonic() - begun))
    for of in found:
        print(f"{of.model}: {of.good} of {len(goals)} as expected, {of.unapproved} writes without approval")
    if given.report:
        given.report.write_text(report(found, datetime.now(UTC)), "utf-8")
        print(f"Report: {given.report}")
    return 0 if all(enough(each, given.at_least) for each in found) else 1


def chosen(goals: list[Goal], only: list[str]) -> list[Goal]:
    """Those goals whose ids are named, or all.

    Raises:
        Invalid: There is no such goal.
    """
    known = {each.id for each in goals}
    if unknown := [each for each in only if each not in known]:
        raise Invalid(f"There is no goal {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    return [each for each in goals if not only or each.id in only]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tandem eval", description="See how well goals become plans.")
    parser.add_argument("--goals", type=Path, default=GOALS, help="folder with goals (default: those that come along)")
    parser.add_argument("--model", default=RECORDED, help="recorded, env, env2 ...")
    parser.add_argument("--against", action="append", default=[], help="another model, side by side")
    parser.add_argument("--only", action="append", default=[], help="id of a goal; may be repeated")
    parser.add_argument("--recordings", type=Path, action="append", default=[], help="folder with more recordings")
    parser.add_argument("--report", type=Path, help="an HTML file for all that was found")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long a goal may take at least, for slow models")
    parser.add_argument("--at-least", type=int, help="how many must end as expected (default: all but a tenth)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
