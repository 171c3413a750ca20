"""The commands that steer runs: each asks the running bot over its control socket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.control_messages import Action

app = typer.Typer()

_StateOption = Annotated[Path, typer.Option("--state", metavar="DIR", help="Folder with everything local.")]
_RunArgument = Annotated[str, typer.Argument(help="The run's id, or how it begins; 'last' is the newest.")]
_TaskArgument = Annotated[str, typer.Argument(help="The step's name in the plan; not needed if only one failed.")]
_DEFAULT_STATE = Path(".tandem")


@app.command()
def pause(run: _RunArgument, state: _StateOption = _DEFAULT_STATE) -> None:
    """Begin nothing new in a run until it is resumed; what is under way ends."""
    _steer(run, state, "pause")


@app.command()
def resume(run: _RunArgument, state: _StateOption = _DEFAULT_STATE) -> None:
    """Let a paused run go on."""
    _steer(run, state, "resume")


@app.command()
def cancel(run: _RunArgument, state: _StateOption = _DEFAULT_STATE) -> None:
    """End a run, once what is being written is settled; says what was and what was not done."""
    _steer(run, state, "cancel")


@app.command()
def retry(run: _RunArgument, task: _TaskArgument = "", state: _StateOption = _DEFAULT_STATE) -> None:
    """Try a failed step again; a run that failed of it goes on."""
    _take_up(run, state, "retry", task)


@app.command()
def skip(run: _RunArgument, task: _TaskArgument = "", state: _StateOption = _DEFAULT_STATE) -> None:
    """Go on without a failed step; a run that failed of it goes on."""
    _take_up(run, state, "skip", task)


@app.command()
def retract(
    entry: Annotated[str, typer.Argument(help="The result's id, or how it begins, as 'tandem history' shows it.")],
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="The run, if several have the result.")] = "",
    task: Annotated[str, typer.Option("--task", metavar="STEP", help="The step, if several have the result.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept in the history.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before taking it back.")] = False,
    state: _StateOption = _DEFAULT_STATE,
) -> None:
    """Take back a result: what was derived from it is done again, and people are asked about what was written."""
    from bot.cli.history import find as find_run
    from bot.cli.log import log_of
    from bot.cli.retraction import consequences, find, told
    from bot.cli.running import Running
    from bot.control_messages import OfEntry, Standing

    log, running = log_of(state), Running(state)
    found = find(log, entry, find_run(log, run) if run else "")
    for line in told(found, consequences(found, task)):
        typer.echo(line)
    running.ask("GET", f"/runs/{found.run.run_id}", Standing)  # before anybody is asked in vain
    if not yes:
        typer.confirm("Take it back?", abort=True)
    wish = OfEntry(found.entry, task, reason)
    now = running.ask("POST", f"/runs/{found.run.run_id}/retract", Standing, wish)
    typer.echo(f"Taken back. {now.title} goes on: tandem history {now.run_id}")


@app.command()
def replay(
    run: _RunArgument,
    seq: Annotated[
        int, typer.Option("--from", metavar="SEQ", help="The last event to keep, as 'tandem history' numbers them.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Needed: a replay never writes.")] = False,
    wait: Annotated[str, typer.Option("--wait", metavar="SPAN", help="How long to wait for its end.")] = "10m",
    state: _StateOption = _DEFAULT_STATE,
) -> None:
    """Let a copy of a run go on from one of its events, and show what it would write; it asks only its initiator."""
    from bot.cli.durations import seconds_of
    from bot.cli.history import find
    from bot.cli.log import log_of
    from bot.cli.replay import replay as replay_run
    from bot.cli.running import Running
    from bot.cli.tables import show_replay
    from bot.cli.trouble import Trouble

    if not dry_run:
        raise Trouble(
            "A replay never writes: say so with --dry-run. To do something of a run again for good, there are "
            "'tandem retry' and 'tandem retract'."
        )
    log = log_of(state)
    show_replay(replay_run(log, Running(state), find(log, run), seq, seconds_of(wait)))


def _steer(run: str, state: Path, action: Action) -> None:
    from bot.cli.history import find
    from bot.cli.log import log_of
    from bot.cli.running import Running
    from bot.cli.steering import steer

    typer.echo(steer(Running(state), find(log_of(state), run), action))


def _take_up(run: str, state: Path, action: str, task: str) -> None:
    from bot.cli.history import find
    from bot.cli.log import log_of
    from bot.cli.running import Running
    from bot.cli.steering import take_up

    typer.echo(take_up(Running(state), find(log_of(state), run), action, task))
