"""Writes up what humans are asked: the whole content of a card, and who may answer it."""

from __future__ import annotations

from collections import Counter
from itertools import count, islice
from typing import Any

import msgspec

from orchestration.capabilities import Registry, Worker
from orchestration.context.audience import named, refusal, sorted_out, spoken
from orchestration.core import commands as c
from orchestration.core import expressions
from orchestration.core.expressions import Scope
from orchestration.core.label import Label, Source, highest, within
from orchestration.core.plan import Choice, Question
from orchestration.core.question import ANSWER, CHOICES, Change, Field, Item, Shown
from orchestration.core.run import ApprovalState, Person, group_of
from orchestration.core.working_time import Availability
from orchestration.engines.flows import flow_of
from orchestration.engines.gates import Gate
from orchestration.engines.live import LiveRun
from orchestration.engines.scopes import around, scope
from orchestration.errors import Invalid
from orchestration.validation.policy_file import NoFile, Policies

MOST_SOURCES = 30
MOST_WALKED = 1000  # tasks: it is done for every question, while nothing else of the run can be
LONGEST_LINE = 80

Asked = tuple[c.RequestApproval, dict[str, bytes]]  # with the context entries that it names


class InvalidArguments(Invalid):
    """What the plan gives a worker or asks a person does not fit."""

    code = "invalid_arguments"


