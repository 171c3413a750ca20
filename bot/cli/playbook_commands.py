"""`tandem playbook`: write, check and run playbooks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Write, check and run playbooks: vetted plans as files.")

_StateOption = Annotated[Path, typer.Option("--state", metavar="DIR", help="Folder with everything local.")]
_FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where the playbook goes; the deployment's own folder if not given."),
]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and '-': weekly-report.")],
    folder: _FolderOption = None,
) -> None:
    """Write a playbook to start from: a commented file that works as it is."""
    from bot.cli.playbooks import write

    path = write(name, folder)
    typer.echo(f"Written: {path}\nChange it, then: tandem playbook check {path}")


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; the deployment's own folder if none is given.")
    ] = None,
    state: _StateOption = Path(".tandem"),
) -> None:
    """Name every problem of playbooks, each with file and path; exit code 1 if there is one."""
    from bot.cli.playbooks import problems
    from bot.cli.state import State

    found = problems(files or [], State(state))
    for path, said in found.items():
        typer.echo(f"✓ {path}" if not said else "\n".join(f"✗ {each}" for each in said))
    if any(found.values()):
        sys.exit(1)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The playbook's name.")],
    goal: Annotated[
        str, typer.Option("--goal", metavar="TEXT", help="Say this rather than the playbook's first sentence.")
    ] = "",
    person: Annotated[str, typer.Option("--as", metavar="KEY", help="For whom; the first window's person.")] = "",
    state: _StateOption = Path(".tandem"),
) -> None:
    """Start a playbook for a person, in a chat in this terminal."""
    from bot.cli.chat.terminal import chat
    from bot.cli.chat.window import take
    from bot.cli.playbooks import sentence
    from bot.cli.state import State

    said = goal or sentence(name)
    asyncio.run(chat(take(State(state), person), said))
