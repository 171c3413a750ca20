"""Events in people's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.cli.phrases import (
    CHOICES,
    EXPIRED,
    NOTICES,
    ROUNDS,
    SHORT_ENTRY,
    SKIPPED,
    clock,
    day,
    marks,
    result,
    taken,
    who,
)
from bot.cli.remarks import said_by
from bot.routes.receipt import Routed
from orchestration.core import events as e
from orchestration.core.question import Answered, Shown

Asked = Callable[[e.ApprovalDecided], tuple[Shown | None, Answered | None]]
Words = tuple[str, str]


@dataclass(frozen=True)
class Moment:
    """One line of a timeline; `tone` is good, bad, human or empty, `seq` the event's number in its run."""

    at: datetime
    about: str
    what: str
    tone: str = ""
    seq: int = 0


class Teller:
    """Tells events in words; remembers names and questions on the way.

    Args:
        proposed: The run's first event.
        answers: What a decision was about and what it said, as far as it is still stored.
    """

    def __init__(self, proposed: e.RunProposed, answers: Asked) -> None:
        self._answers = answers
        self._initiator = proposed.initiator
        self._plan = proposed.plan
        self._people = {proposed.initiator.id: proposed.initiator}
        self._questions: dict[str, e.ApprovalRequested] = {}
        self._failures: dict[str, int] = {}
        self._votes: dict[str, list[e.ApprovalVoted]] = {}
        self._seq = 0

    def tell(self, event: e.Event) -> Iterator[Moment]:
        """What an event means; mostly one line."""
        self._seq += 1
        about = self._about(event)
        for what, tone in self._said(event):
            yield Moment(event.at, about, what, tone, self._seq)

    def _about(self, event: e.Event) -> str:
        asked = self._questions.get(getattr(event, "approval", ""))
        task = getattr(event, "task", "") or (asked.task if asked else "")
        return self._title(task) if task else getattr(event, "approval", "Run")

    def _title(self, task: str) -> str:
        """A task in people's words; one of a group with its own name, which commands take."""
        first, *inside = task.split(".")[::2]
        node = self._plan.tasks.get(first)
        for name in inside:
            node = node.body.get(name) if node else None
        title = (node and node.title) or task
        return title if "." not in task or title == task else f"{title} ({task})"

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
            case e.NoticeDelivered():
                return [self._delivered(event)]
            case e.ClosingBegan() | e.RunSucceeded() | e.RunFailed() | e.RunCancelled():
                return [_ending(event)]
            case e.RunPaused() | e.RunResumed() | e.RunReopened() | e.RunForked():
                if isinstance(event, e.RunReopened):
                    self._failures.clear()
                return [_steered(event)]
            case e.EntryRetracted() | e.AmendmentAccepted() | e.AmendmentDropped() | e.PlanAmended():
                return [self._otherwise(event)]
            case e.ApprovalVoted() | e.ApprovalReminded() | e.ApprovalEscalated() | e.ApprovalExpired():
                return [self._meanwhile(event)]
            case e.GroupOpened() | e.RoundEnded():
                return [self._group(event)]
            case _:
                return [self._task(event)]

    def _task(self, event: e.Event) -> Words:
        match event:
            case e.TaskStarted():
                return self._began(event)
            case e.TaskSucceeded(summary=summary, entry=entry):
                said = f"done{f': {summary}' if summary else ''}{result(entry)}"
                return said + marks(event.label, tainted=event.tainted), "good"
            case e.WorkAsserted(part=part, done=done, of=of):
                return f"vouches for {done:,} of {of:,}: {part}", ""
            case e.ModelUsed(usage=usage):
                return f"asked {usage.model}: {taken(usage)}", "" if usage.outcome == "used" else "bad"
            case e.TaskFailed(code=code, message=message):
                return f"failed ({code}): {message}", "bad"
            case e.TaskSkipped(reason=reason, message=message):
                return f"left out: {SKIPPED[reason]}{f': {message}' if message else ''}", ""
            case e.SignInRequested():
                return f"waits for {who(self._initiator)} to sign in", ""
            case e.SignedIn():
                return f"{who(self._initiator)} signed in", "human"
            case e.TaskReleased():
                self._failures[event.task] = 0
                return "got new tries", ""
            case (
                e.ApprovalDelegated()
                | e.ApprovalQuestioned()
                | e.ApprovalExplained()
                | e.FeedbackGiven()
                | e.ArgumentsEdited()
                | e.GrantGiven()
                | e.AnswerRefused()
                | e.FeedbackLeft()
            ):
                self._people.setdefault(event.by.id, event.by)
                return said_by(event)
            case _:
                return self._trouble(event)

    def _began(self, event: e.TaskStarted) -> Words:
        failures = self._failures.get(event.task, 0)
        again = f", try {failures + 1} of {event.attempts}" if failures else ""
        began = f"began: {event.worker}, version {event.version}{again}{f', key {event.key}' if event.key else ''}"
        return began + marks(event.label, tainted=event.tainted), ""

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
            case e.TaskFellBack(capability=capability):
                self._failures[event.task] = 0
                return f"goes on with {capability} instead", ""
            case e.StepJournaled():
                return "prepared what is to be sent", ""
            case e.WriteKept():
                return "it would be the same again: what was written stays", "good"
            case e.TimerFired():
                return "its time came", "quiet"
            case _:
                return type(event).__name__, ""

    def _asked(self, event: e.ApprovalRequested) -> Words:
        self._questions[event.approval] = event
        self._people |= {person.id: person for person in event.approvers}
        people = " or ".join(who(person) for person in event.approvers) or "nobody"
        many = f" ({event.quorum} have to approve)" if event.quorum > 1 else ""
        due = f" (due {day(event.due_at)})" if event.due_at else ""
        return f"{people} was asked{many}: {event.title}{due}", ""

    def _meanwhile(
        self, event: e.ApprovalVoted | e.ApprovalReminded | e.ApprovalEscalated | e.ApprovalExpired
    ) -> Words:
        asked = self._questions.get(event.approval)
        votes = self._votes.setdefault(event.approval, [])
        match event:
            case e.ApprovalVoted(by=by, choice=choice, comment=comment):
                votes.append(event)
                self._people[by.id] = by
                yes = sum(vote.choice == "approve" for vote in votes)
                of = f" ({yes} of {asked.quorum} needed)" if asked else ""
                what = CHOICES.get(("decision", choice), f"chose “{choice}”")
                via = f" in {event.via}" if event.via else ""
                return f"{who(by)} {what}{via}{f' “{comment}”' if comment else ''}{of}", "human"
            case e.ApprovalReminded():
                said = {vote.by.id for vote in votes}
                late = [who(person) for person in (asked.approvers if asked else []) if person.id not in said]
                return f"reminder to {' and '.join(late) or 'whoever has not answered'}", ""
            case e.ApprovalEscalated(to=to, due_at=due):
                self._people[to.id] = to
                why = "everybody asked is away" if asked and asked.at == event.at else "nobody answered in time"
                return f"{why}: {who(to)} was asked as well{f', due {day(due)}' if due else ''}", "bad"
            case _:
                return f"nobody answered in time: {EXPIRED[asked.on_expiry if asked else 'wait']}", "bad"

    def _group(self, event: e.GroupOpened | e.RoundEnded) -> Words:
        match event:
            case e.RoundEnded(number=number, verdict=verdict):
                return f"round {number} ended: {ROUNDS[verdict]}", ""
            case _ if (node := self._plan.tasks.get(event.task)) and node.repeat:
                return f"began: at most {node.repeat.at_most} rounds", ""
            case _:
                return f"began: {event.count:,} items" if event.count else "began", ""

    def _otherwise(self, event: e.EntryRetracted | e.AmendmentAccepted | e.AmendmentDropped | e.PlanAmended) -> Words:
        match event:
            case e.EntryRetracted():
                self._failures.clear()
                return self._retracted(event)
            case e.AmendmentAccepted(by=by):
                return f"{who(by)} wants the plan changed; what is being written is settled first", "human"
            case e.AmendmentDropped(code=code, message=message):
                return f"the change of the plan was not made ({code}): {message}", "bad"
            case e.PlanAmended():
                self._failures.clear()
                return self._amended(event)

    def _amended(self, event: e.PlanAmended) -> Words:
        before, now = self._plan.tasks, event.plan.tasks
        anew = {*event.removed, *event.tasks, *event.writes}
        parts = [
            ("added", [name for name in now if name not in before]),
            ("left out", [name for name in before if name not in now]),
            ("something else instead of", [name for name in event.removed if name in now]),
            ("changed", [name for name in now if name not in anew and before.get(name, now[name]) != now[name]]),
            ("changed or done again", event.tasks),
            ("looked at again", event.writes),
        ]
        titles = {name: self._title(name) for name in before}
        self._plan = event.plan
        titles |= {name: self._title(name) for name in now if name not in titles}
        said = "; ".join(f"{what}: {', '.join(titles[name] for name in names)}" for what, names in parts if names)
        return f"{who(event.by)} changed the plan (revision {event.revision}){f': {said}' if said else ''}", "human"

    def _retracted(self, event: e.EntryRetracted) -> Words:
        said = f"{who(event.by)} took back the result {event.entry[:SHORT_ENTRY]}"
        said += f" “{event.reason}”" if event.reason else ""
        again = ", ".join(self._title(name) for name in event.tasks) or "nothing"
        writes = ", ".join(self._title(name) for name in event.writes)
        return f"{said}. Done again: {again}.{f' Looked at again: {writes}.' if writes else ''}", "human"

    def _decided(self, event: e.ApprovalDecided) -> list[Words]:
        self._people[event.by.id] = event.by
        shown, answered = self._answers(event)
        titles = {choice.id: choice.title for choice in shown.choices} if shown else {}
        said = titles.get(event.choice) or event.choice
        asked = self._questions.get(event.approval)
        what = CHOICES.get((asked.kind if asked else "", event.choice), f"chose “{said}”")
        comment = f" “{event.comment}”" if event.comment else ""
        via = f" in {event.via}" if event.via else ""
        lines = [(f"{who(event.by)} {what}{via}{comment}", "human")]
        if shown and answered:
            lines += [(f"  {line}", "human") for line in _itemised(shown, answered)]
        return lines

    def _delivered(self, event: e.NoticeDelivered) -> Words:
        kind = event.notice.partition(":")[0]
        if kind == "withdrawn":
            return f"{event.receipt} knows that {self._name(event.to)} is not asked any more", "quiet"
        routed = Routed.decode(event.receipt) if kind in ("approval", "reminder") else None
        if routed is None:
            return f"{self._notice(event.notice)} reached {self._name(event.to)}", "quiet"
        way = "by mail, without Tandem in Teams" if routed.route == "mail" else f"in {routed.reference}"
        return f"{self._notice(event.notice)} reached {self._name(event.to)} {way}", "human"

    def _notice(self, notice: str) -> str:
        kind = notice.partition(":")[0]
        if kind in ("closed", "told"):
            return f"the newer form of {self._notice(notice.partition(':')[2])}"
        return NOTICES.get(kind, notice)

    def _name(self, person: str) -> str:
        known = self._people.get(person)
        return who(known) if known else person


def _steered(event: e.RunPaused | e.RunResumed | e.RunReopened | e.RunForked) -> Words:
    by = who(event.by)
    match event:
        case e.RunPaused():
            return f"paused by {by}: nothing new is begun", "human"
        case e.RunResumed():
            return f"let go on by {by}", "human"
        case e.RunReopened():
            return f"taken up again by {by} after it had failed", "human"
        case _:
            return f"{by} began a dry run from here, event {event.upto} of run {event.of}: nothing is written", "human"


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
