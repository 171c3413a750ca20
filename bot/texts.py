"""What the bot says in its own words outside of cards: notification summaries and short messages."""

from __future__ import annotations

import re
import unicodedata

from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

LONGEST_SUMMARY = 160
_UNSEEN = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]+"
)
_BLANKS = re.compile(r"\s+")

GREETING = "Hello! Tell me what you would like done, or pick one of these."
EMPTY = "I can read text only. Tell me in a sentence what you would like done, or write 'help'."
TOO_LONG = "That is longer than I can take in (1,000 characters). Please say it in a sentence or two."
NOTHING_TO_CANCEL = "There is nothing to cancel: none of your runs is open."
QUESTION_DROPPED = "All right, I have dropped the question. Nothing was started."
CARD_REFUSED = (
    "Teams did not take the card that belongs here. Write 'status' to get it again; "
    "if that does not help, tell whoever runs Tandem: the cause is in the log."
)
QUESTION_OVER = (
    "This question has been answered or is too old. Nothing was changed; just write what you would like done."
)
ON_IT = "On it."
STILL_WORKING = "I am still working on this. The card changes when it is done."
TROUBLE = "Something went wrong on my side, and I have noted it for the operators. What had been done before is safe."
GROUPS = (
    "I work in your personal chat for now: what runs show may not be meant for everybody here. "
    "Open a chat with me and ask again."
)
NO_IDENTITY = (
    "I cannot tell who you are: Teams gave me no Entra account for you. Please use a work account of this organisation."
)
OTHER_TENANT = "I serve another organisation, so I can do nothing here. Nothing was changed."
NOT_TEAMS = "I work in Microsoft Teams only: other channels cannot prove to me who you are."
UNKNOWN_BUTTON = "I do not know this button any more; the card may be from an earlier version. Nothing was changed."
UNKNOWN_RUN = "I do not know this run any more, so nothing was changed."
RESULT_WHICH = "Choose first which step's result is wrong."
RESULT_CHANGED = "That result has changed since this card was made, or is being made anew. Nothing was changed."
SEE_BELOW = "See the message below."
WHY_WHICH = "Choose first which one you would like to see the rows of."
STATUS_NONE = "You have no runs. Tell me what you would like done, or write 'help'."

SIGNED_IN = "You are signed in."
SIGNED_OUT = "You are signed out: I can no longer act for you. Runs that need you will ask you to sign in again."
SIGN_IN_FAILED = "That did not sign you in: the code is wrong, used or too old. Write 'sign in' for a new link."
SIGN_IN_SILENT_FAILED = (
    "Teams could not sign you in by itself. Use the button on the sign-in card, or write 'sign in' for a new one."
)
SIGN_IN_NOT_NEEDED = "Nothing waits for your sign-in. You will be asked when a run needs it."
SIGN_IN_DOWN = "The sign-in service does not answer now. Nothing is lost; please try again in a minute."


def clean(text: object, limit: int = 2000) -> str:
    """One line of visible characters, at most `limit` long."""
    whole = str(text)
    part = whole[: 8 * limit]  # enough for any honest text: putting marks in order takes time with their square
    visible = _UNSEEN.sub("", unicodedata.normalize("NFC", part))
    line = _BLANKS.sub(" ", visible).strip()
    return line if len(line) <= limit and len(part) == len(whole) else f"{line[: limit - 1]}…"


def summary(text: str) -> str:
    """A notification text: one short line."""
    return clean(text, LONGEST_SUMMARY)


def wrong_person(expected: Person) -> str:
    """Somebody pressed a button that is another person's."""
    return f"Only {clean(expected.name, 80)} can do this. Nothing was changed."


def other_sign_in(person: Person) -> str:
    """The sign-in that came back is somebody else's."""
    return (
        f"That sign-in belongs to another account than yours ({clean(person.name, 80)}), so I have not kept it. "
        "Write 'sign in' and choose your own account."
    )


def unreachable(person: Person, title: str) -> str:
    """What the initiator is told when an approver has no chat with the bot."""
    name = clean(person.name, 80)
    return (
        f"I cannot reach {name} in Teams yet, who is to answer “{clean(title, 120)}”. "
        f"Please ask {name} to open a chat with me; the question is delivered then. Nothing is lost."
    )


def not_reachable(person: Person) -> str:
    """Why a notice waits."""
    name = clean(person.name, 80) or "This person"
    return f"{name} has no chat with Tandem in Teams yet; it is delivered when they open one."


def cancelling(run: RunView) -> str:
    """The run ends because the person said so."""
    ended = "Cancelled" if run.ended_at else "Cancelling"
    return f"{ended}: {clean(run.title, 120)}."


def cannot_plan(problems: list[str]) -> str:
    """A goal that this deployment cannot carry out."""
    shown = "\n".join(clean(problem, 200) for problem in problems[:4])
    return f"I know what you want, but it cannot be done here yet. Nothing was started. For the operators:\n{shown}"


def of_plan(run: RunView) -> str:
    """The plan waits for a start."""
    return summary(f"Plan ready: {run.title}. Start it?")


def of_progress(run: RunView) -> str:
    """Where the run stands."""
    if run.awaiting_sign_in:
        return summary(f"{run.title}: waits for your sign-in")
    state = {"running": "running", "closing": "stopping"}.get(run.status, run.status)
    return summary(f"{_dry(run)}{run.title}: {'paused' if run.paused and run.status == 'running' else state}")


def of_question(run: RunView, approval: ApprovalView, shown: Shown) -> str:
    """A question to decide."""
    many = f" ({len(shown.items)} to decide)" if shown.items else ""
    return summary(f"{_dry(run)}{run.initiator.name} needs your decision: {approval.title}{many}")


def of_own_question(run: RunView, approval: ApprovalView) -> str:
    """A question to the initiator themselves."""
    return summary(f"{_dry(run)}{run.title}: {approval.title}")


def of_reminder(run: RunView, approval: ApprovalView) -> str:
    """A question waits for an answer."""
    return summary(f"Reminder: please answer “{approval.title}” ({run.title})")


def of_superseded(run: RunView) -> str:
    """A run goes on after it had ended."""
    return summary(f"{run.title}: taken up again")


def taken_back(run: RunView, title: str) -> str:
    """A result was taken back, and the run goes on."""
    return (
        f"“{clean(title, 120)}” and what was made from it is done again now. A new card shows where "
        f"“{clean(run.title, 120)}” stands.\nWhat was written stays; you are asked before anything is written again."
    )


def of_open(approval: ApprovalView) -> str:
    """A question of which something became known."""
    return summary(f"Still open: {approval.title}")


def of_closed(approval: ApprovalView) -> str:
    """A question that needs nobody any more."""
    if approval.decided_by is None:
        late = approval.expired and approval.on_expiry != "wait"
        return summary(f"{'Not answered in time' if late else 'No longer needed'}: {approval.title}")
    return summary(f"Decided by {approval.decided_by.name}: {approval.title}")


def of_sign_in(run: RunView) -> str:
    """A sign-in is asked for."""
    return summary(f"Please sign in so that “{run.title}” can go on")


def of_outcome(run: RunView, answer: Answer | None) -> str:
    """How the run ended."""
    if answer is not None:
        return summary(f"{_dry(run)}{run.title}: {answer.text}")
    if run.status == "cancelled":
        return summary(f"{_dry(run)}{run.title}: cancelled")
    return summary(f"{_dry(run)}{run.title}: failed. {run.message}")


def _dry(run: RunView) -> str:
    return "Dry run: " if run.dry else ""
