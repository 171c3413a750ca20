"""500 questions are open, and 50 people answer 50 of them a second: everybody is answered at once, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.approvals import measure, percentile, table

LIMIT_MS = 1_000
RATE = 50.0
TRIES = 3


@pytest.mark.integration
@pytest.mark.timeout(400)
async def test_many_answers_at_once_are_acknowledged_in_time_and_each_counts_once(tmp_path: Path) -> None:
    """What else runs here may cost time, so that is measured again; an answer that is lost is not forgiven."""
    told: list[str] = []
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome = await measure(folder, rate=RATE)
        told.append(table(outcome, RATE))
        assert outcome.questions == 500
        assert {kind: found[:5] for kind, found in outcome.wrong.items() if found} == {}, told[-1]
        assert outcome.channel["forbidden"] == 0
        assert outcome.channel["throttled"] > 10, "the channel did not throttle: nothing was proved about that"
        if percentile(outcome.milliseconds(), 99) < LIMIT_MS:
            return
    pytest.fail("\n".join(told))
