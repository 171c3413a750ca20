"""`tandem pause`, `resume`, `cancel`, `retry`, `skip`: what is asked of the running bot, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.cli.running import Running
from bot.cli.trouble import Trouble
from bot.control_messages import Action, OfTask, Standing, Step
from orchestration.core.run import ENDED, SETTLED


def steer(running: Running, run_id: str, action: Action) -> str:
    """Pauses, resumes or cancels a run; returns what to tell.

    Raises:
        Trouble: No bot runs, or the run is not in a state for it.
    """
    run = running.ask("POST", f"/runs/{run_id}/{action}", Standing)
    match action:
        case "pause":
            busy = _titles(step for step in run.steps if step.status in ("running", "in_doubt", "open"))
            ends = f" What is under way ends: {', '.join(busy)}." if busy else ""
            return f"Paused: {run.title}. Nothing new is begun.{ends}\nLet it go on: tandem resume {run_id}"
        case "resume":
            return f"{run.title} goes on."
        case _:
            return "\n".join(_cancelled(run))


def take_up(running: Running, run_id: str, action: str, task: str) -> str:
    """Tries a task again (`retry`), or goes on without it (`skip`); returns what to tell.

    Args:
        running: The bot.
        run_id: The run.
        action: `retry` or `skip`.
        task: Its name in the plan; empty for the only one that failed.

    Raises:
        Trouble: No bot runs, the task did not fail, or which one is meant is not clear.
    """
    run = running.ask("GET", f"/runs/{run_id}", Standing)
    step = _stuck(run, task)
    run = running.ask("POST", f"/runs/{run_id}/{action}", Standing, OfTask(step.name))
    what = "is tried again" if action == "retry" else "is left out"
    goes_on = f"{run.title} goes on" if run.status not in ENDED else f"{run.title}: {run.status}"
    return f"{step.title} ({step.name}) {what}. {goes_on}: tandem history {run_id}"


def _stuck(run: Standing, task: str) -> Step:
    """The step that is meant."""
    waiting = [step for step in run.steps if step.status == "backing_off"]
    stuck = {step.name: step for step in [*run.failed, *waiting]}
    listed = "\n".join(f"  {step.name}  {step.title}: {step.message}" for step in stuck.values())
    if task:
        known = {step.name: step for step in run.steps} | stuck
        if task not in known and "." not in task:
            names = f"it has {', '.join(known)}"
            raise Trouble(f"Run {run.run_id} has no step {task!r}: " + (f"these failed:\n{listed}" if stuck else names))
        return known.get(task) or Step(
            name=task, title=task, status="failed", effect="", summary="", code="", message=""
        )
    if not stuck:
        raise Trouble(f"Nothing has failed in run {run.run_id}: it is {run.status}.")
    if len(stuck) > 1:
        raise Trouble(f"Several steps failed in run {run.run_id}; name one of them:\n{listed}")
    return next(iter(stuck.values()))


def _cancelled(run: Standing) -> Iterable[str]:
    """What was and what was not done."""
    if run.status in ENDED:
        yield f"Cancelled: {run.title}."
    else:
        yield f"Being cancelled: {run.title}. It ends once it is clear what was written."
    writes = [step for step in run.steps if step.effect == "write"]
    written = [step for step in writes if step.status == "succeeded"]
    doubtful = [step for step in writes if step.status in ("running", "in_doubt", "asking") and step.code == "in_doubt"]
    under_way = [step for step in writes if step.status in ("running", "in_doubt") and step not in doubtful]
    undone = [step for step in run.steps if step.status not in SETTLED or step.status == "cancelled"]
    yield from _listed("Written, and it stays", written)
    yield from _listed("Being written at this moment", under_way)
    yield from _listed("Perhaps written, please look", doubtful)
    if not written + under_way + doubtful:
        yield "Nothing was written."
    yield from _listed("Not done", [step for step in undone if step not in under_way + doubtful])


def _listed(heading: str, steps: list[Step]) -> Iterable[str]:
    if steps:
        yield f"{heading}:"
        yield from (f"  {step.title}{f': {step.summary}' if step.summary else ''}" for step in steps)


def _titles(steps: Iterable[Step]) -> list[str]:
    return [step.title for step in steps]
