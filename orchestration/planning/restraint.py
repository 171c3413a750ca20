"""Holds a model's plan to the words of the person whose goal it is for.

A model may be talked into anything by a text that it is given. So whoever a plan sends to, asks, looks up or reads from
must have been named by the person, or be found in the directory from what they said; nobody is found in what was read.
What breaks a rule is told in words for the model. That writes are asked about is the policy's matter, whatever is
planned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from orchestration.capabilities import Capability
from orchestration.core.expressions import condition_references
from orchestration.core.plan import Node
from orchestration.planning.agreement import agreement_problems
from orchestration.planning.assembly import Proposal
from orchestration.planning.bounds import STRING
from orchestration.planning.naming import (
    WHERE,
    WHO,
    all_nodes,
    named_by,
    naming,
    pieces_of,
    reads,
    strings,
    without_comparisons,
)
from orchestration.planning.schemas import Shape
from orchestration.planning.spoken import ADDRESS, GLUE, Spoken
from orchestration.validation.links import strays
from orchestration.validation.text import clean

MOST_WRITES = 10

_LOOKUPS = "people."
_OWNER = "files.owner"
_MANAGER = "people.manager"
# How people speak of whoever they report to.
_SUPERIORS = (
    *("manager", "boss", "supervisor", "superior", "report", "lead", "leader", "leadership", "chief", "head"),
    *("chef", "vorgesetzte", "vorgesetzter", "leiter", "leitung", "fuehrungskraft"),
)
_METHODS = frozenset({"map", "filter"})
_FUNCTIONS = frozenset({"size", "has", "map", "filter"})
_METHOD = re.compile(r"\.\s*(\w+)\s*\(")
_FUNCTION = re.compile(r"(?<![\w.])(\w+)\s*\(")
_NOT_WHO = (
    "does not say who is meant. That may come from people.find, people.roster, people.manager or people.members, from "
    "run.initiator, or from the comment of a question to the initiator, and never from what was read"
)
_SENT_TO = frozenset({"to", "cc", "bcc"})  # a read sends nothing: there it is until when
_DATED = ("date", "date-time", "time", "duration")
_WORD_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_CHOICE_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Restraint:
    """Judges proposals for one person.

    Args:
        usable: What the person's runs may use, by name.
        closed: What they may not, by name; only told apart so that a model can say so.
        spoken: What the person has said.
        allows: Whether the deployment lets what goes out hold a link to an address.
    """

    def __init__(
        self,
        usable: Mapping[str, Capability],
        closed: Collection[str],
        spoken: Spoken,
        allows: Callable[[str], bool],
    ) -> None:
        self._usable, self._closed, self._spoken, self._allows = usable, closed, spoken, allows

    def problems(self, proposal: Proposal) -> list[str]:
        """Everything that a proposal does without the person having asked for it; empty if it may be shown."""
        spoken = self._spoken
        if proposal.run is not None:
            spoken = spoken.and_also(named_by(proposal.run.plan))
        return list(dict.fromkeys(_Judge(self._usable, self._closed, spoken, self._allows, proposal).problems()))

    def text_problems(self, path: str, text: str) -> list[str]:
        """What a text for people may not hold: links and addresses that were not said."""
        return list(_text_problems(path, text, self._spoken, self._allows))


class _Judge:
    def __init__(
        self,
        usable: Mapping[str, Capability],
        closed: Collection[str],
        spoken: Spoken,
        allows: Callable[[str], bool],
        proposal: Proposal,
    ) -> None:
        self._usable, self._closed, self._spoken, self._allows = usable, closed, spoken, allows
        self._plan, self._fresh, self._said = proposal.plan, proposal.fresh, proposal.said
        self._before = proposal.run.plan if proposal.run is not None else None
        self._before = proposal.run.plan if proposal.run is not None else None

    def problems(self) -> Iterator[str]:
        writes = 0
        for name, node in self._plan.tasks.items():
            if name in self._fresh:
                writes += sum(self._writes(each) for each in all_nodes({name: node}))
                yield from self._node(f"tasks.{name}", node, self._plan.tasks, "")
            else:
                yield from self._kept(f"tasks.{name}", node)
        if writes > MOST_WRITES:
            yield f"tasks: {writes} of them write, and {MOST_WRITES} are possible: do less at once"
        title, ending, before = self._plan.title, self._plan.answer, self._before
        if self._fresh if before is None else title != before.title:
            yield from self._text("title", title)
        if self._fresh if before is None else ending != before.answer:
            yield from self._text("answer", [ending.text, ending.link, *ending.facts])
        yield from self._parameters()
        if self._before is not None:
            yield from agreement_problems(self._before, self._plan, self._writes)

    def _writes(self, node: Node) -> bool:
        capability = self._usable.get(node.capability)
        return capability is not None and capability.effect == "write"

    def _node(self, path: str, node: Node, tasks: Mapping[str, Node], items: str) -> Iterator[str]:
        """Problems of one fresh task; `items` is what an enclosing `for_each` goes through."""
        yield from self._text(path, [node.title, node.with_])
        if node.capability:
            yield from self._permitted(path, node.capability)
            yield from self._manager(path, node)
            for where, value in self._naming(node):
                yield from self._who(f"{path}.arguments.{where}", value, tasks, items)
        if node.approval is not None:
            asked = node.approval
            yield from self._text(path, [asked.title, asked.text, *(each.title for each in asked.choices)])
            yield from self._who(f"{path}.question.approver", asked.approver, tasks, items, asked=True)
            yield from (
                f"{path}.question.choices: the id {clean(each.id, 40)!r} must be a word such as yes or first"
                for each in asked.choices
                if not _CHOICE_ID.fullmatch(each.id)
            )
        if node.for_each is not None:
            yield from self._text(path, node.for_each.items)
            for name, inner in node.for_each.tasks.items():
                around = {**tasks, **node.for_each.tasks}
                yield from self._node(f"{path}.{name}", inner, around, node.for_each.items)

    def _kept(self, path: str, node: Node) -> Iterator[str]:
        """A task that stays names whom it named before, unless what it reads that from is new."""
        for each in all_nodes({"": node}):
            values = list(self._of_people(each))
            if node.for_each is not None and any("for_each" in text for text in strings(values)):
                values.append(node.for_each.items)
            for read in sorted(reads(values)):
                steps = read.split(".")
                fresh = steps[0] == "tasks" and steps[1:2] and steps[1] in self._fresh
                if fresh and not self._may_name(read, self._plan.tasks, "", asked=each.approval is not None):
                    yield f"{path}: {read} {_NOT_WHO}"

    def _permitted(self, path: str, name: str) -> Iterator[str]:
        if name in self._closed:
            yield (
                f"{path}.capability: {name} is not for this person. If the goal cannot do without it, answer with "
                f"outcome refusal and capability {name}"
            )
        elif name not in self._usable:
            yield f"{path}.capability: there is no {clean(name, 60)!r} here; use only what the catalogue lists"

    def _text(self, path: str, value: Any) -> Iterator[str]:
        """Links and addresses that a text, or an expression in it, holds and that nobody has said."""
        for text in strings(value):
            for is_expression, piece in pieces_of(text):
                said = [found[1:-1] for found in STRING.findall(piece)] if is_expression else [piece]
                for each in said:
                    yield from _text_problems(path, each, self._spoken, self._allows)

    def _who(
        self, path: str, value: Any, tasks: Mapping[str, Node], items: str, *, asked: bool = False
    ) -> Iterator[str]:
        for text in strings(value):
            cut = pieces_of(text)
            computed = any(is_expression for is_expression, _ in cut)
            for is_expression, piece in cut:
                if is_expression:
                    yield from self._computed(path, piece, tasks, items, asked=asked)
                else:
                    yield from self._beside(path, piece) if computed else self._named(path, piece)

    def _beside(self, path: str, text: str) -> Iterator[str]:
        """Nothing is written onto what was looked up: a said word could make another address of it."""
        if not GLUE.fullmatch(text):
            yield (
                f"{path}: the person did not say {clean(text, 60)!r} like this: beside what is computed only blanks, "
                "commas and < > may stand. Name others by a text of their own"
            )

    def _named(self, path: str, text: str) -> Iterator[str]:
        for unsaid in self._spoken.unsaid(text):
            yield (
                f"{path}: the person did not say {clean(unsaid, 80)!r}. Name people, groups, teams, sites and "
                "mailboxes only in the person's own words, or ask them with outcome question"
            )

    def _computed(
        self, path: str, expression: str, tasks: Mapping[str, Node], items: str, *, asked: bool = False
    ) -> Iterator[str]:
        """Whether an expression can give nobody but whom the person named, or the directory found for that."""
        rest = without_comparisons(expression)
        if "\\" in rest:
            yield f"{path}: no backslashes in what says who is meant"
            return
        for text in STRING.findall(rest):
            yield from self._beside(path, text[1:-1])
        bare = STRING.sub("''", rest)
        odd = {*_METHOD.findall(bare)} - _METHODS | {*_FUNCTION.findall(bare)} - _FUNCTIONS
        if odd or "{" in bare or "%" in bare:
            what = ", ".join(sorted(odd)) or "this"
            yield f"{path}: {clean(what, 60)} may not be used where it says who is meant; map and filter may"
        for read in sorted(condition_references(bare)):
            if read.startswith("params."):
                yield from self._named(path, str(self._plan.params.get(read.split(".")[1], "")))
            elif not self._may_name(read, tasks, items, asked=asked):
                yield f"{path}: {read} {_NOT_WHO}"

    def _may_name(self, read: str, tasks: Mapping[str, Node], items: str, *, asked: bool) -> bool:
        root, *steps = read.split(".")
        if root == "run":
            return steps[:1] == ["initiator"]
        if root == "for_each":
            return steps[:1] == ["item"] and bool(items) and not any(self._who("", items, tasks, ""))
        node = tasks.get(steps[0]) if root == "tasks" and steps else None
        if node is None:
            return False
        if node.approval is not None:
            return steps[1:2] == ["comment"] and node.approval.approver.strip() in ("${run.initiator}", "initiator")
        if node.for_each is not None:
            return all(each.capability.startswith(_LOOKUPS) for each in all_nodes(node.for_each.tasks))
        return node.capability.startswith(_LOOKUPS) or (asked and node.capability == _OWNER)

    def _manager(self, path: str, node: Node) -> Iterator[str]:
        """The initiator's manager is found without a name: it takes the person to have spoken of them."""
        who = str(node.with_.get("who", ""))
        mine = node.capability == _MANAGER and (not who.strip() or ("${" in who and not reads(who)))
        if mine and not self._spoken.has_any(_SUPERIORS):
            yield (
                f"{path}: the person did not speak of their manager. Leave them out, or ask with outcome question "
                "whether they are meant"
            )

    def _parameters(self) -> Iterator[str]:
        """Values that the model has given to parameters: people by their own words, other texts without links."""
        read = {each for node in all_nodes(self._plan.tasks) for each in reads(list(self._of_people(node)))}
        naming = {each.split(".")[1] for each in read if each.startswith("params.")}
        for name in sorted(self._said):
            text = str(self._plan.params.get(name, ""))
            yield from (
                self._named(f"parameters.{name}", text)
                if name in naming
                else self._text(f"parameters.{name}", text.replace("${", "$ {"))
            )

    def _naming(self, node: Node) -> Iterator[tuple[str, Any]]:
        """Arguments that name somebody; of a write also those that name a place, are called alike, or hold a name.

        What takes only days, numbers or true and false names nobody, whatever it is called.
        """
        capability, writes = self._usable.get(node.capability), self._writes(node)
        fields = Shape(capability.input_schema).fields() if capability else None
        shapes = {name: (fields[0].get(name) if fields else None) or Shape({}) for name in node.with_}
        given = {name: value for name, value in node.with_.items() if _may_be_text(shapes[name])}
        names = WHO | WHERE if writes else WHO - _SENT_TO
        yield from naming(given, names)
        for name, value in given.items():
            if writes and name.casefold() not in names:
                alike = not WHO.isdisjoint(each.casefold() for each in _WORD_OF_NAME.findall(name))
                if alike or (isinstance(value, str) and not names.isdisjoint(shapes[name].names())):
                    yield name, value

    def _of_people(self, node: Node) -> Iterator[Any]:
        yield from (value for _, value in self._naming(node))
        if node.approval is not None:
            yield from (node.approval.approver, node.approval.approvers, node.approval.delegates)


def _may_be_text(shape: Shape) -> bool:
    """Whether anything but days, numbers, and true or false may stand there."""
    for each in shape.variants():
        said = each.get("type", "object")
        kinds = {said} if isinstance(said, str) else set(said)
        if kinds & {"object", "array"} or ("string" in kinds and each.get("format") not in _DATED):
            return True
    return False


def _text_problems(path: str, text: str, spoken: Spoken, allows: Callable[[str], bool]) -> Iterator[str]:
    for address in ADDRESS.findall(text):
        if not spoken.has_address(address):
            yield f"{path}: the person did not say the address {clean(address, 80)!r}: leave it out"
    for link in strays(text, lambda url: allows(url) or spoken.has_link(url)):
        if spoken.has_address(link.removeprefix("mailto:")):
            continue
        yield f"{path}: the person did not say the link {clean(link, 80)!r}: leave it out"
