"""What the bot says in its own words outside of cards, each in the language that is spoken."""

from __future__ import annotations

from bot.language import say
from orchestration.core.run import Person
from orchestration.core.view import RunView
from orchestration.validation.text import clean as clean  # noqa: PLC0414 - told on to whoever speaks here

LONGEST_SUMMARY = 160


def summary(text: str) -> str:
    """A notification text: one short line."""
    return clean(text, LONGEST_SUMMARY)


def greeting() -> str:
    return say("Hello! Tell me what you would like done, or pick one of these.")


def empty() -> str:
    return say("I can read text only. Tell me in a sentence what you would like done, or write 'help'.")


def too_long() -> str:
    return say("That is longer than I can take in (1,000 characters). Please say it in a sentence or two.")


def nothing_to_cancel() -> str:
    return say("There is nothing to cancel: none of your runs is open.")


def question_dropped() -> str:
    return say("All right, I have dropped the question. Nothing was started.")


def card_refused() -> str:
    return say(
        "Teams did not take the card that belongs here. Write 'status' to get it again; "
        "if that does not help, tell whoever runs Tandem: the cause is in the log."
    )


def question_over() -> str:
    return say(
        "This question has been answered or is too old. Nothing was changed; just write what you would like done."
    )


def on_it() -> str:
    return say("On it.")


def still_working() -> str:
    return say("I am still working on this. The card changes when it is done.")


def trouble() -> str:
    return say(
        "Something went wrong on my side, and I have noted it for the operators. What had been done before is safe."
    )


def starters() -> str:
    return say("You can write “help”, “my approvals” or “status” at any time, and goals in your own words.")


def planning() -> str:
    return say("Working out a plan …")


def planning_waits() -> str:
    return say(
        "The language model does not answer just now; I ask it again. Goals that a playbook covers work meanwhile."
    )


def starts_unasked() -> str:
    return say("It starts by itself: your organisation's policy lets plans like this begin without being shown first.")


def fits_best(why: str) -> str:
    return f"{why} {say('This is the playbook that fits your words best.')}"


def plan_changed() -> str:
    return say("This plan was changed. You find it as it is now further below.")


def plan_is_so() -> str:
    return say("That is how the plan already is, so nothing was changed.")


def plan_outdated() -> str:
    return say(
        "The plan has changed since the card that you pressed was made. Nothing was started; this is the plan now."
    )


def left_as_it_is() -> str:
    return say("All right, the plan stays as it is.")


def planning_cancelled() -> str:
    return say("All right, I have stopped working out a plan. Nothing was started.")


def no_model_here() -> str:
    return say("No language model works out plans here, so I cannot look for another way. Nothing was changed.")


def no_model(code: str) -> str:
    """Why no plan was worked out."""
    if code in ("model_unavailable", "unavailable", "busy", "timeout"):
        return say("The language model that works out plans does not answer just now.")
    if code == "model_cut":
        return say("The language model that works out plans broke off its answer every time.")
    if code == "denied":
        return say("The language model does not let me in. Whoever runs Tandem has to look at its settings.")
    return say("No plan could be worked out just now.")


def group_hello() -> str:
    return say(
        "Mention me with what you would like done. Here I only show that I am on it; plans, questions and results are "
        "in the personal chat of whoever asked, since they may not be meant for everybody here."
    )


def group_answered() -> str:
    return say("You find the answer in your personal chat with me.")


def group_codes() -> str:
    return say("I take no sign-in in a group: open your personal chat with me.")


def guest() -> str:
    return say("I work for members of this organisation only, and you are a guest here. Nothing was changed.")


def who_unclear() -> str:
    return say("Teams does not tell me just now whether you belong to this organisation. Please try again in a minute.")


def press_in_personal() -> str:
    return say("This button works in your personal chat with me only. Nothing was changed.")


def feedback_unknown() -> str:
    return say("I do not know any more which answer that was about, so it was not kept.")


def no_identity() -> str:
    return say(
        "I cannot tell who you are: Teams gave me no Entra account for you. "
        "Please use a work account of this organisation."
    )


def other_tenant() -> str:
    return say("I serve another organisation, so I can do nothing here. Nothing was changed.")


def not_teams() -> str:
    return say("I work in Microsoft Teams only: other channels cannot prove to me who you are.")


def unknown_button() -> str:
    return say("I do not know this button any more; the card may be from an earlier version. Nothing was changed.")


def unknown_run() -> str:
    return say("I do not know this run any more, so nothing was changed.")


def result_which() -> str:
    return say("Choose first which step's result is wrong.")


