"""What stands between a task and its start: the deployment's policy, a person's earlier word, who may see the label."""

from __future__ import annotations

import re

import msgspec

from orchestration.capabilities import Destination, Worker
from orchestration.context.audience import spoken
from orchestration.core.label import Label, within
from orchestration.core.run import Person, Verdict
from orchestration.engines.live import LiveRun
from orchestration.errors import Denied, NotCleared, NotForYou
from orchestration.validation.policy import Policy

# As connectors read what a person gives: `Alex Wilber <alex@contoso.com>`, with blanks wherever they like.
_NAMED = re.compile(r"[^<>]*<([^<>]*)>")
_ADDRESS = re.compile(r"[^\s<>@,;:\"]+@[^\s<>@,;:\"]+")


class Gate(msgspec.Struct, frozen=True):
    """What policy says of one attempt at a write.

    Attributes:
        verdict: Why it may be done without asking; empty: a person is asked.
        scope: What a person's "do not ask again" covers, or would cover; empty where that is not offered.
        recipients: Who gets it.
        label: How sensitive what is written is.
        tainted: Somebody outside may have written part of it.
    """

    verdict: Verdict = ""
    scope: str = ""
    recipients: list[str] = []
    label: Label = "internal"
    tainted: bool = False


def admit(policy: Policy, worker: Worker, initiator: Person) -> None:
    """Let a task begin, whatever it does.

    Raises:
        Denied: The policy says that this is never done.
        NotForYou: The policy says that this is done for certain people only.
    """
    capability = worker.capability
    if policy.verdict(capability.name, capability.effect) == "deny":
        raise Denied(
            f"The policy of this deployment denies {capability.name} ({capability.title}), so it was not started. "
            "Whoever runs Tandem can change that in the policy file."
        )
    if not policy.may_use(capability.name, initiator.upn):
        raise NotForYou(capability.name, capability.title, policy.who_may(capability.name))


def gate(
    policy: Policy, live: LiveRun, worker: Worker, arguments: msgspec.Struct, label: Label, *, tainted: bool
) -> Gate:
    """What policy and earlier words of people say of a write; a tainted one is always asked about.

    Raises:
        NotCleared: Somebody who would get it may not see what is as sensitive.
    """
    run, capability = live.run, worker.capability
    going = worker.destination(arguments) if worker.destination else Destination()
    _check_recipients(policy, going.recipients, label, run.initiator.upn)
    scope = ""
    once = worker.destination is None or going.asked_each_time or tainted
    if not once and all(map(_address, going.recipients)):  # a name may be somebody else's
        about = [capability.name, sorted({each.lower() for each in going.recipients}), going.place, label]
        scope = live.digest(msgspec.json.encode(about))
    verdict: Verdict = ""
    if policy.verdict(capability.name, "write", tainted=tainted, label=label) == "allow":
        verdict = "allowed"
    elif scope and scope in run.grants:
        verdict = "granted"
    return Gate(verdict, scope, going.recipients, label, tainted)


def _check_recipients(policy: Policy, recipients: list[str], label: Label, home: str) -> None:
    over = [each for each in map(_address, recipients) if each and not _may_see(policy, label, each, home)]
    if not over:
        return
    who = ", ".join(f"{each} (up to {spoken(_ceiling(policy, each, home))})" for each in over[:5])
    raise NotCleared(
        f"This is {spoken(label)}, and that is more than may be sent to {who}. Nobody was asked, and nothing was "
        "written. Leave them out, or have the administrator raise the ceiling in the policy file."
    )


def _address(recipient: str) -> str:
    """The address that a recipient is; empty for somebody who is given by name, whom the connector looks up."""
    named = _NAMED.fullmatch(recipient.strip())
    return (named[1] if named else recipient).strip() if "@" in recipient else ""


def _ceiling(policy: Policy, address: str, home: str) -> Label:
    """What may go to an address; whatever is not one single address might lead anywhere."""
    return policy.ceiling_of(address, home) if _ADDRESS.fullmatch(address) else policy.ceilings.outside


def _may_see(policy: Policy, label: Label, address: str, home: str) -> bool:
    return within(label, _ceiling(policy, address, home))
