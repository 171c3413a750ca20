"""What can stand between a person and a token, on demand: each as Entra, the token service or Graph would have it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable

import msgspec

KINDS = {
    "lost": "the token service has no token any more, as after some days",
    "stranger": "the token service gives another person's token",
    "tenant": "the token service gives a token of another tenant",
    "unsigned": "the token service gives a token without a signature (alg none)",
    "audience": "the token service gives a token that was made for another system",
    "expired": "the token service gives a token that is over",
    "revoked": "Entra takes no token of this sign-in any more",
    "consent": "nobody has consented that Tandem acts there",
    "confirm": "Entra demands a second step of the person (conditional access)",
    "blocked": "Entra does not let the person in from this device (conditional access)",
    "challenge": "Graph demands a token that is newer than the one it is shown (continuous access evaluation)",
    "step-up": "Graph demands a token with a second step (authentication context)",
}
PLACES = ("graph", "sap", "dynamics")
# What the token service hands out, which a new sign-in replaces; what the person mends by signing in on the page.
_TOKENS = frozenset({"lost", "stranger", "tenant", "unsigned", "audience", "expired", "revoked"})
_BY_PERSON = frozenset({"confirm"})
CONTEXT = "c1"


class Hurdle(msgspec.Struct):
    """One of them: whom it concerns (key; empty: everybody), where (empty: everywhere), and until when."""

    kind: str
    until: float
    person: str = ""
    at: str = ""
    id: str = ""
    passed: list[str] = []

    @property
    def demand(self) -> str:
        """The claims that Graph's challenge asks for."""
        if self.kind == "step-up":
            return json.dumps({"access_token": {"acrs": {"essential": True, "value": CONTEXT}}})
        return json.dumps({"access_token": {"nbf": {"essential": True, "value": self.id}}})


class Hurdles:
    """Which there are just now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: list[Hurdle] = []

    def put(self, kind: str, seconds: float, person: str = "", at: str = "") -> Hurdle:
        """Puts one up.

        Raises:
            ValueError: Says what is wrong with the arguments.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no {kind!r}; there are {', '.join(KINDS)}")
        if at and at not in PLACES:
            raise ValueError(f"there is no system {at!r} that people are let into; there are {', '.join(PLACES)}")
        given: object = seconds  # it may come from somebody's JSON
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 86_400:
            raise ValueError("seconds must be above 0 and at most a day")
        made = Hurdle(kind, self._clock() + seconds, person, at, secrets.token_hex(8))
        self._all = [each for each in self._all if (each.kind, each.person, each.at) != (kind, person, at)]
        self._all.append(made)
        return made

    def find(self, kind: str, person: str, at: str = "") -> Hurdle | None:
        """The one of this kind that stands in a person's way at a system."""
        return next((each for each in self.standing() if each.kind == kind and self._meets(each, person, at)), None)

    def signed_in(self, person: str, *, page: bool) -> None:
        """The person has signed in anew: on the page, or silently, which mends less."""
        for each in self._all:
            if person in each.passed or each.person not in ("", person):
                continue
            if each.kind in _TOKENS or (page and each.kind in _BY_PERSON) or (page and each.kind == "step-up"):
                each.passed.append(person)

    def stepped_up(self, hurdle: Hurdle, person: str) -> bool:
        """Whether the person has taken the second step since it was demanded."""
        return person in hurdle.passed

    def consented(self) -> None:
        """An administrator has given consent."""
        self._all = [each for each in self._all if each.kind != "consent"]

    def clear(self) -> None:
        """Takes all of them away."""
        self._all.clear()

    def standing(self) -> list[Hurdle]:
        """All that there are now."""
        self._all = [each for each in self._all if each.until > self._clock()]
        return list(self._all)

    def left_seconds(self, hurdle: Hurdle) -> float:
        """How long it will still stand."""
        return max(0.0, hurdle.until - self._clock())

    @staticmethod
    def _meets(hurdle: Hurdle, person: str, at: str) -> bool:
        # A step-up goes on being demanded: it is the token that passes, not the person.
        passed = hurdle.kind != "step-up" and person in hurdle.passed
        return hurdle.person in ("", person) and (not at or hurdle.at in ("", at)) and not passed
