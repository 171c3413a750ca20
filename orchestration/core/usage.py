"""What a call of a language model took."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of a model, as far as its server tells.

    Attributes:
        model: Which model or deployment answered.
        input_tokens: Tokens that it read, those from its cache among them.
        output_tokens: Tokens that it wrote.
        cached_tokens: Of the input, those that it had read before.
        estimated: The server did not tell the tokens; they were guessed from the length of the texts.
        seconds: From the question to the last word.
        cost: By the deployment's own prices; None if it has named none.
        currency: Of the cost, such as `EUR`.
        outcome: What came of it: `used`, or why the answer could not be, such as `invalid_plan` or `cut`.
    """

    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    cost: float | None = None
    currency: str = ""
    outcome: str = "used"


def total(usages: list[Usage]) -> Usage | None:
    """The sum of several calls; None for none. Costs are added only while all have the same currency."""
    if not usages:
        return None
    currencies = {each.currency for each in usages if each.cost is not None}
    costs = [each.cost for each in usages if each.cost is not None]
    return Usage(
        model=", ".join(dict.fromkeys(each.model for each in usages)),
        input_tokens=sum(each.input_tokens for each in usages),
        output_tokens=sum(each.output_tokens for each in usages),
        cached_tokens=sum(each.cached_tokens for each in usages),
        estimated=any(each.estimated for each in usages),
        seconds=sum(each.seconds for each in usages),
        cost=sum(costs) if costs and len(costs) == len(usages) and len(currencies) == 1 else None,
        currency=next(iter(currencies)) if len(currencies) == 1 else "",
    )
