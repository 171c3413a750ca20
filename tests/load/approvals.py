"""500 questions open, 50 answers a second from 50 people: `python -m tests.load.approvals [--runs N] [--rate N]`.

The bot as it is shipped, in a process of its own, with SQLite and `synchronous=FULL`; the sandbox signs as the channel
does; a stand-in for the channel takes what the bot sends and throttles every 25th request; the answers leave by the
clock from a third process. Some people press twice, some press what is not theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil
from aiohttp import ClientError, ClientSession

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import load
from connectors.sandbox.keys import Keyring
from connectors.sandbox.sessions import Sessions
from connectors.sandbox.tokens import Mint
from orchestration.core import events as e
from orchestration.core.codec import decode
from orchestration.core.run import Person
from orchestration.stores.sqlite import SqliteStore
from tests.e2e.product import free_ports
from tests.load.bot import PEOPLE
from tests.load.channel import Channel, activity, chat
from tests.load.people import ASKED, people
from tests.load.sender import Order, Orders, Result
from tests.support.chat import buttons

RUNS = 100
RATE = 50.0
LONGEST_SECONDS = 120.0
TWICE_EVERY, FOREIGN_EVERY = 20, 25
CARD = "application/vnd.microsoft.card.adaptive"


class Press(msgspec.Struct, frozen=True):
    """Somebody's answer, and what it says."""

    by: Person
    run_id: str
    approval: str
    comment: str
    message: str
    kind: str  # "first", "again" (the same once more) or "foreign" (not theirs)
    at: float
    activity: Any


class Outcome(msgspec.Struct):
    """What was found; every list of `wrong` is empty if all is well."""

    questions: int
    presses: list[Press]
    results: list[Result]
    wrong: dict[str, list[str]]
    channel: dict[str, int]
    setup_seconds: float
    settled_seconds: float
    bot_cpu_seconds: float

    def milliseconds(self, kind: str = "") -> list[float]:
        """How long the answers took, sorted."""
        chosen = zip(self.presses, self.results, strict=True)
        return sorted(result.seconds * 1000 for press, result in chosen if kind in ("", press.kind))

    @property
    def left_late(self) -> float:
        """How late the sender was at the 99th percentile, in milliseconds: what it measures is no better than that."""
        return percentile(sorted(result.left * 1000 for result in self.results), 99)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


class World:
    """The sandbox, the bot and the channel around one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}
        self.channel: Channel
        self.mint: Mint
        self.everybody: list[Person] = []
        self.bot: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['TANDEM_PORT']}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """Everything is up meanwhile."""
        async with AsyncExitStack() as stack:
            base, state = free_ports(20), self.folder / "state"
            bot_url = f"http://127.0.0.1:{base + 19}"
            command = ["-m", "connectors.sandbox", "--state", str(state), "--port-base", str(base)]
            await self._process(stack, "sandbox", [*command, "--bot-url", bot_url])
            described = state / "sandbox.json"
            await until(described.exists, "the sandbox does not come up")
            self.settings = json.loads(described.read_text())["settings"]
            tenant, keys = load(CONTOSO), Keyring(state / "sandbox")
            self.mint = Mint(tenant, keys, Sessions(state / "sandbox" / "sign-ins.json"), "")
            self.everybody = people(PEOPLE, tenant.id)
            self.channel = await stack.enter_async_context(Channel(self.everybody).listening())
            self.settings |= {"TANDEM_PORT": str(base + 19), "TANDEM_DATA_DIR": str(self.folder / "bot")}
            self.bot = await self._process(stack, "bot", ["-m", "tests.load.bot"], asyncio.subprocess.PIPE)
            yield self

    async def _process(
        self, stack: AsyncExitStack, name: str, command: list[str], pipes: int | None = None
    ) -> asyncio.subprocess.Process:
        output = stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env={**os.environ, **self.settings},
            stdin=pipes or asyncio.subprocess.DEVNULL,
            stdout=pipes or output,
            stderr=output,
        )
        stack.push_async_callback(ended, process)
        return process

    async def send(self, orders: Sequence[Order]) -> list[Result]:
        """Let the sender send in its own process."""
        given, kept = self.folder / "orders.json", self.folder / "results.json"
        given.write_bytes(msgspec.json.encode(Orders(f"{self.url}/api/messages", list(orders))))
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.load.sender", str(given), str(kept), stdin=asyncio.subprocess.DEVNULL
        )
        assert await sender.wait() == 0
        return msgspec.json.decode(kept.read_bytes(), type=list[Result])

    async def tell(self, line: str, expected: str = "") -> None:
        """A line for the bot's process."""
        assert self.bot.stdin is not None
        assert self.bot.stdout is not None
        self.bot.stdin.write(f"{line}\n".encode())
        await self.bot.stdin.drain()
        if expected:
            async with asyncio.timeout(LONGEST_SECONDS):
                said = (await self.bot.stdout.readline()).decode().strip()
            assert said == expected, self.story()

    def story(self) -> str:
        """The end of the bot's log."""
        return (self.folder / "bot.log").read_text()[-4000:]

    async def events(self) -> dict[str, list[e.Event]]:
        """Run => its events, read from the log once the bot has ended."""
        self.bot.terminate()
        await self.bot.wait()
        store = SqliteStore(self.folder / "bot" / "tandem.db")
        await store.open()
        try:
            rows = await store.runs(limit=10_000)
            return {row.run_id: [decode(each.body) for each in await store.events(row.run_id)] for row in rows}
        finally:
            await store.close()


