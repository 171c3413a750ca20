"""All scenarios by name; later ones extend the same tests."""

from __future__ import annotations

from tests.faults.amending import AMENDED
from tests.faults.asking import ABSENT, ASKED, READS, SIGN_IN, TOO_LATE, VOTES
from tests.faults.grouping import ITEMS, ROUNDS
from tests.faults.handling import HANDLED
from tests.faults.scenario import Scenario
from tests.faults.steering import FORKED, PAUSED, REOPENED, RETRACTED
from tests.faults.writing import CANCELLED, DOUBT, POST, SEND, UPLOAD

SCENARIOS: dict[str, Scenario] = {
    "reads": READS,
    "upload": UPLOAD,
    "send": SEND,
    "post": POST,
    "doubt": DOUBT,
    "cancelled": CANCELLED,
    "sign_in": SIGN_IN,
    "asked": ASKED,
    "absent": ABSENT,
    "votes": VOTES,
    "too_late": TOO_LATE,
    "handled": HANDLED,
    "items": ITEMS,
    "rounds": ROUNDS,
    "paused": PAUSED,
    "reopened": REOPENED,
    "retracted": RETRACTED,
    "forked": FORKED,
    "amended": AMENDED,
}
