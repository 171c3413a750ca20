"""What the bot says in its own words outside of cards: notification summaries and short messages."""

from __future__ import annotations

from orchestration.core.plan import Answer
from orchestration.core.question import Shown
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView
from orchestration.validation.text import clean as clean  # noqa: PLC0414 - told on to whoever speaks here

LONGEST_SUMMARY = 160

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
STARTERS = "You can write “help”, “my approvals” or “status” at any time, and goals in your own words."
PLANNING = "Working out a plan …"
GROUP_HELLO = (
    "Mention me with what you would like done. Here I only show that I am on it; plans, questions and results are in "
    "the personal chat of whoever asked, since they may not be meant for everybody here."
)
GROUP_ANSWERED = "You find the answer in your personal chat with me."
GROUP_CODES = "I take no sign-in in a group: open your personal chat with me."
GUEST = "I work for members of this organisation only, and you are a guest here. Nothing was changed."
WHO_UNCLEAR = "Teams does not tell me just now whether you belong to this organisation. Please try again in a minute."
PRESS_IN_PERSONAL = "This button works in your personal chat with me only. Nothing was changed."
FEEDBACK_UNKNOWN = "I do not know any more which answer that was about, so it was not kept."
NO_IDENTITY = (
    "I cannot tell who you are: Teams gave me no Entra account for you. Please use a work account of this organisation."
)
OTHER_TENANT = "I serve another organisation, so I can do nothing here. Nothing was changed."
NOT_TEAMS = "I work in Microsoft Teams only: other channels cannot prove to me who you are."
UNKNOWN_BUTTON = "I do not know this button any more; the card may be from an earlier version. Nothing was changed."
UNKNOWN_RUN = "I do not know this run any more, so nothing was changed."
RESULT_WHICH = "Choose first which step's result is wrong."
RESULT_CHANGED = "That result has changed since this card was made, or is being made anew. Nothing was changed."
NOT_ASKED = "Only those who were asked can see this question. Nothing was changed."
NEWEST = (
    "What is to be decided has changed since the card that you pressed was made. "
    "Nothing was decided; this is the newest card."
)
NOTHING_CHOSEN = "Nothing was sent: choose an answer for at least one of them first."
NOTHING_EDITED = "You have changed nothing, so this is still what would be written. Allow it, or change something first."
TOO_MUCH = "That is longer than what can be written here, so nothing was changed."
COLLEAGUE_WHICH = "Choose first who shall answer instead. Nothing was changed."
QUESTION_EMPTY = "Write first what you would like to know. Nothing was sent."
REPLY_EMPTY = "Write first what you would like to reply. Nothing was sent."
FEEDBACK_EMPTY = "Write first what shall be done differently. Nothing was changed."
EDITED = "It is prepared with what you changed, and you are asked again as soon as that is done."
SHOWN_BELOW = "This question is shown again further below."
SEE_BELOW = "See the message below."
WHY_WHICH = "Choose first which one you would like to see the rows of."
STATUS_NONE = "You have no runs. Tell me what you would like done, or write 'help'."

SIGNED_IN = "You are signed in."
SIGNED_OUT = "You are signed out: I can no longer act for you. Runs that need you will ask you to sign in again."
SIGN_IN_FAILED = "That did not sign you in: the code is wrong, used or too old. Write 'sign in' for a new link."
SIGN_IN_NOT_NEEDED = "Nothing waits for your sign-in. You will be asked when a run needs it."
SIGN_IN_FIRST = "You are not signed in. Use “Sign in” on the card first."
SIGN_IN_AGAIN = "All right, I am trying it again. If the same still stands in the way, a new card says so."
SIGNED_OUT_HERE = (
    "You are signed out here: I no longer act for you, also in what is under way. The sign-in service does not answer, "
    "so it still keeps your sign-in; write 'sign out' again later to have it forgotten there too."
)
SIGN_IN_DOWN = "The sign-in service does not answer now. Nothing is lost; please try again in a minute."


def summary(text: str) -> str:
    """A notification text: one short line."""
    return clean(text, LONGEST_SUMMARY)


def add_me(person: Person) -> str:
    """Somebody asks in a group who has no personal chat with the bot."""
    name = clean(person.name, 80) or "there"
    return (
        f"Hello {name}. I carry out what you ask in a personal chat, and we have none yet: in Teams, open Apps, search "
        "for me, choose Add, and ask again. Nothing was started."
    )


def of_start(run: RunView) -> str:
    """What a run does just now, in one line."""
    now = [clean(task.title, 60) for task in run.tasks if task.status == "running"][:3]
    return f"{', '.join(now)} …" if now else f"{clean(run.title, 120)} …"


def of_standstill(run: RunView) -> str:
    """A run that has just begun goes on without news for the moment."""
    names = sorted({clean(each.name, 80) for approval in run.approvals if approval.open for each in approval.approvers})
    if run.paused:
        why = "It is paused"
    elif names:
        why = f"It waits for {' or '.join(names[:3])}"
    else:
        done = sum(task.status in ("succeeded", "skipped") for task in run.tasks)
        why = f"{done} of {len(run.tasks)} steps are done"
    return f"{clean(run.title, 120)} is under way. {why}; its card above shows where it stands."


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


def of_several(run: RunView, number: int) -> str:
    """Several questions of a run at once."""
    return summary(f"{_dry(run)}{run.title}: {number} questions wait for your decision")


def of_asked_back(run: RunView, approval: ApprovalView) -> str:
    """An approver wants to know something."""
    last = next((each for each in reversed(approval.remarks) if each.by.id != run.initiator.id), None)
    who = last.by.name if last else "Somebody"
    return summary(f"{who} asks you before answering “{approval.title}”")


def of_reply(run: RunView, approval: ApprovalView) -> str:
    """The initiator replied to an approver."""
    return summary(f"{run.initiator.name} has replied about “{approval.title}”")


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


def of_closed_question(approval: ApprovalView) -> str:
    """What an approver asked back needs no reply any more."""
    return summary(f"No reply is needed any more: {approval.title}")


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
