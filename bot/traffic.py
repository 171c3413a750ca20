"""What may leave next, and when: one queue for each conversation, one budget for each, and one for all together.

Pure: it is told the time and never waits. `bot.outbound` asks it and does the sending.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from enum import IntEnum

# (requests, seconds) that Teams takes from one bot in one conversation, and from one app in one tenant.
# Source: Microsoft Learn, "Optimize your bot with rate limiting in Teams".
OF_CONVERSATION = ((7, 1.0), (8, 2.0), (60, 30.0), (1800, 3600.0))
OF_TENANT = ((50, 1.0),)
# The rest of a budget is kept for questions and answers.
SHARE_OF_UPDATES = 0.8
LONGEST_WAIT_SECONDS = 60.0
_SWEEP_EVERY = 256


class Rank(IntEnum):
    """What goes first. Messages keep their order among themselves, and so do updates.

    A typing sign does not wait for what others send: it leaves at once, and what follows waits the longer for it.
    """

    SIGN = 0
    MESSAGE = 1
    UPDATE = 2


class Budget:
    """Counts requests over several spans of time at once."""

    def __init__(self, limits: tuple[tuple[int, float], ...]) -> None:
        self._limits = limits
        self._spent: deque[float] = deque(maxlen=max(most for most, _ in limits))

    def free_at(self, share: float = 1.0) -> float:
        """When the next request fits into this share of the budget; minus infinity if it always did."""
        at = -math.inf
        for most, seconds in self._limits:
            allowed = max(1, int(most * share))
            if len(self._spent) >= allowed:
                at = max(at, self._spent[-allowed] + seconds)
        return at

    def spend(self, now: float) -> None:
        """A request leaves."""
        self._spent.append(now)

    def idle(self, now: float) -> bool:
        """Whether all that was spent is forgotten by now."""
        return not self._spent or self._spent[-1] + max(seconds for _, seconds in self._limits) <= now


class Ticket:
    """One request that waits for its turn.

    Attributes:
        key: Of an update: what it replaces. Of two that wait for the same, only the newer one leaves.
        leaving: Its turn has come.
        heir: The newer update that took this one's place.
        overdue: It would have to wait too long; when it may come again.
        done: It was made, or given up.
        error: Why it failed, once it is done.
    """

    def __init__(self, lane: str, rank: Rank, number: int, key: str) -> None:
        self.lane, self.rank, self.number, self.key = lane, rank, number, key
        self.leaving = False
        self.heir: Ticket | None = None
        self.overdue: float | None = None
        self.done = False
        self.error: Exception | None = None


class _Lane:
    def __init__(self) -> None:
        self.budget = Budget(OF_CONVERSATION)
        self.waiting: list[Ticket] = []  # in the order of (rank, number)
        self.under_way: Ticket | None = None
        self.closed_until = -math.inf

    def head(self) -> Ticket | None:
        return self.waiting[0] if self.waiting and self.under_way is None else None

    def open_at(self, rank: Rank) -> float:
        return max(self.closed_until, self.budget.free_at(_share(rank)))


def _share(rank: Rank) -> float:
    return SHARE_OF_UPDATES if rank is Rank.UPDATE else 1.0


class Traffic:
    """Orders requests. In each conversation one is under way at a time, so that what is sent first arrives first."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._busy: dict[str, _Lane] = {}  # those in which something waits
        self._together = Budget(OF_TENANT)
        self._joined = 0

    def __len__(self) -> int:
        """Conversations that are kept in mind."""
        return len(self._lanes)

    def join(self, lane: str, rank: Rank, now: float, key: str = "") -> Ticket:
        """A request wants to leave; an update takes the place of one that waits for the same message."""
        self._joined += 1
        if self._joined % _SWEEP_EVERY == 0:
            self._sweep(now)
        there = self._busy[lane] = self._lanes.setdefault(lane, _Lane())
        ticket = Ticket(lane, rank, self._joined, key)
        for older in there.waiting:
            if key and older.key == key:
                older.heir, ticket.number = ticket, older.number
                there.waiting[there.waiting.index(older)] = ticket
                return ticket
        there.waiting.append(ticket)
        there.waiting.sort(key=_order)
        return ticket

    def due(self, now: float) -> list[Ticket]:
        """Those that leave now. Those that would wait too long are given up, and say so in `overdue`."""
        self._give_up(now)
        leaving: list[Ticket] = []
        for ticket in sorted(self._heads(), key=_order):
            lane = self._lanes[ticket.lane]
            if self._open_at(ticket) <= now:
                lane.waiting.remove(ticket)
                lane.under_way, ticket.leaving = ticket, True
                lane.budget.spend(now)
                self._together.spend(now)
                leaving.append(ticket)
        return leaving

    def wake_at(self) -> float | None:
        """When to ask again; None if only a request that is under way can change anything."""
        return min((self._open_at(ticket) for ticket in self._heads()), default=None)

    def quiet(self, lane: str) -> bool:
        """Whether nothing waits or is under way in a conversation."""
        there = self._lanes.get(lane)
        return there is None or (not there.waiting and there.under_way is None)

    def leave(self, ticket: Ticket) -> None:
        """The request is done, or not wanted any more."""
        lane = self._lanes[ticket.lane]
        if lane.under_way is ticket:
            lane.under_way = None
        elif ticket in lane.waiting:
            lane.waiting.remove(ticket)

    def again(self, ticket: Ticket, at: float) -> None:
        """The channel wants us to wait: nothing leaves for this conversation before `at`, and this one leaves first."""
        lane = self._busy[ticket.lane] = self._lanes[ticket.lane]
        lane.under_way, ticket.leaving = None, False
        lane.closed_until = max(lane.closed_until, at)
        newer = next((each for each in lane.waiting if ticket.key and each.key == ticket.key), None)
        if newer is not None:
            ticket.heir = newer
            return
        lane.waiting.append(ticket)
        lane.waiting.sort(key=_order)

    def _open_at(self, ticket: Ticket) -> float:
        here = self._lanes[ticket.lane].open_at(ticket.rank)
        return here if ticket.rank is Rank.SIGN else max(here, self._together.free_at(_share(ticket.rank)))

    def _heads(self) -> Iterator[Ticket]:
        for lane in self._busy.values():
            if head := lane.head():
                yield head

    def _give_up(self, now: float) -> None:
        for name, lane in list(self._busy.items()):
            for ticket in list(lane.waiting):
                open_at = lane.open_at(ticket.rank)
                if open_at - now > LONGEST_WAIT_SECONDS:
                    ticket.overdue = open_at
                    lane.waiting.remove(ticket)
            if not lane.waiting:
                del self._busy[name]

    def _sweep(self, now: float) -> None:
        for name in [name for name, lane in self._lanes.items() if _asleep(lane, now)]:
            del self._lanes[name]


def _order(ticket: Ticket) -> tuple[int, int]:
    return ticket.rank, ticket.number


def _asleep(lane: _Lane, now: float) -> bool:
    return not lane.waiting and lane.under_way is None and lane.closed_until <= now and lane.budget.idle(now)
