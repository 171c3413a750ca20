"""The commands about what the log says: is it whole, who shall not be in it, what of it goes elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

_StateOption = Annotated[Path, typer.Option("--state", metavar="DIR", help="Folder with everything local.")]
_DEFAULT_STATE = Path(".tandem")


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="The run's id, or how it begins; 'last' is the newest.")] = "last",
    every: Annotated[bool, typer.Option("--all", help="Every run that the log or the anchors know.")] = False,
    state: _StateOption = _DEFAULT_STATE,
) -> None:
    """Test that a run's events are what was written; names the first that is not. Exit code 3 if something is wrong."""
    from bot.cli.history import find
    from bot.cli.log import log_of
    from bot.cli.verify import MISFIT, anchored, everything, examine, folder_of, known, told

    anchors = anchored(folder_of(state))
    log = log_of(state)
    if every:
        verdicts = everything(log, anchors)
    else:
        verdicts = iter([examine(log, anchors, known(log, anchors, run) or find(log, run))])
    good = bad = 0
    for verdict in verdicts:
        if verdict.fits:
            good += 1
        else:
            bad += 1
        if not every or not verdict.fits:
            typer.echo(told(verdict))
    if every:
        typer.echo(f"{good:,} runs fit, {bad:,} do not.")
    if anchors.garbled:
        typer.echo(f"The anchors DO NOT FIT: {anchors.garbled}. What is anchored after that is not relied on.")
    elif not anchors.by_run:
        typer.echo(f"There are no anchors in {anchors.folder}: a log rewritten as a whole would not be noticed.")
    if bad or anchors.garbled:
        sys.exit(MISFIT)


@app.command()
def erase(
    person: Annotated[str, typer.Argument(help="User principal name or id.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before erasing.")] = False,
    state: _StateOption = _DEFAULT_STATE,
) -> None:
    """Take a person out of the log: the content of their runs, their name and words elsewhere. It cannot be undone."""
    from bot.cli.erase import Eraser, foretold, told
    from bot.cli.log import log_of
    from bot.cli.running import Running

    eraser = Eraser(log_of(state), Running(state), state)
    found = eraser.find(person)
    for line in foretold(found):
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was changed.")
        return
    if not yes and not any(run.open for run in found.runs):
        typer.confirm("Erase all of this for good?", abort=True)
    erased = eraser.erase(found.person.id)
    typer.echo(told(erased))
    if erased.kept:
        sys.exit(1)


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="The run's id, or how it begins; all runs if not given.")] = "",
    since: Annotated[str, typer.Option("--since", metavar="WHEN", help="From then on: 7d, 2026-11-01.")] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file; else to the terminal.")] = None,
    state: _StateOption = _DEFAULT_STATE,
) -> None:
    """Write events as CloudEvents 1.0, a line of JSON each."""
    from bot.cli import export as exporting
    from bot.cli.history import find
    from bot.cli.log import log_of
    from bot.cli.trouble import Trouble

    if not run and not since:
        raise Trouble("Say which events: a run, --since WHEN, or both.")
    log = log_of(state)
    after = exporting.since(since) if since else None
    count = exporting.write(exporting.lines(log, find(log, run) if run else "", after), out)
    if out is not None:
        typer.echo(f"{count:,} events are in {out}.")