class Questions:
    """Makes the questions of any run.

    Args:
        registry: What capabilities are called.
        policies: Who may be shown what.
    """

    def __init__(self, registry: Registry, policies: Policies | None = None) -> None:
        self._registry, self._policies = registry, policies or NoFile()

    def title(self, live: LiveRun, name: str) -> str:
        """What people call a task."""
        node = live.run.nodes[name]
        capability = self._registry.capability(node.capability) if node.capability else None
        return node.title or (capability.title if capability else name.rpartition(".")[2])

    def before(self, live: LiveRun, name: str) -> str:
        """Context entry of what was shown when something was last asked about a task; empty if nothing was."""
        last = _last(live, name)
        return last.entry if last is not None else ""

    def decision(self, live: LiveRun, name: str, asked: Question, when: bool | None) -> c.RequestApproval:
        """The question of an approval node.

        Raises:
            ExpressionError: A reference does not hold.
            InvalidArguments: Nobody can be asked like this.
        """
        seen = scope(live, around(name))
        try:
            approvers = _approvers(asked, seen, live.run.initiator)
            items = msgspec.convert(expressions.resolve(asked.items, seen) or [], list[Item])
            choices = [Choice(each.id, expressions.resolve_text(each.title, seen)) for each in asked.choices]
            working = _working(expressions.resolve(asked.working, seen))
            delegates = msgspec.convert(expressions.resolve(asked.delegates, seen) or [], list[Person])
            escalate_to = expressions.resolve(asked.escalate_to, seen)
            escalate_to = msgspec.convert(escalate_to, Person) if escalate_to else None
        except msgspec.ValidationError as error:
            raise InvalidArguments(f"the question {asked.title!r} cannot be asked: {error}") from None
        approvers = _handed_on(approvers, delegates, _last(live, name))
        if twice := [item for item, times in Counter(item.id for item in items).items() if times > 1]:
            raise InvalidArguments(f"the question {asked.title!r} has several items called {twice[0]!r}")
        shown = Shown(
            kind="decision",
            title=expressions.resolve_text(asked.title, seen),
            on_behalf_of=live.run.initiator,
            text=expressions.resolve_text(asked.text, seen),
            items=items,
            kinds=asked.kinds,
            choices=choices or CHOICES["decision"],
            default=asked.default,
            why=expressions.resolve_text(asked.why, seen),
            sources=self._sources(live, name),
        )
        answers = [ANSWER] if items else [choice.id for choice in shown.choices]
        if live.run.dry:  # nobody else is bothered by a run that only shows what would happen
            return self._request(live, name, shown, [live.run.initiator], choices=answers, when=when)
        return self._request(
            live,
            name,
            shown,
            approvers,
            choices=answers,
            not_initiator=asked.not_initiator,
            when=when,
            quorum=asked.quorum,
            due_hours=asked.due_hours,
            remind_hours=asked.remind_hours,
            working=working,
            escalate_to=escalate_to,
            on_expiry=asked.on_expiry,
            delegates=_others(delegates, approvers, live.run.initiator if asked.not_initiator else None),
            revises=around(name) + asked.revises if asked.revises else "",
        )

    def write(
        self,
        live: LiveRun,
        name: str,
        worker: Worker,
        arguments: msgspec.Struct,
        inputs: str,
        when: bool | None,
        gate: Gate,
    ) -> c.RequestApproval:
        """Whether something may be written, or written again after what it was made from was taken back."""
        assert worker.preview is not None
        preview = worker.preview(arguments)
        task = live.run.tasks[name]
        if not task.stale:
            shown = Shown(
                kind="write",
                title=preview.title,
                on_behalf_of=live.run.initiator,
                facts=preview.facts,
                choices=CHOICES["write"],
                sources=self._sources(live, name),
                fields=[] if task.fell_back else _fields(worker, arguments),
                recipients=gate.recipients,
            )
            return self._request(
                live,
                name,
                shown,
                [live.run.initiator],
                inputs=inputs,
                when=when,
                editable=bool(worker.editable) and not task.fell_back,
                scope=gate.scope,
            )
        before = f"This was written before: {task.summary or preview.title}."
        undo = worker.compensation or "If it has to go, please take it back there yourself."
        shown = Shown(
            kind="stale",
            title=f"{self.title(live, name)}: what it was made from has changed",
            on_behalf_of=live.run.initiator,
            text=f"{before} {undo} Shall it be written again, like this?",
            facts=[("To be written", preview.title), *preview.facts],
            choices=CHOICES["stale"],
            recipients=gate.recipients,
        )
        return self._request(live, name, shown, [live.run.initiator], inputs=inputs, when=when)

    def failure(self, live: LiveRun, name: str) -> c.RequestApproval:
        """What shall become of a task that failed."""
        task = live.run.tasks[name]
        lost = [self.title(live, each) for each in _lost_without(live, name)]
        shown = Shown(
            kind="failure",
            title=f"{self.title(live, name)}: this did not work",
            on_behalf_of=live.run.initiator,
            text=task.message,
            facts=[
                ("Tried", "once" if task.spent <= 1 else f"{task.spent} times"),
                ("Without it", f"these are left out too: {', '.join(lost)}" if lost else "everything else goes on"),
            ],
            choices=CHOICES["failure"],
        )
        return self._request(live, name, shown, [live.run.initiator])

    def doubt(self, live: LiveRun, name: str, why: str) -> Asked:
        """The question whether a write took place, when looking did not tell; changes nothing in `live`."""
        shown = Shown(
            kind="in_doubt",
            title=f"{self.title(live, name)}: was it done?",
            on_behalf_of=live.run.initiator,
            text=f"{why} Please look there yourself, then say which it is. Tandem does not try again on its own.",
            choices=CHOICES["in_doubt"],
        )
        flow = flow_of(live.run, name)
        shown = self._labelled(live, shown, flow.label, tainted=flow.tainted)
        body = msgspec.json.encode(shown)
        entry = live.digest(body)
        return _request(name, shown, [live.run.initiator], entry), {entry: body}

    def _labelled(self, live: LiveRun, shown: Shown, label: Label, *, tainted: bool) -> Shown:
        """What is shown, with how sensitive it is.

        What became of a task has to be asked in any case: where the initiator may not see it, only that.
        """
        if within(label, self.ceiling(live.run.initiator)) or shown.kind not in ("failure", "in_doubt"):
            return msgspec.structs.replace(shown, label=label, tainted=tainted)
        said = f"What is to be said of it is {spoken(label)}, and that is more than may be shown to you."
        return msgspec.structs.replace(shown, text=said, facts=[], sources=[], label="public")

    def ceiling(self, person: Person) -> Label:
        """The most sensitive label that somebody may be shown; of whom nothing is known, what a guest may."""
        policy = self._policies.current()
        return policy.ceiling(person) if person.upn else policy.ceilings.guests

    def _audience(self, shown: Shown, approvers: list[Person], details: dict[str, Any]) -> tuple[Shown, list[Person]]:
        """Those of the people to be asked who may see what is shown; who may not is named, and not asked.

        Raises:
            NotCleared: Too few are left to answer.
        """
        may, may_not = sorted_out(approvers, shown.label, self.ceiling)
        if may_not and len(may) < details.get("quorum", 1):
            raise refusal(may_not, shown.label, self.ceiling, shown.title)
        if details.get("delegates"):
            details["delegates"] = sorted_out(details["delegates"], shown.label, self.ceiling)[0]
        later = details.get("escalate_to")
        if later is not None and not within(shown.label, self.ceiling(later)):
            may_not = [*may_not, later]
            details["escalate_to"] = None
        if may_not:
            said = f"{named(may_not, self.ceiling)}: this is {spoken(shown.label)}"
            shown = msgspec.structs.replace(shown, facts=[*shown.facts, ("Not asked", said)])
        return shown, may

    @staticmethod
    def _sources(live: LiveRun, name: str) -> list[Source]:
        """What a task was made from: what it and all tasks before it read outside, each thing once."""
        found: dict[tuple[str, str, str], Source] = {}
        seen, queue = set[str](), [name]
        around_it = {group_of(name)} if "." in name else set[str]()
        while queue and len(seen) < MOST_WALKED:
            each = queue.pop()
            if not each or each in seen:
                continue
            seen.add(each)
            for source in live.run.tasks[each].sources:
                found.setdefault((source.system, source.title, source.link), source)
            node = live.run.nodes[each]
            queue += [around(each) + need for need in (*node.needs, *node.watches)]
            if each in around_it:  # what it is given from outside, not the other items
                around_it.add(group_of(each))
            elif each in live.run.groups:
                queue += _first(live, each)
            if each == name or each in around_it:
                queue.append(group_of(each))
        return sorted(found.values(), key=lambda source: (source.system, source.title))[:MOST_SOURCES]

    def _request(
        self,
        live: LiveRun,
        name: str,
        shown: Shown,
        approvers: list[Person],
        *,
        choices: list[str] | None = None,
        **details: Any,
    ) -> c.RequestApproval:
        flow = flow_of(live.run, name)
        label, tainted = flow.label, flow.tainted
        if before := self.before(live, name):
            earlier = msgspec.convert(live.value(before), Shown)
            if earlier.kind == shown.kind:
                shown = msgspec.structs.replace(shown, changed=_changes(earlier, shown))
            # It shows that too, or tells of it: what was written before is told by its summary.
            label, tainted = highest((label, earlier.label)), tainted or earlier.tainted
        shown = self._labelled(live, shown, label, tainted=tainted)
        shown, approvers = self._audience(shown, approvers, details)
        details |= {"label": shown.label, "tainted": shown.tainted}
        asked = _request(name, shown, approvers, live.keep(msgspec.json.encode(shown)))
        return msgspec.structs.replace(asked, choices=choices or asked.choices, **details)


