"""What `tandem up` shows: a table that lives while things start, then the addresses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from bot.cli.trouble import Trouble


class Row:
    """One process and where it stands."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.where = ""
        self._spinner = Spinner("dots", style="cyan")
        self._began: float | None = None
        self._took: float | None = None
        self._word = "waits"

    def begin(self) -> None:
        """It was started."""
        self._began, self._word = time.monotonic(), "starting"

    def ready(self, where: str) -> None:
        """It answers, at this address."""
        self._took = time.monotonic() - (self._began or time.monotonic())
        self._word, self.where = "ready", where

    def skip(self, where: str) -> None:
        """Somebody else starts it."""
        self._word, self.where = "yours", where

    def fail(self) -> None:
        """It will not become ready."""
        if self._word == "starting":
            self._word = "failed"

    def cells(self) -> tuple[Spinner | Text, str, Text, Text]:
        """Sign, title, state, address."""
        signs = {
            "ready": Text("✓", "green"),
            "failed": Text("✗", "red"),
            "waits": Text("·", "dim"),
            "yours": Text("→", "yellow"),
        }
        state = f"ready in {self._took:.1f} s" if self._took is not None else self._word
        if self._word == "starting" and self._began is not None:
            state = f"starting {time.monotonic() - self._began:.1f} s"
        return signs.get(self._word, self._spinner), self.title, Text(state), Text(self.where, "dim")


class Screen:
    """The terminal, or a log file when there is no terminal.

    Args:
        console: Where it is drawn; lines instead of a living table if that is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[Row] = []
        self._began = time.monotonic()
        self._live = (
            Live(get_renderable=self._table, console=console, refresh_per_second=10) if console.is_terminal else None
        )

    def row(self, title: str) -> Row:
        """A new line of the table."""
        row = Row(title)
        self._rows.append(row)
        return row

    def __enter__(self) -> Self:
        """Starts drawing."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops drawing; what stands there stays."""
        if kind:
            for row in self._rows:
                row.fail()
        if self._live:
            self._live.stop()

    def say_ready(self, row: Row, where: str) -> None:
        """Marks a line as ready."""
        row.ready(where)
        if not self._live:
            _, title, state, _ = row.cells()
            self._console.print(f"{title}: {state}, {where}", highlight=False, soft_wrap=True)

    def addresses(self, people: Sequence[tuple[str, str]], logs: str, model: str) -> None:
        """What a person needs now that all is up; `model` says what plans goals that no playbook fits."""
        took = time.monotonic() - self._began
        say = self._console.print
        say(
            f"\n[bold]Tandem is up[/] after {took:.1f} s. A chat for each person:\n",
            highlight=False,
        )
        for name, url in people:
            where = f"[link={url}]{url}[/link]" if url.startswith("http") else url
            say(f"  [bold]{name}[/]: {where}", highlight=False, soft_wrap=True)
        say(f"\nModel: {model}.", highlight=False, soft_wrap=True, markup=False)
        say(f"Ctrl-C ends everything. Logs: {logs}", highlight=False, soft_wrap=True, style="dim")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for row in self._rows:
            table.add_row(*row.cells())
        return table


def show_trouble(console: Console, trouble: Trouble) -> None:
    """Says what happened, with the end of the log that tells more."""
    console.print(Text("✗ ", "bold red"), Text(trouble.message), sep="", soft_wrap=True)
    for line in trouble.log:
        console.print(Text(f"  │ {line}", "dim"), soft_wrap=True)
