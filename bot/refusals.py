"""What a refusal or a failure that the core or an outside system names means, for the person who is told."""

from __future__ import annotations

from bot import texts
from bot.language import say, spoken
from orchestration.errors import TandemError


def told(error: TandemError) -> str:
    """What happened and what is safe, in the language that is spoken.

    Errors say it in English, with the names that it is about; in another language a general sentence stands for each
    code.
    """
    return error.message if spoken() == "en" else _general(error.code)


def told_that_nothing_changed(error: TandemError) -> str:
    """What is wrong with an answer, and that it changed nothing, said once."""
    if spoken() != "en":
        return _general(error.code)
    said = texts.clean(error.message, 400).rstrip(".")
    return f"{said}." if "othing was" in said else f"{said}. Nothing was changed."


def _general(code: str) -> str:
    return {
        "not_permitted": say("You may not do that. Nothing was changed."),
        "denied": say("Your organisation's rules for Tandem do not allow that. Nothing was changed."),
        "not_cleared": say("That is too sensitive for the place or the person it would go to. Nothing was changed."),
        "conflict": say("What is there has changed meanwhile. Nothing was changed by this."),
        "already_decided": say("This has been decided already, or is not asked any more. Nothing was changed."),
        "outdated": say("What is to be decided has changed meanwhile. Nothing was changed."),
        "not_running": say("The run is not in a state for that, or not any more. Nothing was changed."),
        "invalid": say("That is no answer to what is asked. Nothing was changed."),
        "unknown_run": texts.unknown_run(),
        "not_found": say("What this is about does not exist, or not any more. Nothing was changed."),
        "sign_in_needed": texts.sign_in_first(),
        "unavailable": say("A service does not answer now. Nothing is lost; please try again in a minute."),
        "busy": say("A service is busy now. Nothing is lost; please try again in a minute."),
        "outcome_unknown": say("It is not certain whether that was done. Please look before you try it again."),
        "no_worker": say("Nobody here can do that just now. Please tell whoever runs Tandem."),
    }.get(code, say("That did not work ({code}). Please tell whoever runs Tandem.", code=code))
