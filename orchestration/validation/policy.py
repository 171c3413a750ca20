"""What a deployment lets Tandem do: rules for capabilities, who may use them, ceilings, hosts, systems that decide."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeVar

import msgspec

from orchestration.core.label import Label
from orchestration.core.run import Person
from orchestration.validation.hosts import ascii_host, destination, is_this_machine, matches, pattern_problem

Rule = Literal["allow", "ask", "deny"]
_T = TypeVar("_T")

ALWAYS_ASKED: Label = "highly_confidential"
# What lets others in to something whose own label only the connector learns, after everybody has been asked: never
# done without asking, since it may be highly confidential.
ALWAYS_ASKED_ABOUT = frozenset({"files.share"})
_CAPABILITY = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*(?:\.\*)?|\*")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_SETTING = re.compile(r"TANDEM_[A-Z0-9_]+")
# How Entra names a guest: their own address, with the tenant that they are a guest of.
_GUEST = "#ext#"


class Plans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of plans that a language model drew up.

    Attributes:
        start: Which ones may start without being shown first: none, those that only read, or all. Their writes are
            asked about as any others are.
    """

    start: Literal["ask", "reads", "all"] = "ask"


class ApprovalSystem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An approval system outside of Teams that questions are brought to, and that vouches for who decided.

    Attributes:
        name: For people and events.
        url: Where questions are posted to; https, or this machine.
        secret_setting: The environment variable that holds the key both sides sign with.
        for_capabilities: Writes whose questions go there, with `*` at the end for a prefix.
        titles: Decisions whose questions go there, by the beginning of their title.
        deciders: User principal names of who may decide there; empty: whoever is asked.
    """

    name: str
    url: str
    secret_setting: str
    for_capabilities: list[str] = []
    titles: list[str] = []
    deciders: list[str] = []

    def takes(self, capability: str, title: str) -> bool:
        """Whether questions about such a write (empty for a decision), or with such a title, go there."""
        named = bool(capability) and any(covers(rule, capability) for rule in self.for_capabilities)
        return named or any(map(title.startswith, self.titles))


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most sensitive label that somebody may be shown or sent, and that a place may hold.

    Attributes:
        members: People of the organisation.
        guests: Guests in it.
        outside: Addresses of nobody in it.
        unlabelled: Places without a label of their own, which only named people and groups can read.
        people: User principal name => what holds for this person instead.
    """

    members: Label = "highly_confidential"
    guests: Label = "internal"
    outside: Label = "internal"
    unlabelled: Label = "confidential"
    people: dict[str, Label] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the deployment's policy file says; without one, what holds anyway.

    Attributes:
        capabilities: Capability, or its beginning followed by `*` => what becomes of a task that uses it. The longest
            that fits counts. `ask` is about writes: nobody is asked before a read.
        initiators: Capability, or its beginning => user principal names of the only people whose runs may use it. The
            longest that fits counts; without any, everybody may.
        plans: What becomes of a language model's plans.
        hosts: Where links in what goes out may lead, beside the systems of the settings.
        domains: Of mail addresses inside the organisation; empty: the initiator's own.
        ceilings: Who may see what.
        approval_systems: Where people may decide outside of Teams.
    """

    capabilities: dict[str, Rule] = {}
    initiators: dict[str, list[str]] = {}
    plans: Plans = Plans()
    hosts: list[str] = []
    domains: list[str] = []
    ceilings: Ceilings = Ceilings()
    approval_systems: list[ApprovalSystem] = []

    def verdict(
        self, capability: str, effect: Literal["read", "write"], *, tainted: bool = False, label: Label | None = None
    ) -> Rule:
        """What becomes of a task: without a rule reads are done and writes asked about.

        A write that somebody outside may have written part of is never done without asking, nor one of what is highly
        confidential, nor the sharing of a file, whatever the rule says.
        """
        rule = _of_narrowest(self.capabilities, capability)
        if rule == "deny":
            return "deny"
        if effect == "read":
            return "allow"
        asks = tainted or label == ALWAYS_ASKED or capability in ALWAYS_ASKED_ABOUT
        return "allow" if rule == "allow" and not asks else "ask"

    def may_use(self, capability: str, upn: str) -> bool:
        """Whether a person's runs may use a capability, as far as it is for certain people; `deny` is another matter.

        Guests, and people without a user principal name, are on no list.
        """
        named = _of_narrowest(self.initiators, capability)
        return named is None or (_is_members(upn) and upn.casefold() in {each.casefold() for each in named})

    def who_may(self, *capabilities: str) -> list[str]:
        """The people whose runs may use all of these, in order; empty for nobody, and where all are for everybody."""
        lists = [named for each in capabilities if (named := _of_narrowest(self.initiators, each)) is not None]
        everybody = {upn.casefold(): upn for named in lists for upn in named}
        return sorted(upn for upn in everybody.values() if all(self.may_use(each, upn) for each in capabilities))

    def starts_unasked(self, *, writes: bool) -> bool:
        """Whether a language model's plan may start without being shown first.

        Args:
            writes: Whether any task of it would write, a fallback's among them.
        """
        return self.plans.start == "all" or (self.plans.start == "reads" and not writes)

    def ceiling(self, person: Person) -> Label:
        """The most sensitive label that a person may be shown."""
        return self.ceiling_of(person.upn, person.upn)

    def ceiling_of(self, address: str, home: str) -> Label:
        """The most sensitive label that may go to an address.

        Args:
            address: Mail address or user principal name.
            home: User principal name of somebody inside, whose domain counts where no domains are named.
        """
        own = {upn.casefold(): label for upn, label in self.ceilings.people.items()}.get(address.casefold())
        if own is not None:
            return own
        if _GUEST in address.casefold():
            return self.ceilings.guests
        return self.ceilings.members if self.is_inside(address, home) else self.ceilings.outside

    def is_inside(self, address: str, home: str = "") -> bool:
        """Whether a mail address belongs to the organisation; `home` as for `ceiling_of`."""
        if _GUEST in address.casefold():
            return False
        domains = self.domains or [home.rpartition("@")[2]]
        return _domain(address) in {_domain(domain) for domain in domains}

    def allows(self, url: str) -> bool:
        """Whether what goes out may hold a link to this address."""
        found = destination(url)
        return bool(found) and "://" not in url.partition("://")[2] and any(matches(found, each) for each in self.hosts)

    def idle_rules(self, known: Collection[str]) -> list[str]:
        """Sentences about rules that forbid what there is not, so that nobody relies on them.

        Args:
            known: Names of all capabilities.
        """
        denied = [(rule, "denies") for rule, verdict in self.capabilities.items() if verdict == "deny"]
        kept = [(rule, "says who may use") for rule in self.initiators]
        return [
            f"The policy {does} {rule!r}, but there is no such capability, so that this forbids nothing"
            f"{_meant(rule, known) or '.'}"
            for rule, does in [*denied, *kept]
            if not any(covers(rule, each) for each in known)
        ]

    def problems(self) -> list[str]:
        """What a schema cannot say, as `path: what`."""
        found = [
            f"capabilities: {_capability_problem(rule)}" for rule in self.capabilities if _capability_problem(rule)
        ]
        found += [problem for rule, named in self.initiators.items() for problem in _initiator_problems(rule, named)]
        found += [f"hosts: {host!r} {wrong}" for host in self.hosts if (wrong := pattern_problem(host))]
        found += [f"domains: {each!r} is not a domain such as contoso.com" for each in _no_domains(self.domains)]
        found += [
            f"ceilings.people: {upn!r} is not a user principal name such as megan.bowen@contoso.com"
            for upn in self.ceilings.people
            if not _ADDRESS.fullmatch(upn)
        ]
        names = [system.name for system in self.approval_systems]
        found += [
            f"approval_systems: there are two called {name!r}" for name in sorted({*names}) if names.count(name) > 1
        ]
        for place, system in enumerate(self.approval_systems):
            found += [f"approval_systems[{place}]{wrong}" for wrong in _system_problems(system)]
        return found


def _domain(address: str) -> str:
    """Where an address belongs, as DNS has it: `straße.example` and `strasse.example` are two companies."""
    domain = address.rpartition("@")[2]
    return ascii_host(domain) or domain


def covers(rule: str, capability: str) -> bool:
    """Whether a rule's name (`mail.send`, `mail.*`, `*`) stands for a capability."""
    if rule == "*":
        return True
    return capability.startswith(rule[:-1]) if rule.endswith(".*") else capability == rule


