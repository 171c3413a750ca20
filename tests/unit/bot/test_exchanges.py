"""Each client of a person offers single sign-on; it is traded once."""

from __future__ import annotations

import asyncio

import pytest

from bot.exchanges import MOST_KEPT, Exchanges
from bot.silent_failures import CODES, failure


class Trades:
    def __init__(self, *outcomes: bool) -> None:
        self.outcomes, self.made = list(outcomes), 0

    async def __call__(self) -> bool:
        self.made += 1
        await asyncio.sleep(0)
        return self.outcomes.pop(0)


def exchanges() -> Exchanges[bool]:
    return Exchanges(lambda outcome: outcome)


async def test_clients_that_offer_at_the_same_time_get_one_outcome() -> None:
    made, trade = exchanges(), Trades(True)
    assert await asyncio.gather(*(made.once("megan", "x1", trade) for _ in range(5))) == [True] * 5
    assert trade.made == 1


async def test_an_offer_that_came_to_nothing_may_be_tried_by_the_next_client() -> None:
    made, trade = exchanges(), Trades(False, True)
    assert [await made.once("megan", "x1", trade) for _ in range(3)] == [False, True, True]
    assert trade.made == 2


async def test_one_persons_offer_is_nobody_elses() -> None:
    made, trade = exchanges(), Trades(True, False)
    assert await made.once("megan", "x1", trade)
    assert not await made.once("alex", "x1", trade)


async def test_an_offer_of_before_a_sign_out_counts_for_nothing() -> None:
    made, trade = exchanges(), Trades(True, False, True)
    assert await made.once("megan", "x1", trade)
    assert not await made.once("alex", "x2", trade)
    made.forget("megan")
    assert await made.once("megan", "x1", trade)
    assert trade.made == 3


async def test_what_is_kept_is_bounded() -> None:
    made, trade = exchanges(), Trades(*[True] * (MOST_KEPT + 2))
    for number in range(MOST_KEPT + 1):
        await made.once("megan", f"x{number}", trade)
    await made.once("megan", "x0", trade)
    assert trade.made == MOST_KEPT + 2


async def test_an_offer_without_an_id_counts_for_itself() -> None:
    made, trade = exchanges(), Trades(True, True)
    assert [await made.once("megan", "", trade) for _ in range(2)] == [True, True]
    assert trade.made == 2


@pytest.mark.parametrize("code", CODES)
def test_each_failure_says_what_to_do(code: str) -> None:
    assert "sign-in card" in failure(code).text
    assert failure(code.upper()) == failure(code)
    assert failure(code).by == CODES[code]


def test_a_failure_nobody_knows_is_shown_without_what_it_might_hide() -> None:
    said = failure("odd\u202e<b>" + "x" * 500).text
    assert "odd<b>" in said
    assert len(said) < 300
    assert "\u202e" not in said
    assert "(it says" not in failure("").text
