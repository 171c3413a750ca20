"""Every error that Tandem raises on purpose.

TandemError
├── Invalid                    the caller can mend it: a name, a value, a file
│   ├── InvalidPlan            every problem of a plan at once
│   ├── InvalidContent         a document or row is not what the task needs
│   └── UnknownRun
├── Refused                    a rule says no; trying again changes nothing
│   ├── NotPermitted           the person's own rights do not reach there
│   │   └── NotForYou          the deployment's policy lets only certain people's runs use a capability
│   ├── Denied                 the deployment's policy does not let Tandem do this
│   ├── NotCleared             something is more sensitive than its worker or a person may see
│   ├── Conflict               the target already has something else, or has changed
│   ├── AlreadyDecided         the question has its answer, or was taken back
│   ├── Outdated               the answer is to something else than what is shown now
│   ├── ModelRefused           a language model, or its content filter, declines to answer
│   └── NotRunning             the run is not, or no longer, in a state for this
├── NotFound                   the outside thing does not exist
├── SignInNeeded               nobody's identity is at hand: wait for the person
├── Unavailable                an outside system does not answer; surely nothing was done
│   ├── Busy                   it does, and asks this caller to come later
│   ├── ModelUnavailable       a language model does not answer now
│   ├── ModelCut               a language model's answer ended half way
│   └── LogLost                the connection to the log broke: reopen it
├── OutcomeUnknown             a write may or may not have happened
├── NoWorker                   nobody offers the capability, or nobody who does is up
├── OwnerLocked                another process owns the log
└── CommitUncertain            the log's commit may or may not have happened

`code` is stable and goes into events; the message is for people: what happened, what is safe, what to do next.
"""

from __future__ import annotations

from datetime import timedelta

_NAMED = 5  # of those who may, in a sentence


class TandemError(Exception):
    """Root of all errors raised on purpose.

    Attributes:
        code: Stable identifier, recorded in events and telemetry.
        retryable: Whether the same call may succeed later without anybody changing anything.
        retry_after: How long the other side asked us to wait, if it did.
    """

    code = "error"
    retryable = False

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The text for people, always valid Unicode: file names and other systems' answers need not be."""
        return str(self.args[0]).encode("utf-8", "replace").decode()


class Invalid(TandemError):
    """What was given cannot be used as it is."""

    code = "invalid"


class InvalidPlan(Invalid):
    """A plan breaks rules; `problems` names every one of them."""

    code = "invalid_plan"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class InvalidContent(Invalid):
    """A document, sheet, row or answer from outside is not what the task needs."""

    code = "invalid_content"


class UnknownRun(Invalid):
    """No run has this id."""

    code = "unknown_run"


class Refused(TandemError):
    """A rule says no; trying again changes nothing."""

    code = "refused"


class NotPermitted(Refused):
    """The person's own rights do not reach there."""

    code = "not_permitted"


class NotForYou(NotPermitted):
    """The deployment's policy lets only certain people's runs use a capability, and the initiator is none of them.

    Attributes:
        capability: Its name.
        title: What it does, for people.
        who_could: User principal names of the people who may; empty for nobody.
    """

    def __init__(self, capability: str, title: str, who_could: list[str]) -> None:
        named = ", ".join(who_could[:_NAMED]) + (f" and {len(who_could) - _NAMED} more" if who_could[_NAMED:] else "")
        super().__init__(
            f"In this deployment only certain people may use {capability} ({title}), so it was not started. "
            f"{f'Who could: {named}' if named else 'Nobody could do all of this'}. Whoever runs Tandem can change that "
            "in the policy file."
        )
        self.capability, self.title, self.who_could = capability, title, who_could


class Denied(Refused):
    """The deployment's policy does not let Tandem do this."""

    code = "denied"


class NotCleared(Refused):
    """Something is more sensitive than the worker or the person that would get it may see."""

    code = "not_cleared"


class Conflict(Refused):
    """The target already holds something else, or has changed since it was looked at."""

    code = "conflict"


class AlreadyDecided(Refused):
    """The question has its answer, or was taken back."""

    code = "already_decided"


class Outdated(Refused):
    """The answer is to something else than what is shown now."""

    code = "outdated"


class NotRunning(Refused):
    """The run is not, or no longer, in a state for this."""

    code = "not_running"


class ModelRefused(Refused):
    """A language model, or the filter in front of it, declines to answer.

    Attributes:
        usage: What the call took all the same (`orchestration.core.usage.Usage`); None if nobody knows.
    """

    code = "model_refused"
    usage: object = None


class NotFound(TandemError):
    """The outside thing does not exist."""

    code = "not_found"


class SignInNeeded(TandemError):
    """Nobody's identity is at hand for this call; the task waits for the person."""

    code = "sign_in_needed"


class Unavailable(TandemError):
    """An outside system does not answer or asks us to come later; surely nothing was done."""

    code = "unavailable"
    retryable = True


class Busy(Unavailable):
    """An outside system is up and has had enough of this caller, or of this mailbox, for now."""

    code = "busy"


class ModelUnavailable(Unavailable):
    """A language model does not answer, is throttled, or says nothing for too long."""

    code = "model_unavailable"


class ModelCut(Unavailable):
    """A language model's answer ended half way; what came of it is of no use.

    Attributes:
        usage: What the call took all the same (`orchestration.core.usage.Usage`); None if nobody knows.
    """

    code = "model_cut"
    usage: object = None


class LogLost(Unavailable):
    """The connection to the log broke, and with it the ownership; reopen and reload before going on."""


class OutcomeUnknown(TandemError):
    """A write may or may not have happened: look before trying again."""

    code = "outcome_unknown"


class NoWorker(TandemError):
    """Nobody offers the capability, or nobody who does is up."""

    code = "no_worker"


class OwnerLocked(TandemError):
    """Another process owns the log."""

    code = "owner_locked"


class CommitUncertain(TandemError):
    """The log's commit may or may not have happened; reopen and reload before going on."""

    code = "commit_uncertain"
