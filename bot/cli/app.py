"""The commands of `tandem`; each imports what it needs when it is called, so that all of them start fast."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import audit_commands, control_commands, playbook_commands, ports, worker_commands
from bot.cli.model_choice import Choice, ModelChoice
from bot.cli.state import State
from bot.cli.trouble import Trouble
from orchestration.errors import TandemError

app = typer.Typer(
    name="tandem", no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

StateOption = Annotated[Path, typer.Option("--state", metavar="DIR", help="Folder with everything local.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The tenant's data; Contoso if not given.")
]
PeopleOption = Annotated[
    str, typer.Option("--people", metavar="KEYS", help="Who gets a window, by key of the tenant's people.")
]
BotPortOption = Annotated[int, typer.Option("--bot-port", metavar="N", help="Port of the bot.")]
PortBaseOption = Annotated[int, typer.Option("--port-base", metavar="N", help="First port of the sandbox.")]
PlaygroundPortOption = Annotated[
    int, typer.Option("--playground-port", metavar="N", help="Port of the first Playground.")
]
ModelOption = Annotated[
    ModelChoice,
    typer.Option("--model", help="What plans goals that no playbook fits: recorded answers, your settings, nothing."),
]
RecordingsOption = Annotated[
    list[Path] | None,
    typer.Option("--recordings", metavar="DIR", help="A folder with more recorded answers; may be repeated."),
]

app.add_typer(audit_commands.app)
app.add_typer(control_commands.app)
app.add_typer(playbook_commands.app, name="playbook")
app.add_typer(worker_commands.app, name="worker")

DEFAULT_STATE = Path(".tandem")
DEFAULT_PEOPLE = "megan,alex"


def run() -> None:
    """Runs the command of the command line; what it could not do becomes one message and exit code 1."""
    try:
        app()
    except TandemError as error:
        from rich.console import Console

        from bot.cli.screen import show_trouble

        show_trouble(Console(stderr=True), error if isinstance(error, Trouble) else Trouble(error.message))
        sys.exit(1)


@app.callback()
def _tandem() -> None:
    """Tandem: goals given in Teams become durable task graphs that act as the person who asked."""


@app.command()
def up(
    state: StateOption = DEFAULT_STATE,
    data: DataOption = None,
    people: PeopleOption = DEFAULT_PEOPLE,
    bot_port: BotPortOption = ports.BOT,
    port_base: PortBaseOption = ports.SANDBOX,
    playground_port: PlaygroundPortOption = ports.PLAYGROUND,
    no_playground: Annotated[
        bool, typer.Option("--no-playground", help="Without Playgrounds and without Node: for tandem chat.")
    ] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the windows in a browser.")] = False,
    no_bot: Annotated[
        bool, typer.Option("--no-bot", help="Leave the bot to you, for a debugger: tandem serve.")
    ] = False,
    model: ModelOption = "recorded",
    recordings: RecordingsOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete all local state first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
) -> None:
    """Start everything on this machine: sandbox tenant, bot, and a Playground for each person. Ctrl-C ends it all."""
    from rich.console import Console

    from bot.cli.up import Wish, people_of
    from bot.cli.up import up as start

    keys = people_of(people)
    chosen = Choice(model, tuple(each.resolve() for each in recordings or ()))
    if fresh and not yes and state.is_dir():
        typer.confirm(f"Delete all runs, files and logs in {state}?", abort=True)
    wish = Wish(
        state=State(state),
        ports=ports.Ports(bot=bot_port, sandbox=port_base, playground=playground_port, windows=len(keys)),
        people=keys,
        data=data.resolve() if data else None,
        bot=not no_bot,
        playground=not no_playground,
        open_browser=not no_open,
        fresh=fresh,
        model=chosen,
    )
    asyncio.run(start(wish, Console()))


@app.command()
def chat(
    person: Annotated[
        str,
        typer.Option("--as", metavar="KEY", help="Who you are: a key of the tenant's people."),
    ] = "",
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Talk to Tandem in this terminal, as one person; a second terminal can be a second person."""
    from bot.cli.chat.terminal import chat as talk
    from bot.cli.chat.window import take

    asyncio.run(talk(take(State(state), person)))


