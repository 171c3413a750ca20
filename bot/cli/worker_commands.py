"""`tandem worker`: write workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Write workers: what plans can use.")


@app.callback()
def _workers() -> None:
    """Keeps `new` a command of its own."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The capability, dotted: text.count or rates.exchange.")],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where the package's folder is made.")
    ] = Path(),
) -> None:
    """Write a worker of twenty lines with its test, as a package that Tandem finds once it is installed."""
    from bot.cli.scaffold import write

    made = write(name, folder)
    typer.echo(
        f"Written: {', '.join(str(path) for path in made.files)}\n"
        f"Try it:      pytest {made.folder}\n"
        f"Install it:  pip install --editable {made.folder}     (into the environment of Tandem)\n"
        f"See it:      tandem capabilities"
    )
