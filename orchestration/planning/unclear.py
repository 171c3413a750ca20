"""Why no plan came of a goal, in words for the person: what a model did wrong is told it in terms of the plan."""

from __future__ import annotations

import re

from orchestration.validation.text import clean

_UNSAID = re.compile(r"the person did not say (?:the address |the link )?'([^']*)'")
_MOST = 3

# What a problem says => what that means to whoever asked, the first that fits.
_MEANINGS = [
    (re.compile(pattern), said)
    for pattern, said in (
        (
            "does not say who is meant|may not be used where it says who|no backslashes",
            "It was not clear who is meant.",
        ),
        ("here; use only|nobody offers|playbook: there is no", "It would have taken something that I cannot do here."),
        (r"are possible|may have \d+ characters|more than \d+", "The plan became too large."),
        ("JSON", "The answers of the language model could not be read."),
        ("wait for each other", "Its steps waited for one another."),
        ("changes nothing", "It is so already."),
    )
]
_OTHERWISE = "The steps did not fit together."


def in_words(problems: list[str]) -> str:
    """A few sentences: that there is no plan, why, and what helps."""
    reasons: dict[str, None] = {}
    for problem in problems:
        if found := _UNSAID.search(problem):
            reasons[f"It named “{clean(found[1], 80)}”, which you did not."] = None
        else:
            meaning = next((said for pattern, said in _MEANINGS if pattern.search(problem)), _OTHERWISE)
            reasons[meaning] = None
    told = " ".join(list(reasons)[:_MOST]) or "The language model gave no answer that could be used."
    return (
        f"I could not make a plan of this. {told} Say it in other words or in smaller parts, "
        "with the full names or addresses of people."
    )