@app.command()
def serve(
    state: StateOption = DEFAULT_STATE,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Port to listen on; TANDEM_PORT or 3978 if not given.")
    ] = None,
) -> None:
    """Start only the bot: with the settings of the environment, or of the sandbox that runs in the state folder."""
    environment = dict(os.environ)
    if "TANDEM_TENANT_ID" not in environment:
        described = State(state).sandbox()
        if described is None:
            raise Trouble(
                f"There are no settings: TANDEM_TENANT_ID is not set, and no sandbox runs in the state folder {state}. "
                "Set the TANDEM_ variables (the README lists them), or start a sandbox: tandem sandbox"
            )
        environment |= described["settings"] | {"TANDEM_DATA_DIR": str(state.resolve())}
    if port is not None:
        environment["TANDEM_PORT"] = str(port)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "bot.main"], environment)  # noqa: S606  # becomes the bot, signals and all


@app.command()
def sandbox(
    state: StateOption = DEFAULT_STATE,
    data: DataOption = None,
    people: PeopleOption = DEFAULT_PEOPLE,
    bot_port: BotPortOption = ports.BOT,
    port_base: PortBaseOption = ports.SANDBOX,
    playground_port: PlaygroundPortOption = ports.PLAYGROUND,
    model: ModelOption = "recorded",
    recordings: RecordingsOption = None,
) -> None:
    """Start only the sandbox tenant: a local Microsoft 365, SAP and Dynamics over real HTTP, and a recorded model."""
    from bot.cli.up import people_of

    State(state).prepare()
    command = [sys.executable, "-m", "connectors.sandbox", "--state", str(state), "--port-base", str(port_base)]
    command += ["--bot-url", f"http://127.0.0.1:{bot_port}", "--playground-port", str(playground_port)]
    command += [part for key in people_of(people) for part in ("--window", key)]
    command += ["--data", str(data)] if data else []
    command += Choice(model, tuple(each.resolve() for each in recordings or ())).of_the_sandbox()
    os.execv(sys.executable, command)  # noqa: S606  # becomes the sandbox, signals and all


@app.command("break")
def break_(
    system: Annotated[str, typer.Argument(help="sap, dynamics, graph, authority, model, or sign-in with --how.")],
    how_long: Annotated[str, typer.Option("--for", metavar="SPAN", help="For how long: 30s, 2m.")] = "30s",
    status: Annotated[
        int | None, typer.Option("--status", metavar="N", help="Answer every request with this HTTP status.")
    ] = None,
    latency: Annotated[str | None, typer.Option("--latency", metavar="SPAN", help="Answer late: 2s, 500ms.")] = None,
    path: Annotated[
        str | None, typer.Option("--path", metavar="PATH", help="Only at this path and below: /me/sendMail.")
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Carry writes out, then cut the connection without an answer.")
    ] = False,
    how: Annotated[
        str, typer.Option("--how", metavar="KIND", help="For sign-in: what stands in the way; 'list' names all.")
    ] = "",
    person: Annotated[str, typer.Option("--as", metavar="KEY", help="For sign-in: only for this person.")] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="SYSTEM", help="For sign-in: only at graph, sap or dynamics.")
    ] = "",
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Break a system of the running sandbox for a while; without --status, --latency or --drop it answers 503."""
    from bot.cli.durations import seconds_of
    from connectors.sandbox.control import break_system, put_hurdle
    from connectors.sandbox.hurdles import KINDS

    seconds = seconds_of(how_long)
    if system == "sign-in":
        if how not in KINDS:
            lines = "\n".join(f"  {kind:<10} {about}" for kind, about in KINDS.items())
            raise Trouble(f"Say with --how what shall stand in the way of signing in:\n{lines}")
        put_hurdle(state, how, seconds, person, at)
        typer.echo(f"For {how_long}, {person or 'everybody'}{f' at {at}' if at else ''}: {KINDS[how]}.")
        return
    latency_seconds = seconds_of(latency) if latency else None
    break_system(state, system, seconds, status=status, latency_seconds=latency_seconds, path=path, drop=drop)
    if drop:
        answer = "carries writes out and drops the connection"
    else:
        answer = f"answers {status or 503}" if status or not latency else "answers"
    where = f"{system} at {path}" if path else system
    typer.echo(f"{where} {answer}{f' after {latency}' if latency else ''} for {how_long}.")


@app.command()
def runs(
    state: StateOption = DEFAULT_STATE,
    open_only: Annotated[bool, typer.Option("--open", help="Only runs that have not ended.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many, newest first.")] = 20,
) -> None:
    """List runs, newest first; works while the bot runs."""
    from rich.console import Console
    from rich.table import Table

    from bot.cli.log import log_of
    from bot.cli.runs import read

    found = read(log_of(state), open_only=open_only, limit=limit)
    if not found:
        typer.echo("No open runs." if open_only else "No runs yet.")
        return
    names = {window["id"]: window["name"] for window in (State(state).sandbox() or {}).get("windows", [])}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("Started", "Status", "Title", "For", "Run"):
        table.add_column(title, overflow="fold")
    for line in found:
        started = line.proposed_at.astimezone().strftime("%Y-%m-%d %H:%M")
        status = f"{line.status}, dry run" if line.dry else line.status
        table.add_row(started, status, line.title, names.get(line.initiator, line.initiator), line.run_id)
    Console(width=None if sys.stdout.isatty() else 200).print(table)  # lines stay whole for grep


@app.command()
def history(
    run: Annotated[str, typer.Argument(help="The run's id, or how it begins; 'last' is the newest.")] = "last",
    everything: Annotated[bool, typer.Option("--all", help="Also what was delivered to whom.")] = False,
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Tell what happened in a run: when, what, and who decided; works while the bot runs."""
    from bot.cli.history import find, read
    from bot.cli.log import log_of
    from bot.cli.tables import show_history

    log = log_of(state)
    history = read(log, find(log, run), everything=everything)
    show_history(history)
    if history.failed:
        typer.echo(f"Try again: tandem retry {history.run_id}   Go on without it: tandem skip {history.run_id}")


