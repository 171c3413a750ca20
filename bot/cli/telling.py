"""Events in people's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.core import events as e
from orchestration.core.question import Answered, Shown
from orchestration.core.run import Person

_CHOICES = {
    "approve": "allowed it",
    "reject": "did not allow it",
    "retry": "said: try again",
    "skip": "said: go on without it",
    "cancel": "cancelled the run",
    "done": "confirmed that it was done",
    "not_done": "said that it was not done",
    "answer": "decided",
}
_NOTICES = {"progress": "the run's card", "outcome": "the outcome", "sign_in": "the sign-in card"}


_SKIPPED = {
    "condition": "its condition was false",
    "need": "it needs a step that was left out",
    "person": "a person said so",
    "rejected": "a person did not allow it",
}

Asked = Callable[[e.ApprovalDecided], tuple[Shown | None, Answered | None]]
Words = tuple[str, str]


@dataclass(frozen=True)
class Moment:
    """One line of a timeline; `tone` is good, bad, human or empty."""

    at: datetime
    about: str
    what: str
    tone: str = ""


class Teller:
    """Tells events in words; remembers names and questions on the way.

    Args:
        proposed: The run's first event.
        answers: What a decision was about and what it said, as far as it is still stored.
    """

    def __init__(self, proposed: e.RunProposed, answers: Asked) -> None:
        self._answers = answers
        self._initiator = proposed.initiator
        self._tasks = {name: node.title or name for name, node in proposed.plan.tasks.items()}
        self._people = {proposed.initiator.id: proposed.initiator}
        self._questions: dict[str, e.ApprovalRequested] = {}
        self._failures: dict[str, int] = {}

    def tell(self, event: e.Event) -> Iterator[Moment]:
        """What an event means; mostly one line."""
        about = self._about(event)
        for what, tone in self._said(event):
            yield Moment(event.at, about, what, tone)

    def _about(self, event: e.Event) -> str:
        if isinstance(event, e.ApprovalDecided):
            asked = self._questions.get(event.approval)
            return self._tasks.get(asked.task, asked.task) if asked else event.approval
        task = getattr(event, "task", "")
        return self._tasks.get(task, task) if task else "Run"

    def _said(self, event: e.Event) -> Iterable[Words]:
        match event:
            case e.RunProposed():
                return [(f"proposed to {who(event.initiator)}", "")]
            case e.RunStarted(by=by):
                return [(f"started by {who(by)}", "human")]
            case e.ApprovalRequested():
                return [self._asked(event)]
            case e.ApprovalDecided():
                return self._decided(event)
            case e.NoticeDelivered(notice=notice, to=to):
                return [(f"{self._notice(notice)} reached {self._name(to)}", "quiet")]
            case e.ClosingBegan() | e.RunSucceeded() | e.RunFailed() | e.RunCancelled():
                return [_ending(event)]
            case _:
                return [self._task(event)]

    def _task(self, event: e.Event) -> Words:
        match event:
            case e.TaskStarted():
                return self._began(event)
            case e.TaskSucceeded(summary=summary):
                return f"done{f': {summary}' if summary else ''}", "good"
            case e.TaskFailed(code=code, message=message):
                return f"failed ({code}): {message}", "bad"
            case e.TaskSkipped(reason=reason, message=message):
                return f"left out: {_SKIPPED[reason]}{f'. {message}' if message else ''}", ""
            case e.SignInRequested():
                return f"waits for {who(self._initiator)} to sign in", ""
            case e.SignedIn():
                return f"{who(self._initiator)} signed in", "human"
            case e.TaskReleased():
                self._failures[event.task] = 0
                return "got new tries", ""
            case _:
                return self._trouble(event)

    def _began(self, event: e.TaskStarted) -> Words:
        failures = self._failures.get(event.task, 0)
        again = f", try {failures + 1} of {event.attempts}" if failures else ""
        return f"began: {event.worker}, version {event.version}{again}{f', key {event.key}' if event.key else ''}", ""

    def _trouble(self, event: e.Event) -> Words:
        match event:
            case e.AttemptFailed(code=code, message=message, retry_at=again):
                failures = self._failures[event.task] = self._failures.get(event.task, 0) + 1
                return (
                    f"try {failures} failed ({code}): {message}{f' Again at {clock(again)}.' if again else ''}",
                    "bad",
                )
            case e.AttemptInterrupted():
                return "interrupted: the process ended; the try does not count", ""
            case e.TaskInDoubt(message=message, look_at=look):
                return f"in doubt: {message} Looked at again at {clock(look)}.", "bad"
            case e.DoubtResolved(happened=happened):
                return f"a look at the target: it was {'' if happened else 'not '}done", "good"
            case e.TaskCancelled():
                return "cancelled", ""
            case e.TimerFired():
                return "its time came", "quiet"
            case _:
                return type(event).__name__, ""

    def _asked(self, event: e.ApprovalRequested) -> Words:
        self._questions[event.approval] = event
        self._people |= {person.id: person for person in event.approvers}
        people = " or ".join(who(person) for person in event.approvers) or "nobody"
        return f"{people} was asked: {event.title}", ""

    def _decided(self, event: e.ApprovalDecided) -> list[Words]:
        self._people[event.by.id] = event.by
        shown, answered = self._answers(event)
        titles = {choice.id: choice.title for choice in shown.choices} if shown else {}
        said = titles.get(event.choice) or event.choice
        what = _CHOICES.get(event.choice, f"chose “{said}”")
        comment = f" “{event.comment}”" if event.comment else ""
        lines = [(f"{who(event.by)} {what}{comment}", "human")]
        if shown and answered:
            lines += [(f"  {line}", "human") for line in _itemised(shown, answered)]
        return lines

    def _notice(self, notice: str) -> str:
        kind = notice.partition(":")[0]
        if kind == "closed":
            return f"the closed form of {self._notice(notice.partition(':')[2])}"
        return "the question" if kind == "approval" else _NOTICES.get(kind, notice)

    def _name(self, person: str) -> str:
        known = self._people.get(person)
        return who(known) if known else person


def _ending(event: e.ClosingBegan | e.RunSucceeded | e.RunFailed | e.RunCancelled) -> Words:
    match event:
        case e.RunSucceeded():
            return "finished", "good"
        case e.RunFailed(code=code, message=message):
            return f"failed ({code}): {message}", "bad"
        case e.RunCancelled():
            return "cancelled", "bad"
        case _:
            by = f" by {who(event.by)}" if event.by else ""
            why = f": {event.message}" if event.message else ""
            return f"is being ended{by} ({event.outcome}){why}", "bad"


def _itemised(shown: Shown, answered: Answered) -> list[str]:
    """The rule for each kind, then the exceptions."""
    titles = {choice.id: choice.title for choice in shown.choices}
    items = {item.id: item.title for item in shown.items}
    rules = [f"{shown.kinds.get(kind, kind)}: {titles.get(choice, choice)}" for kind, choice in answered.rules.items()]
    return rules + [f"{items.get(item, item)}: {titles.get(c, c)}" for item, c in answered.exceptions.items()]


def who(person: Person) -> str:
    """A person by name, as far as known."""
    return person.name or person.upn or person.id


def clock(at: datetime) -> str:
    """The time of day, to the tenth of a second, where this machine is."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def since(length: timedelta) -> str:
    """`+0.4 s`, `+12 s`, `+3 min 05 s`, `+2 h 10 min`, `+3 d 4 h`."""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"+{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"+{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"+{hours} h {minutes:02} min" if hours < 48 else f"+{hours // 24} d {hours % 24} h"