async def ended(process: asyncio.subprocess.Process) -> None:
    """End a process."""
    if process.returncode is None:
        process.terminate()
        await process.wait()


async def until(what: Callable[[], object], why: str, seconds: float = LONGEST_SECONDS) -> None:
    """Return once something holds that no event tells of."""
    try:
        async with asyncio.timeout(seconds):
            while not what():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(why) from None


async def measure(folder: Path, *, runs: int = RUNS, rate: float = RATE) -> Outcome:
    """Open the questions, press, wait until all that follows is done, and compare with the log."""
    async with World(folder).running() as world:
        begun = time.monotonic()
        await _up(world)
        await _introduce(world)
        await world.tell(f"open {runs}", "opened")
        wanted = runs * ASKED

        def asked() -> bool:
            return sum("Sign off part" in str(card) and "approval.decide" in str(card) for card in _heads(world)) >= wanted

        await until(asked, f"not all questions arrived: {world.story()}")
        await world.tell("go")
        presses = presses_of(world, rate)
        assert len({(each.run_id, each.approval) for each in presses}) == wanted
        setup = time.monotonic() - begun
        process = psutil.Process(world.bot.pid)
        busy = process.cpu_times()
        tokens = world.mint.channel_token(world.channel.url)
        results = await world.send([Order(each.at, tokens, each.activity) for each in presses])
        spent = process.cpu_times()
        over = time.monotonic()
        first = {each.message for each in presses if each.kind == "first"}

        def settled() -> bool:
            shown = all(world.channel.updates.get(each) and not _open(world, each) for each in first)
            return shown and _told(world) == runs

        slow = ""
        try:
            await until(settled, "slow")
        except AssertionError:
            slow = f"{sum(_open(world, each) for each in first)} cards still ask, {_told(world)} of {runs} runs are told"
        outcome = Outcome(
            questions=wanted,
            presses=presses,
            results=results,
            wrong={"copies": [slow] if slow else []},
            channel={"taken": world.channel.taken, "429": world.channel.throttled, "401": world.channel.forbidden},
            setup_seconds=setup,
            settled_seconds=time.monotonic() - over,
            bot_cpu_seconds=spent.user + spent.system - busy.user - busy.system,
        )
        outcome.wrong |= compare(presses, results, await world.events(), runs)
        return outcome


def _heads(world: World) -> list[Any]:
    return list(world.channel.cards().values())


def _open(world: World, message: str) -> bool:
    return "approval.decide" in str(world.channel.card(message))


def _told(world: World) -> int:
    return sum("All parts are signed off" in str(each) for each in world.channel.messages.values())


