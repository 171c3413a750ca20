"""What people press, and what has to be found afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from bot.cards.buttons import APPROVAL_DECIDE
from bot.wire import CARD
from orchestration.core import events as e
from orchestration.core.run import Person
from tests.load.channel import Channel, activity, chat
from tests.load.people import ASKED
from tests.load.sender import Result
from tests.support.chat import buttons

TWICE_EVERY, FOREIGN_EVERY = 20, 25
Kind = Literal["first", "again", "foreign"]


class Press(msgspec.Struct, frozen=True):
    """Somebody's answer to a question.

    Attributes:
        kind: `first`; `again`, because the channel did not hear in time; `foreign`, by somebody who was not asked.
        at: When it is due, in seconds after the start.
        message: The one with the card.
    """

    by: Person
    run_id: str
    approval: str
    comment: str
    message: str
    kind: Kind
    at: float
    activity: Any


def asks(card: object) -> bool:
    """Whether a card waits for an answer."""
    return APPROVAL_DECIDE in str(card)


def of(channel: Channel, everybody: list[Person], rate: float) -> list[Press]:
    """One press for each card that asks, by whom it was sent to, everybody in turn; and those that should not be."""
    by_chat = {chat(person): person for person in everybody}
    queues: dict[str, list[str]] = {}
    for number, card in channel.cards().items():
        if asks(card):
            queues.setdefault(channel.chats[number], []).append(number)
    longest = max(map(len, queues.values()))
    turns = [queue[place] for place in range(longest) for queue in queues.values() if place < len(queue)]
    presses: list[Press] = []
    for place, number in enumerate(turns):
        person, at = by_chat[channel.chats[number]], place / rate
        made: list[tuple[Kind, Person, float, str]] = [("first", person, at, f"press-{place}")]
        if place % TWICE_EVERY == 0:
            made.append(("again", person, at + 0.02, f"press-{place}"))
        if place % FOREIGN_EVERY == 0:
            other = everybody[(everybody.index(person) + 1) % len(everybody)]
            made.append(("foreign", other, max(0.0, at - 0.01), f"foreign-{place}"))
        verb, data = _answer(channel.card(number), place)
        value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"}
        about = {"name": "adaptiveCard/action", "value": value, "replyToId": number}
        for kind, by, due, id_ in made:
            sent = activity(by, channel.url, "invoke", id_, **about)
            presses.append(Press(by, data["run_id"], data["approval"], data["comment"], number, kind, due, sent))
    return presses


def _answer(card: Any, place: int) -> tuple[str, dict[str, Any]]:
    """The button that is pressed, with what is typed and chosen on the card."""
    titles = buttons(card)
    title = next(each for each in ("Send decisions", ("Approve", "Reject")[place % 2]) if each in titles)
    chosen = {"rule:amount": "right"} if title == "Send decisions" else {}
    return titles[title]["verb"], {**titles[title]["data"], **chosen, "comment": f"answer {place}"}


def compare(
    presses: Sequence[Press], results: Sequence[Result], log: Mapping[str, Sequence[e.Event]]
) -> dict[str, list[str]]:
    """What does not fit between what people pressed, what they were answered, and what the log says."""
    wrong: dict[str, list[str]] = {"answers": [], "log": [], "runs": []}
    for press, result in zip(presses, results, strict=True):
        body = result.body if isinstance(result.body, dict) else {}
        settled = body.get("type") == CARD and not asks(body)
        if result.status != 200 or settled is (press.kind == "foreign"):
            wrong["answers"].append(f"{press.kind} {press.comment}: {result.status} {str(result.body)[:300]}")
    said = {(each.run_id, each.approval): each for each in presses if each.kind == "first"}
    refused = Counter((each.run_id, each.approval, each.by.id) for each in presses if each.kind == "foreign")
    decided: Counter[tuple[str, str]] = Counter()
    for run_id, events in log.items():
        for event in events:
            match event:
                case e.ApprovalRequested(approval=which) if (run_id, which) not in said:
                    wrong["log"].append(f"{run_id} {which}: asked, but nobody had a card")
                case e.ApprovalDecided(approval=which):
                    decided[run_id, which] += 1
                    press = said[run_id, which]
                    if (event.by.id, event.comment) != (press.by.id, press.comment):
                        wrong["log"].append(f"{run_id} {which}: {event.by.name} {event.comment!r}, not {press.comment}")
                case e.AnswerRefused(approval=which):
                    refused[run_id, which, event.by.id] -= 1
        done = sum(isinstance(each, e.TaskSucceeded) and each.task.startswith("then") for each in events)
        if done != ASKED or not any(isinstance(each, e.RunSucceeded) for each in events):
            wrong["runs"].append(f"{run_id}: went on after {done} answers only")
    wrong["log"] += [f"{each}: decided {decided[each]} times" for each in said if decided[each] != 1]
    wrong["log"] += [f"{each}: {count} refusals are not in the log" for each, count in refused.items() if count]
    return wrong
