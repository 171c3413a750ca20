"""What the commands print: tables and timelines, whole lines when they go into a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.cli.finding import Finding
from bot.cli.history import History
from bot.cli.offer import Offer, Offered
from bot.cli.phrases import clock, since
from bot.cli.replay import Replay
from bot.cli.shape import fields
from bot.cli.telling import Moment
from orchestration.capabilities import Capability, Health

_TONES = {"good": "green", "bad": "red", "human": "bold", "quiet": "dim"}
_MARKS = {"good": Text("✓", "green"), "bad": Text("✗", "red"), "note": Text("!", "yellow"), "off": Text("·", "dim")}


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


def _grid(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=any(titles))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def show_history(history: History) -> None:
    """A run's timeline; a day is named where it begins."""
    console = _console()
    console.print(Text(history.title, "bold"))
    from_playbook = f" · playbook {history.playbook}" if history.playbook else ""
    console.print(Text(f"for {history.initiator} · “{history.goal}”{from_playbook} · run {history.run_id}", "dim"))
    if history.dry:
        console.print(Text("A dry run: it shows what would happen, and writes nothing.", "yellow"))
    show_moments(history.moments)


def show_replay(replay: Replay) -> None:
    """A dry run's timeline, what it would have written, and how it stands."""
    console = _console()
    show_moments(replay.moments)
    console.print(Text("\nWould have been written", "bold"))
    for step in replay.writes:
        what = step.message.removeprefix("Would have been written: ")
        console.print(Text(f"  {_one_line(step.title)}: {_one_line(what)}"), soft_wrap=True)
    if not replay.writes:
        console.print(Text("  nothing so far", "dim"))
    console.print(Text(f"\n{_one_line(replay.stands)}"), soft_wrap=True)


def show_moments(moments: Sequence[Moment]) -> None:
    """A timeline; the number in front is the event's, which `tandem replay --from` takes."""
    console = _console()
    table = _grid("", "", "", "", "")
    table.columns[0].justify = table.columns[2].justify = "right"
    day, began, number = "", moments[0].at, 0
    for moment in moments:
        today = f"{moment.at.astimezone():%Y-%m-%d}"
        if today != day:
            table.add_row("", Text(today, "bold"), "", "", "")
            day = today
        first, number = moment.seq != number, moment.seq
        table.add_row(
            Text(str(moment.seq) if first else "", "dim"),
            Text(clock(moment.at), "dim"),
            Text(since(moment.at - began), "dim"),
            Text(_one_line(moment.about)),
            Text(_one_line(moment.what), _TONES.get(moment.tone, "")),
        )
    console.print(table)


def show_capabilities(offer: Offer, health: Mapping[str, Health] | None = None) -> None:
    """Every worker, by capability, the preferred one first.

    Args:
        offer: The workers.
        health: Worker => how it does, as `Registry.health` of a bot that runs tells; None when none runs.
    """
    console = _console()
    columns = ["Capability", "Effect", "What it does", "Worker", "Owner", "Version", "Limits"]
    table = _grid(*columns, *(["Health"] if health is not None else []))
    for each in offer.workers:
        effect = Text(each.capability.effect, "yellow" if each.capability.effect == "write" else "")
        cells = (each.capability.title, each.name, each.owner, each.version, _limits(each))
        known = [_health(health.get(each.name))] if health is not None else []
        table.add_row(Text(each.capability.name, "bold"), effect, *(Text(_one_line(cell)) for cell in cells), *known)
    console.print(table)
    if not offer.own_settings:
        console.print(
            Text("There are no settings here and no sandbox runs, so this lists all that Tandem knows.", "dim")
        )
    for problem in offer.problems:
        console.print(Text.assemble(("✗ ", "red"), f"left out: {_one_line(problem)}"))


def _limits(offered: Offered) -> str:
    """Such as "4 at once, 1 per resource"; a dash for none."""
    limits = ((offered.limit, "at once"), (offered.resource_limit, "per resource"))
    return ", ".join(f"{number} {what}" for number, what in limits if number) or "–"


def _health(health: Health | None) -> Text:
    if health is None:
        return Text("not there", "dim")  # installed since the bot was started
    match health.state:
        case "up":
            return Text("up", "green")
        case "failing":
            return Text(f"failing, {health.failures} in a row: {health.code}", "yellow")
        case "trying":
            return Text(f"being tried again, {health.failures} failed: {health.code}", "yellow")
    again = f", tried again at {clock(health.try_at)}" if health.try_at else ""
    return Text(f"down since {clock(health.since) if health.since else '?'}{again}: {health.code}", "red")


def show_capability(capability: Capability) -> None:
    """What one capability takes and gives, as a plan writes and reads it."""
    console = _console()
    console.print(Text.assemble((capability.name, "bold"), f" · {capability.title} · {capability.effect}"))
    for title, schema in (("with", capability.input_schema), ("gives", capability.output_schema)):
        console.print(Text(f"\n{title}", "bold"))
        table = _grid("", "", "")
        for name, kind, needed in fields(schema):
            word = needed if title == "with" else "" if needed == "required" else "may be left out"
            table.add_row(Text(f"  {name}"), Text(kind), Text(word, "dim"))
        console.print(table)


def show_findings(findings: Sequence[Finding]) -> bool:
    """What the doctor found, and whether all is well."""
    console = _console()
    part = ""
    for finding in findings:
        if finding.part != part:
            part = finding.part
            console.print(f"\n[bold]{escape(part)}[/]")
        console.print(Text(" ").join((Text(" "), _MARKS[finding.mark], Text(finding.text))), soft_wrap=True)
        if finding.way_out:
            console.print(Text(f"     → {finding.way_out}", "yellow"), soft_wrap=True)
    bad = sum(finding.mark == "bad" for finding in findings)
    console.print()
    if bad:
        console.print(Text(f"{bad} {'thing needs' if bad == 1 else 'things need'} your attention.", "red"))
    elif notes := sum(finding.mark == "note" for finding in findings):
        console.print(Text(f"Nothing is broken; {notes} {'note' if notes == 1 else 'notes'} above.", "green"))
    else:
        console.print(Text("All is well.", "green"))
    return not bad


def _one_line(text: str) -> str:
    return "".join(char for char in " ".join(text.split()) if char.isprintable())