def _meant(rule: str, known: Collection[str]) -> str:
    if any(covers(f"{rule}.*", each) for each in known):
        return f"; write {rule}.* for all that begins so."
    near = difflib.get_close_matches(rule, known, n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _narrowness(rule: str) -> tuple[bool, int]:
    return not rule.endswith("*"), len(rule)


def _of_narrowest(rules: Mapping[str, _T], capability: str) -> _T | None:
    """What the longest rule that fits says; None if none does."""
    fitting = [rule for rule in rules if covers(rule, capability)]
    return rules[max(fitting, key=_narrowness)] if fitting else None


def _is_members(upn: str) -> bool:
    """Whether a user principal name may stand on a list: in Entra a member's is ASCII, so a lookalike is none."""
    return upn.isascii() and bool(_ADDRESS.fullmatch(upn)) and _GUEST not in upn.casefold()


def _initiator_problems(rule: str, named: list[str]) -> list[str]:
    found = [f"initiators: {wrong}" if (wrong := _capability_problem(rule)) else ""]
    if not named:
        found.append(f"initiators.{rule}: names nobody; to forbid it, write {rule}: deny under capabilities")
    for upn in named:
        if _GUEST in upn.casefold():
            found.append(f"initiators.{rule}: {upn!r} is a guest, and guests may not use what is for certain people")
        elif not _is_members(upn):
            found.append(f"initiators.{rule}: {upn!r} is not a user principal name such as megan.bowen@contoso.com")
    return [each for each in found if each]


def _capability_problem(rule: str) -> str:
    return "" if _CAPABILITY.fullmatch(rule) else f"{rule!r} is not a capability such as mail.send, nor mail.* nor *"


def _no_domains(domains: Iterable[str]) -> list[str]:
    return [each for each in domains if pattern_problem(each) or "." not in each or "*" in each or ":" in each]


def _system_problems(system: ApprovalSystem) -> list[str]:
    found = [f".for_capabilities: {wrong}" for rule in system.for_capabilities if (wrong := _capability_problem(rule))]
    where = destination(system.url)
    if not where or (system.url.startswith("http:") and not is_this_machine(where.partition(":")[0])):
        found.append(f".url: {system.url!r} is not an https address")
    if not _SETTING.fullmatch(system.secret_setting):
        found.append(f".secret_setting: {system.secret_setting!r} is not a variable such as TANDEM_APPROVALS_SECRET")
    if not system.name.strip():
        found.append(".name: must not be empty")
    if not system.for_capabilities and not system.titles:
        found.append(": says neither for_capabilities nor titles, so that no question would ever go there")
    if any(not title.strip() for title in system.titles):
        found.append(".titles: a blank one fits every question: leave it out")
    found += [
        f".deciders: {each!r} is not a user principal name" for each in system.deciders if not _ADDRESS.fullmatch(each)
    ]
    return found