async def _up(world: World) -> None:
    """Return once the bot takes activities."""
    async with ClientSession() as http, asyncio.timeout(LONGEST_SECONDS):
        while True:
            assert world.bot.returncode is None, f"the bot ended: {world.story()}"
            with suppress(ClientError):
                async with http.get(f"{world.url}/healthz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def _introduce(world: World) -> None:
    """Everybody adds the app."""
    token, url = world.mint.channel_token(world.channel.url), world.channel.url
    added = [activity(who, url, "installationUpdate", f"add-{who.id}", action="add") for who in world.everybody]
    results = await world.send([Order(place / 100, token, each) for place, each in enumerate(added)])
    assert all(200 <= each.status < 300 for each in results), f"the bot does not greet: {results} {world.story()}"


def presses_of(world: World, rate: float) -> list[Press]:
    """One press for each question, by whom it was asked, from the card that they have; in turn, and by the clock."""
    cards = {number: card for number, card in world.channel.cards().items() if "approval.decide" in str(card)}
    by_chat = {chat(person): person for person in world.everybody}
    queues: dict[str, list[str]] = {}
    for number in cards:
        queues.setdefault(world.channel.chats[number], []).append(number)
    turns = [queue[place] for place in range(max(map(len, queues.values()))) for queue in queues.values() if place < len(queue)]
    presses: list[Press] = []
    for place, number in enumerate(turns):
        card, person = cards[number], by_chat[world.channel.chats[number]]
        titles = buttons(card)
        chosen = next(title for title in ("Send decisions", ("Approve", "Reject")[place % 2]) if title in titles)
        action, comment, at = titles[chosen], f"answer {place}", place / rate
        inputs = {"comment": comment} | ({"rule:amount": "right"} if chosen == "Send decisions" else {})
        data = {**action["data"], **inputs}

        def press(by: Person, kind: str, at: float, id_: str, verb: str = action["verb"], data: Any = data) -> None:
            value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"}
            sent = activity(
                by, world.channel.url, "invoke", id_, name="adaptiveCard/action", value=value, replyToId=number
            )
            presses.append(Press(by, data["run_id"], data["approval"], data["comment"], number, kind, at, sent))

        press(person, "first", at, f"press-{place}")
        if place % TWICE_EVERY == 0:  # the channel sends an invoke again that was not answered in time
            press(person, "again", at + 0.02, f"press-{place}")
        if place % FOREIGN_EVERY == 0:
            other = world.everybody[(world.everybody.index(person) + 1) % len(world.everybody)]
            press(other, "foreign", at - 0.01, f"foreign-{place}")
    return presses


def compare(
    presses: Sequence[Press], results: Sequence[Result], log: dict[str, list[e.Event]], runs: int
) -> dict[str, list[str]]:
    """What does not fit: between what people were answered and what the log says."""
    wrong: dict[str, list[str]] = {"answers": [], "log": [], "runs": []}
    for press, result in zip(presses, results, strict=True):
        type_ = result.body.get("type") if isinstance(result.body, dict) else ""
        replaced = type_ == CARD and "approval.decide" not in str(result.body)
        if result.status != 200 or replaced is (press.kind == "foreign"):
            wrong["answers"].append(f"{press.kind} {press.comment}: {result.status} {str(result.body)[:300]}")
    said = {(each.run_id, each.approval): each for each in presses if each.kind == "first"}
    refused = Counter((each.run_id, each.approval, each.by.id) for each in presses if each.kind == "foreign")
    decided: Counter[tuple[str, str]] = Counter()
    for run_id, events in log.items():
        asked = {each.approval for each in events if isinstance(each, e.ApprovalRequested)}
        wrong["log"] += [f"{run_id} {each}: asked, not pressed" for each in asked if (run_id, each) not in said]
        for event in events:
            match event:
                case e.ApprovalDecided(approval=which):
                    decided[run_id, which] += 1
                    press = said[run_id, which]
                    if (event.by.id, event.comment) != (press.by.id, press.comment):
                        wrong["log"].append(f"{run_id} {which}: {event.by.name} {event.comment!r}, not {press}")
                case e.AnswerRefused(approval=which):
                    refused[run_id, which, event.by.id] -= 1
        done = sum(isinstance(each, e.TaskSucceeded) and each.task.startswith("then") for each in events)
        if done != ASKED or not isinstance(next((x for x in events if isinstance(x, e.RunSucceeded)), None), e.RunSucceeded):
            wrong["runs"].append(f"{run_id}: {done} tasks behind answers, ends with {type(events[-1]).__name__}")
    wrong["log"] += [f"{each}: decided {decided[each]} times" for each in said if decided[each] != 1]
    wrong["log"] += [f"{each}: refused press without its event ({count})" for each, count in refused.items() if count]
    if len(log) != runs:
        wrong["runs"].append(f"{len(log)} runs instead of {runs}")
    return wrong


def table(outcome: Outcome, rate: float) -> str:
    """The figures as lines of a Markdown table."""
    lines = ["| presses | number | p50 | p90 | p95 | p99 | longest |", "|---|---|---|---|---|---|---|"]
    names = {"": "all", "first": "first of a question", "again": "the same again", "foreign": "not theirs"}
    for kind, name in names.items():
        taken = outcome.milliseconds(kind)
        columns = [f"{percentile(taken, each):.0f} ms" for each in (50, 90, 95, 99, 100)]
        lines.append(f"| {name} | {len(taken)} | {' | '.join(columns)} |")
    wrong = sum(map(len, outcome.wrong.values()))
    lines += [
        "",
        f"{outcome.questions} questions open, {rate:.0f} answers a second from {PEOPLE} people; the sender itself was "
        f"{outcome.left_late:.1f} ms late (p99).",
        f"Lost, doubled, by the wrong person, or not told: {wrong}. Every copy was settled and every outcome told "
        f"{outcome.settled_seconds:.1f} s after the last answer.",
        f"The channel took {outcome.channel['taken']} requests and refused {outcome.channel['429']} with 429. "
        f"The bot used {outcome.bot_cpu_seconds:.1f} s of processor time for the answers.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure and print; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"each asks {ASKED} people")
    parser.add_argument("--rate", type=float, default=RATE, help="answers a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(measure(Path(folder), runs=given.runs, rate=given.rate))
    print(table(outcome, given.rate))
    for what, found in outcome.wrong.items():
        for each in found[:10]:
            print(f"wrong ({what}): {each}")
    return 1 if any(outcome.wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
