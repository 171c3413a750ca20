"""How many attempts of a worker are made at once, and whose turn is next."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from itertools import count

from orchestration.capabilities import Worker
from orchestration.core.run import Dispatch, Effect, Prepare, Run

Holder = tuple[str, Dispatch]  # a run, and the attempt that has a place or waits for one


class Limits:
    """Places at workers that declare a limit, over all runs of this process.

    An attempt needs room at the worker and for its resource at the same time, and holds nothing while it waits. Who
    came first goes first, but whoever waits for a full resource lets others pass until it has room: nobody waits for
    ever, and nobody waits for a resource that is not theirs. Everything costs O(log resources) at most.

    Nothing of this is durable: after a restart whoever is still to start asks again.

    Args:
        turn: Called with each waiting holder that got its place.
    """

    def __init__(self, turn: Callable[[Holder], None]) -> None:
        self._turn = turn
        self._lanes: dict[str, _Lane] = {}
        self._where: dict[Holder, tuple[_Lane, str]] = {}
        self._held: dict[str, dict[Dispatch, None]] = {}
        self._waiting: dict[str, dict[Dispatch, None]] = {}

    def take(self, worker: Worker, resource: str, holder: Holder) -> bool:
        """Whether the holder has a place now; if not, it waits, and `turn` is called with it once it has one.

        The same again changes nothing. At another worker, or for another resource, what the holder had before is freed.
        """
        at = (worker.name, resource)
        if holder in self._where:
            lane, before = self._where[holder]
            if (lane.name, before) == at:
                return holder in lane.held
            self.free(holder)
        if not worker.limit and not (resource and worker.resource_limit):
            return True
        lane = self._lanes.setdefault(worker.name, _Lane(worker))
        self._where[holder] = lane, resource
        taken = lane.take(resource, holder)
        _enlist(self._held if taken else self._waiting, holder)
        return taken

    def free(self, holder: Holder) -> None:
        """Give back the holder's place, or its place in the queue; nothing happens if it has neither."""
        if (found := self._where.pop(holder, None)) is None:
            return
        lane, resource = found
        _strike(self._held if holder in lane.held else self._waiting, holder)
        for following in lane.leave(resource, holder):
            _strike(self._waiting, following)
            _enlist(self._held, following)
            self._turn(following)
        if lane.idle:
            self._lanes.pop(lane.name, None)

    def review(self, run: Run, doing: Callable[[str], Collection[Effect]]) -> None:
        """Take back what attempts of a run do not need: they are not made, nor begin once they hear of their turn.

        Args:
            run: As it is on disk.
            doing: What is being done of a run.
        """
        goes_on = run.status == "running" and not run.held
        if not goes_on:
            for attempt in self.waiting(run.run_id):
                self.free((run.run_id, attempt))
        for attempt in self.held(run.run_id):
            made = attempt in run.due or attempt in doing(run.run_id)
            if not made and not (goes_on and _begins(run, attempt)):
                self.free((run.run_id, attempt))

    def held(self, run_id: str) -> list[Dispatch]:
        """The attempts of a run that have a place."""
        return list(self._held.get(run_id, ()))

    def waiting(self, run_id: str) -> list[Dispatch]:
        """The attempts of a run that wait for one."""
        return list(self._waiting.get(run_id, ()))

    def clear(self) -> None:
        """Forget everything."""
        for each in (self._lanes, self._where, self._held, self._waiting):
            each.clear()


def _begins(run: Run, attempt: Dispatch) -> bool:
    """Whether an attempt is the next one of a task that is to be prepared."""
    return Prepare(attempt.task) in run.due and run.tasks[attempt.task].attempt + 1 == attempt.attempt


def _enlist(index: dict[str, dict[Dispatch, None]], holder: Holder) -> None:
    index.setdefault(holder[0], {})[holder[1]] = None


def _strike(index: dict[str, dict[Dispatch, None]], holder: Holder) -> None:
    of_run = index[holder[0]]
    del of_run[holder[1]]
    if not of_run:
        del index[holder[0]]


class _Lane:
    """The places of one worker; between two calls nobody waits who could have one."""

    def __init__(self, worker: Worker) -> None:
        self.name = worker.name
        self.held: dict[Holder, None] = {}
        self._limit, self._resource_limit = worker.limit, worker.resource_limit
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, OrderedDict[Holder, int]] = {}  # resource => who came when
        self._next: list[tuple[int, str]] = []  # heap of resources by their first in line; stale ones included
        self._arrivals = count()

    @property
    def idle(self) -> bool:
        """Whether nobody is here."""
        return not self.held and not self._waiting

    def take(self, resource: str, holder: Holder) -> bool:
        if self._room() and self._room_for(resource):
            self._give(resource, holder)
            return True
        line = self._waiting.setdefault(resource, OrderedDict())
        line[holder] = next(self._arrivals)
        if len(line) == 1:
            self._line_up(resource)
        return False

    def leave(self, resource: str, holder: Holder) -> list[Holder]:
        """Takes the holder away; returns who got a place by that."""
        if holder in self.held:
            del self.held[holder]
            self._taken[resource] -= 1
            if not self._taken[resource]:
                del self._taken[resource]
        else:
            self._unlist(resource, holder)
        self._line_up(resource)
        return self._give_on()

    def _give_on(self) -> list[Holder]:
        given: list[Holder] = []
        while self._next and self._room():
            arrival, resource = heapq.heappop(self._next)
            holder, first = next(iter(self._waiting.get(resource, {}).items()), (None, -1))
            if holder is None or first != arrival or not self._room_for(resource):
                continue
            self._unlist(resource, holder)
            self._give(resource, holder)
            given.append(holder)
            self._line_up(resource)
        return given

    def _line_up(self, resource: str) -> None:
        """Let the first in line for a resource be found, if the resource has room."""
        if resource in self._waiting and self._room_for(resource):
            heapq.heappush(self._next, (next(iter(self._waiting[resource].values())), resource))

    def _give(self, resource: str, holder: Holder) -> None:
        self.held[holder] = None
        self._taken[resource] += 1

    def _unlist(self, resource: str, holder: Holder) -> None:
        del self._waiting[resource][holder]
        if not self._waiting[resource]:
            del self._waiting[resource]

    def _room(self) -> bool:
        return not self._limit or len(self.held) < self._limit

    def _room_for(self, resource: str) -> bool:
        return not (resource and self._resource_limit) or self._taken[resource] < self._resource_limit