def _fields(worker: Worker, arguments: msgspec.Struct) -> list[Field]:
    """The arguments that may be changed, as they are now."""
    given, fields = msgspec.to_builtins(arguments), []
    for name in worker.editable:
        several = isinstance(given[name], list)
        value = "\n".join(str(each) for each in given[name]) if several else str(given[name] or "")
        multiline = several or "\n" in value or len(value) > LONGEST_LINE
        fields.append(Field(name=name, title=name.replace("_", " ").capitalize(), value=value, multiline=multiline))
    return fields


def _changes(before: Shown, now: Shown) -> list[Change]:
    """What differs from what was asked before, line by line."""

    def lines(shown: Shown) -> dict[str, str]:
        items = {item.title: "; ".join(f"{label}: {value}" for label, value in item.facts) for item in shown.items}
        whole = {"Title": shown.title, "Text": shown.text, **dict(shown.facts), **items}
        return {**whole, **{field.title: field.value for field in shown.fields}}

    old, new = lines(before), lines(now)
    return [
        Change(label=label, before=old.get(label, ""), now=new.get(label, ""))
        for label in {**old, **new}
        if old.get(label, "") != new.get(label, "")
    ]


def _last(live: LiveRun, name: str) -> ApprovalState | None:
    """The last question about a task."""
    last = None
    for number in count(1):
        if (asked := live.run.approvals.get(f"{name}.{number}")) is None:
            break
        last = asked
    return last


def _handed_on(approvers: list[Person], delegates: list[Person], last: ApprovalState | None) -> list[Person]:
    """Those to whom the approvers handed the question that this one replaces, as far as they still may answer."""
    eligible = {person.id for person in delegates}
    for before, to in last.delegated if last is not None and last.replaced else ():
        if to.id in eligible and all(person.id != to.id for person in approvers):
            approvers = [to if person.id == before.id else person for person in approvers]
    return approvers


def _first(live: LiveRun, group: str) -> list[str]:
    """The first tasks inside a group, of its items or rounds in turn."""
    begun, body = live.run.groups[group].begun, live.run.nodes[group].body
    numbers = range(1, min(begun, MOST_WALKED) + 1)
    inside = (f"{group}.{number}.{child}" for number in numbers for child in body)
    return [name for name in islice(inside, MOST_WALKED) if name in live.run.tasks]


def _approvers(asked: Question, seen: Scope, initiator: Person) -> list[Person]:
    if not asked.approvers:
        return [msgspec.convert(expressions.resolve(asked.approver, seen), Person)]
    people = msgspec.convert(expressions.resolve(asked.approvers, seen), list[Person])
    if asked.not_initiator:  # of a group, everybody else
        people = [person for person in people if person.id != initiator.id] or people
    return list({person.id: person for person in people}.values())


def _others(people: list[Person], asked: list[Person], barred: Person | None) -> list[Person]:
    """Those to whom a question may be handed: who is not asked anyway, and may answer."""
    out = {person.id for person in asked} | ({barred.id} if barred else set())
    return list({person.id: person for person in people if person.id not in out}.values())


def _working(given: Any) -> list[Availability]:
    if not given:
        return []
    return msgspec.convert(given if isinstance(given, list) else [given], list[Availability])


def _request(name: str, shown: Shown, approvers: list[Person], entry: str) -> c.RequestApproval:
    return c.RequestApproval(
        task=name,
        kind=shown.kind,
        title=shown.title,
        approvers=approvers,
        choices=[choice.id for choice in shown.choices],
        entry=entry,
    )


def _lost_without(live: LiveRun, name: str) -> list[str]:
    """Tasks that would be skipped if this one were."""
    lost, queue = {name}, [name]
    while queue:
        gone = queue.pop()
        for dependent in live.run.dependents[gone]:
            if dependent not in lost and gone.rpartition(".")[2] not in live.run.nodes[dependent].optional:
                lost.add(dependent)
                queue.append(dependent)
    return [each for each in live.run.nodes if each in lost and each != name]