def result_changed() -> str:
    return say("That result has changed since this card was made, or is being made anew. Nothing was changed.")


def not_asked() -> str:
    return say("Only those who were asked can see this question. Nothing was changed.")


def newest() -> str:
    return say(
        "What is to be decided has changed since the card that you pressed was made. "
        "Nothing was decided; this is the newest card."
    )


def nothing_chosen() -> str:
    return say("Nothing was sent: choose an answer for at least one of them first.")


def nothing_edited() -> str:
    return say("You have changed nothing, so this is still what would be written. Allow it, or change something first.")


def too_much() -> str:
    return say("That is longer than what can be written here, so nothing was changed.")


def colleague_which() -> str:
    return say("Choose first who shall answer instead. Nothing was changed.")


def question_empty() -> str:
    return say("Write first what you would like to know. Nothing was sent.")


def reply_empty() -> str:
    return say("Write first what you would like to reply. Nothing was sent.")


def feedback_empty() -> str:
    return say("Write first what shall be done differently. Nothing was changed.")


def edited() -> str:
    return say("It is prepared with what you changed, and you are asked again as soon as that is done.")


def shown_below() -> str:
    return say("This question is shown again further below.")


def see_below() -> str:
    return say("See the message below.")


def why_which() -> str:
    return say("Choose first which one you would like to see the rows of.")


def signed_in() -> str:
    return say("You are signed in.")


def signed_out() -> str:
    return say("You are signed out: I can no longer act for you. Runs that need you will ask you to sign in again.")


def sign_in_failed() -> str:
    return say("That did not sign you in: the code is wrong, used or too old. Write 'sign in' for a new link.")


def sign_in_not_needed() -> str:
    return say("Nothing waits for your sign-in. You will be asked when a run needs it.")


def sign_in_first() -> str:
    return say("You are not signed in. Use “Sign in” on the card first.")


def sign_in_again() -> str:
    return say("All right, I am trying it again. If the same still stands in the way, a new card says so.")


def signed_out_here() -> str:
    return say(
        "You are signed out here: I no longer act for you, also in what is under way. The sign-in service does not "
        "answer, so it still keeps your sign-in; write 'sign out' again later to have it forgotten there too."
    )


def add_me(person: Person) -> str:
    """Somebody asks in a group who has no personal chat with the bot."""
    name = clean(person.name, 80)
    more = say(
        "I carry out what you ask in a personal chat, and we have none yet: in Teams, open Apps, search "
        "for me, choose Add, and ask again. Nothing was started."
    )
    return f"{say('Hello {name}.', name=name) if name else say('Hello there.')} {more}"


def wrong_person(expected: Person) -> str:
    """Somebody pressed a button that is another person's."""
    return say("Only {person} can do this. Nothing was changed.", person=clean(expected.name, 80))


def other_sign_in(person: Person) -> str:
    """The sign-in that came back is somebody else's."""
    return say(
        "That sign-in belongs to another account than yours ({person}), so I have not kept it. "
        "Write 'sign in' and choose your own account.",
        person=clean(person.name, 80),
    )


def unreachable(person: Person, title: str) -> str:
    """What the initiator is told when an approver has no chat with the bot."""
    return say(
        "I cannot reach {person} in Teams yet, who is to answer “{question}”. "
        "Please ask {person} to open a chat with me; the question is delivered then. Nothing is lost.",
        person=clean(person.name, 80),
        question=clean(title, 120),
    )


def not_reachable(person: Person) -> str:
    """Why a notice waits."""
    return say(
        "{person} has no chat with Tandem in Teams yet; it is delivered when they open one.",
        person=clean(person.name, 80) or say("This person"),
    )


def cancelling(run: RunView) -> str:
    """The run ends because the person said so."""
    title = clean(run.title, 120)
    return say("Cancelled: {run}.", run=title) if run.ended_at else say("Cancelling: {run}.", run=title)


def cannot_plan(problems: list[str]) -> str:
    """A goal that this deployment cannot carry out."""
    shown = "\n".join(clean(problem, 200) for problem in problems[:4])
    told = say("I know what you want, but it cannot be done here yet. Nothing was started. For the operators:")
    return f"{told}\n{shown}"


def taken_back(run: RunView, title: str) -> str:
    """A result was taken back, and the run goes on."""
    again = say(
        "“{step}” and what was made from it is done again now. A new card shows where “{run}” stands.",
        step=clean(title, 120),
        run=clean(run.title, 120),
    )
    return f"{again}\n{say('What was written stays; you are asked before anything is written again.')}"
