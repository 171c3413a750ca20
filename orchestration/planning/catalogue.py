"""What a model may plan with: the capabilities that the initiator's runs may use, in words of a given size.

What stands here comes from workers' own declarations, those of plugins among them. It is data: one line each, visible
characters only, clipped; whatever it says changes nothing about what a plan may do.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestration.capabilities import Capability, Registry
from orchestration.core.run import Person
from orchestration.planning.draft import CAPABILITY
from orchestration.planning.matching import stems
from orchestration.planning.signatures import explained, signature
from orchestration.validation.policy import Policy
from orchestration.validation.text import clean

FULL, SIGNATURE, OUTLINE, LEFT_OUT = range(4)


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What there is for one person.

    Attributes:
        usable: What their runs may use, by name, in the order of names.
        closed: What they may not: policy denies it, or keeps it for others.
    """

    usable: dict[str, Capability]
    closed: dict[str, Capability]

    @classmethod
    def of(cls, registry: Registry, policy: Policy, person: Person) -> Catalogue:
        """The catalogue of a deployment for a person."""
        usable: dict[str, Capability] = {}
        closed: dict[str, Capability] = {}
        for each in registry.capabilities():
            if each.name == CAPABILITY:
                continue  # a plan that plans would be a loop
            denied = policy.verdict(each.name, each.effect) == "deny"
            (closed if denied or not policy.may_use(each.name, person.upn) else usable)[each.name] = each
        return cls(usable=usable, closed=closed)

    def unlike(self, goal: Iterable[str]) -> list[str]:
        """Names of what may be used, the least like these words first."""
        said = {word.stem for text in goal for word in stems(text)}
        likeness = {
            name: len(said & {word.stem for word in stems(f"{name.replace('.', ' ')} {described(each, FULL)}")})
            for name, each in self.usable.items()
        }
        return sorted(self.usable, key=lambda name: (likeness[name], name))

    def text(self, detail: dict[str, int] | None = None) -> str:
        """All that may be used, by name, each with so much detail; `FULL` unless said."""
        levels = detail or {}
        shown = [described(each, levels.get(name, FULL)) for name, each in self.usable.items()]
        return "\n".join(each for each in shown if each)

    def closed_text(self) -> str:
        """What this person may not use: names and titles only."""
        return "\n".join(f"{clean(name, 80)}: {clean(each.title, 120)}" for name, each in self.closed.items())


def described(capability: Capability, level: int) -> str:
    """One capability, in lines."""
    if level == LEFT_OUT:
        return ""
    effect = "WRITE" if capability.effect == "write" else "read"
    system = f", {clean(capability.system, 60)}" if capability.system else ""
    lines = [f"{clean(capability.name, 80)} ({effect}{system}): {clean(capability.title, 120)}"]
    lines.append(f"  takes {signature(capability.input_schema) or 'nothing'}")
    if level == OUTLINE:
        return "\n".join(lines)
    lines.append(f"  gives {signature(capability.output_schema) or 'nothing'}")
    if level == FULL:
        about, told = explained(capability.input_schema)
        result, given = explained(capability.output_schema)
        if about and not about.startswith(("Arguments of", "What to")):
            lines.append(f"  {about}")
        lines += [f"  - {clean(name, 40)}: {said}" for name, said in told.items()]
        lines += [f"  - result: {result}"] if result else []
        lines += [f"  - result {clean(name, 40)}: {said}" for name, said in list(given.items())[:12]]
    return "\n".join(lines)
