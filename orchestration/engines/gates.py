"""What stands between a task and its start: the deployment's policy, a person's earlier word, who may see the label."""

from __future__ import annotations

import re

import msgspec

from orchestration.capabilities import Destination, Worker
from orchestration.context.audience import spoken
from orchestration.core.label import Label
from orchestration.core.run import Verdict
from orchestration.engines.live import LiveRun
from orchestration.errors import Denied, NotCleared
from orchestration.validation.policy import Policy

_ADDRESS = re.compile(r"(?:.*<)?([^\s<>@]+@[^\s<>@]+)>?")


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


def admit(policy: Policy, worker: Worker) -> None:
    """Let a task begin, whatever it does.

    Raises:
        Denied: The policy says that this is never done.
    """
    capability = worker.capability
    if policy.verdict(capability.name, capability.effect) == "deny":
        raise Denied(
            f"The policy of this deployment denies {capability.name} ({capability.title}), so it was not started. "
            "Whoever runs Tandem can change that in the policy file."
        )


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
    if worker.destination and not tainted:
        about = [capability.name, sorted({each.casefold() for each in going.recipients}), going.place, label]
        scope = live.digest(msgspec.json.encode(about))
    verdict: Verdict = ""
    if policy.verdict(capability.name, "write", tainted=tainted, label=label) == "allow":
        verdict = "allowed"
    elif scope and scope in run.grants:
        verdict = "granted"
    return Gate(verdict, scope, going.recipients, label, tainted)


def _check_recipients(policy: Policy, recipients: list[str], label: Label, home: str) -> None:
    addresses = [match[1] for each in recipients if (match := _ADDRESS.fullmatch(each.strip()))]
    over = [each for each in addresses if not policy.may_see(label, each, home)]
    if not over:
        return
    who = ", ".join(f"{each} (up to {spoken(policy.ceiling_of(each, home))})" for each in over[:5])
    raise NotCleared(
        f"This is {spoken(label)}, and that is more than may be sent to {who}. Nobody was asked, and nothing was "
        "written. Leave them out, or have the administrator raise the ceiling in the policy file."
    )