@app.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="SPAN", help="For how long ended: 90d, 12h.")],
    export: Annotated[Path, typer.Option("--export", metavar="FILE", help="A new file for all that is removed.")],
    state: StateOption = DEFAULT_STATE,
) -> None:
    """Remove runs that ended long ago, once all of them is in a file; works while the bot runs."""
    from bot.cli.log import log_of
    from bot.cli.prune import prune as prune_log
    from bot.cli.prune import prune_through
    from bot.cli.running import Running
    from bot.cli.verify import folder_of
    from orchestration.audit.anchors import FileAnchors

    running = Running(state)
    if running.there():
        typer.echo(prune_through(running, older_than, export))
    else:
        typer.echo(prune_log(log_of(state), older_than, export, FileAnchors(folder_of(state))))


@app.command()
def capabilities(
    name: Annotated[str, typer.Argument(help="One of them: what it takes and gives.")] = "",
    state: StateOption = DEFAULT_STATE,
) -> None:
    """List what plans can use, whose worker does it, its limits, and how it does while the bot runs."""
    from bot.cli.offer import ask
    from bot.cli.running import Running
    from bot.cli.tables import show_capabilities, show_capability

    offer = ask(State(state))
    if name:
        show_capability(offer.find(name))
    else:
        health = Running(state).health()
        show_capabilities(offer, health)
        if health is None:
            typer.echo("No bot runs here, so how the workers do is not known. 'tandem up' starts one.")


@app.command("eval")
def eval_(
    goals: Annotated[
        Path | None, typer.Option("--goals", metavar="DIR", help="Goals as YAML; those that come along if not given.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="recorded, env (TANDEM_MODEL_...), env2 (TANDEM_MODEL2_...).")
    ] = "recorded",
    against: Annotated[
        list[str] | None, typer.Option("--against", metavar="NAME", help="Another model, side by side.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Only this goal; may be repeated.")
    ] = None,
    recordings: RecordingsOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write all that was found as HTML.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", help="How long a goal may take at least, for slow models.")
    ] = None,
    at_least: Annotated[
        int | None,
        typer.Option("--at-least", metavar="N", min=0, help="How many must end as expected; else all but a tenth."),
    ] = None,
) -> None:
    """See how well goals become plans that do what was meant, each on a fresh sandbox tenant; exit code 1 if not."""
    named = [("--goals", goals), ("--model", model), ("--seconds", seconds), ("--report", report)]
    named += [("--at-least", at_least)]
    named += [("--against", each) for each in against or []] + [("--only", each) for each in only or []]
    named += [("--recordings", each) for each in recordings or []]
    given = [part for name, value in named if value is not None for part in (name, str(value))]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "bot.evaluation", *given])  # noqa: S606  # becomes the evaluation


@app.command()
def doctor(state: StateOption = DEFAULT_STATE) -> None:
    """Check this machine, the settings and every endpoint; says what to do about what is wrong."""
    from bot.cli.doctor import examine
    from bot.cli.tables import show_findings

    if not show_findings(asyncio.run(examine(State(state)))):
        sys.exit(1)
