"""Where a plan comes from: a playbook, or a language model; and what that took."""

from __future__ import annotations

from microsoft_teams.cards.core import CardElement

from bot.cards.layout import dotted, line, note, words
from bot.cards.moments import duration_of
from bot.cards.wording import plain
from bot.language import number, say, say_count
from orchestration.core.usage import Usage
from orchestration.core.view import RunView

_SHORTEST_SECONDS = 0.05  # what is less would read as none at all


def origin(run: RunView, spent: Usage | None = None) -> list[CardElement]:
    """Quiet lines about who drew the plan up; empty for one that somebody wrote by hand."""
    name, _, version = run.playbook.partition("@")
    model = plain(run.model, 60)
    if name and model:
        said = say(
            "From the playbook “{playbook}”, version {version}. The language model “{model}” chose it for your words.",
            playbook=plain(name, 60),
            version=plain(version, 20),
            model=model,
        )
    elif name:
        said = say(
            "From the playbook “{playbook}”, version {version}.", playbook=plain(name, 60), version=plain(version, 20)
        )
    elif model and run.revision:
        said = say(
            "Changed by the language model “{model}” as you said, so no playbook vouches for it. "
            "Please look at every step.",
            model=model,
        )
    elif model:
        said = say(
            "Drawn up by the language model “{model}” for this goal, since no playbook fits. "
            "Please look at every step.",
            model=model,
        )
    else:
        return []
    return [note(said, 300, spacing="Medium"), *spending(spent)]


def spending(spent: Usage | None) -> list[CardElement]:
    """What calls of a model took: `3.2 s · 2,140 tokens · 0.04 EUR`."""
    if spent is None:
        return []
    return [line(*dotted(words(each, 60, subtle=True) for each in figures(spent)), spacing="None")]


def figures(spent: Usage) -> list[str]:
    """Time, tokens and cost, as far as they are known."""
    tokens = spent.input_tokens + spent.output_tokens
    counted = say_count("{count} token", "{count} tokens", tokens)
    if spent.estimated:
        counted = say("about {figure}", figure=counted)
    return [
        say("Worked out in {time}", time=duration_of(spent.seconds)) if spent.seconds >= _SHORTEST_SECONDS else "",
        counted if tokens else "",
        money(spent.cost, spent.currency),
    ]


def money(cost: float | None, currency: str) -> str:
    """`0.0042 EUR`; empty where no cost is known."""
    if cost is None:
        return ""
    digits = 2 if cost >= 0.1 or not cost else 4
    return f"{number(cost, digits=digits)} {plain(currency, 10)}".strip()
