"""What people say to each other around a question, in the words of the history."""

from __future__ import annotations

from bot.cli.phrases import who
from orchestration.core import events as e

Remark = (
    e.ApprovalDelegated
    | e.ApprovalQuestioned
    | e.ApprovalExplained
    | e.FeedbackGiven
    | e.ArgumentsEdited
    | e.GrantGiven
    | e.AnswerRefused
    | e.FeedbackLeft
)


def said_by(event: Remark) -> tuple[str, str]:
    """One line and its tone."""
    by = who(event.by)
    match event:
        case e.ApprovalDelegated(to=to, comment=comment):
            return f"{by} handed the question to {who(to)}{_quoted(comment)}", "human"
        case e.ApprovalQuestioned(text=text):
            return f"{by} asks the initiator{_quoted(text)}", "human"
        case e.ApprovalExplained(text=text):
            return f"{by} replied{_quoted(text)}", "human"
        case e.FeedbackGiven(text=text):
            return f"{by} wants it done differently{_quoted(text)}", "human"
        case e.ArgumentsEdited():
            return f"{by} changed what it shall be done with; the question is asked anew", "human"
        case e.GrantGiven(capability=capability):
            return f"{by} need not be asked about the like of {capability} again in this run", "human"
        case e.AnswerRefused(code=code):
            return f"an answer of {by} was refused ({code}) and changed nothing", "bad"
        case _:
            return (
                f"{by} {'liked' if event.reaction == 'like' else 'did not like'} the answer{_quoted(event.text)}",
                "human",
            )


def _quoted(text: str) -> str:
    return f": “{text}”" if text else ""
