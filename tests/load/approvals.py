"""500 questions open, 50 answers a second from 50 people: `python -m tests.load.approvals [--runs N] [--rate N]`.

The bot as it is shipped, in a process of its own, with SQLite and `synchronous=FULL`; the sandbox signs as the channel
does; a stand-in for the channel takes what the bot sends and refuses every 25th request for a second; the answers leave
by the clock from a third process. Some people press twice, some press what is not theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from tests.load import presses as p
from tests.load.bot import PEOPLE
from tests.load.people import ASKED
from tests.load.sender import Order, Result
from tests.load.world import World, until

RUNS = 100
RATE = 50.0


class Outcome(msgspec.Struct):
    """What was found.

    Attributes:
        wrong: What is lost, doubled or foreign, by kind; all empty if all is well.
        channel: What the channel did how often.
        settled_seconds: From the last answer until every copy of every card was settled and every outcome told.
        bot_seconds: The bot's processor time while the answers came.
    """

    questions: int
    presses: list[p.Press]
    results: list[Result]
    wrong: dict[str, list[str]]
    channel: dict[str, int]
    settled_seconds: float
    bot_seconds: float

    def milliseconds(self, kind: str = "") -> list[float]:
        """How long the answers took, in order."""
        chosen = zip(self.presses, self.results, strict=True)
        return sorted(result.seconds * 1000 for press, result in chosen if kind in ("", press.kind))

    @property
    def left_late(self) -> float:
        """How late the sender was at the 99th percentile, in ms: nothing that it measures is better than that."""
        return percentile(sorted(result.left * 1000 for result in self.results), 99)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


async def measure(folder: Path, *, runs: int = RUNS, rate: float = RATE) -> Outcome:
    """Open the questions, press, wait until all that follows is done, and compare with the log."""
    async with World(folder).running() as world:
        channel = world.channel
        await world.tell(f"open {runs}", "opened")
        await until(lambda: sum(map(p.asks, channel.cards().values())) >= runs * ASKED, "not all questions arrived")
        await world.tell("go")
        presses = p.of(channel, world.everybody, rate)
        bot = psutil.Process(world.bot.pid)
        before = sum(bot.cpu_times()[:2])
        results = await world.send([Order(each.at, world.token, each.activity) for each in presses])
        spent, over = sum(bot.cpu_times()[:2]) - before, time.monotonic()
        pressed = {each.message for each in presses}

        def left() -> list[str]:
            told = sum("All parts are signed off" in str(each) for each in channel.messages.values())
            still = [each for each in pressed if not channel.updates.get(each) or p.asks(channel.card(each))]
            return [*still, *(["outcomes"] * (runs - told))]

        try:
            await until(lambda: not left(), "late")
        except AssertionError:
            print(world.story(), file=sys.stderr)
        settled = time.monotonic() - over
        copies, log = [f"{each} is not up to date" for each in left()], await world.log()
        lost = [f"{len(log)} runs instead of {runs}"] if len(log) != runs else []
        return Outcome(
            questions=runs * ASKED,
            presses=presses,
            results=results,
            wrong={"copies": copies, "lost": lost, **p.compare(presses, results, log)},
            channel={"taken": channel.taken, "throttled": channel.throttled, "forbidden": channel.forbidden},
            settled_seconds=settled,
            bot_seconds=spent,
        )


def table(outcome: Outcome, rate: float) -> str:
    """The figures, as Markdown."""
    lines = ["| answers | number | p50 | p90 | p95 | p99 | longest |", "|---|---|---|---|---|---|---|"]
    for kind, name in {"": "all", "first": "first", "again": "the same again", "foreign": "not theirs"}.items():
        taken = outcome.milliseconds(kind)
        columns = [f"{percentile(taken, each):.0f} ms" for each in (50, 90, 95, 99, 100)]
        lines.append(f"| {name} | {len(taken)} | {' | '.join(columns)} |")
    channel, wrong = outcome.channel, sum(map(len, outcome.wrong.values()))
    said = f"""
{outcome.questions} questions open, {rate:.0f} answers a second from {PEOPLE} people; the sender was {outcome.left_late:.0f} ms late (p99).
Lost, doubled, foreign, or not told: {wrong}.
Every copy was settled and every outcome told {outcome.settled_seconds:.0f} s after the last answer: Teams takes 50 requests a second.
The channel took {channel["taken"]} requests and refused {channel["throttled"]} for a second.
While the answers came, the bot used {outcome.bot_seconds:.1f} s of processor time."""  # noqa: E501 - lines of Markdown
    return "\n".join([*lines, said])


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
