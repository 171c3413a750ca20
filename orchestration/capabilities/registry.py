"""Finds workers by what they can do, and knows which of them are up."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from orchestration.capabilities.breaker import COOLDOWN, Breaker
from orchestration.capabilities.descriptor import Capability, Worker
from orchestration.core.label import UNLABELLED, Label, within
from orchestration.errors import Invalid, NotCleared, NoWorker, Unavailable

SOON = timedelta(seconds=1)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker does.

    Attributes:
        state: `up`; `failing` when calls fail but it is still asked; `down` when it is not asked for a while;
            `trying` when the next call, or the one under way, shows whether it is up again.
        failures: In a row.
        since: Of the first of them.
        try_at: When a worker that is down is asked again.
        code: Of the last failure's error; `timeout` if nothing came back.
    """

    capability: str
    worker: str
    state: Literal["up", "failing", "down", "trying"]
    failures: int = 0
    since: datetime | None = None
    try_at: datetime | None = None
    code: str = ""


class Registry:
    """Holds every worker of the deployment and picks one for a capability.

    Several workers may offer one capability; they must agree on its effect. The cheapest is picked, then the first
    by name, so that the choice does not depend on the order of registration. One whose system does not answer is
    passed over for a while (see `Breaker`), if another one offers the capability and is up.

    Args:
        workers: To be registered at once.
        now: Tells the time, aware UTC.
    """

    def __init__(
        self, workers: Iterable[Worker] = (), *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._by_capability: dict[str, list[Worker]] = {}
        self._by_name: dict[str, Worker] = {}
        self._restricted = False  # some may not even be given what nobody has labelled
        self._breakers: dict[str, Breaker] = {}  # of workers whose last call failed
        self._now = now
        for each in workers:
            self.add(each)

    def add(self, worker: Worker) -> None:
        """Register a worker.

        Raises:
            Invalid: Its name is taken, or it disagrees with another worker about the capability's effect.
        """
        if worker.name in self._by_name:
            raise Invalid(f"worker {worker.name!r} is registered twice: give one of them another name")
        peers = self._by_capability.setdefault(worker.capability.name, [])
        if peers and peers[0].capability.effect != worker.capability.effect:
            raise Invalid(
                f"worker {worker.name!r} declares {worker.capability.name!r} a {worker.capability.effect}, "
                f"but {peers[0].name!r} declares it a {peers[0].capability.effect}"
            )
        self._by_name[worker.name] = worker
        self._restricted = self._restricted or not within(UNLABELLED, worker.clearance)
        peers.append(worker)
        peers.sort(key=lambda each: (each.cost, each.name))

    def pick(self, capability: str, label: Label = UNLABELLED) -> Worker:
        """The worker for the next attempt, of those that may be given what has this label.

        The first that is up or to be tried again; the first if none is.

        Raises:
            NoWorker: Nobody offers the capability.
            NotCleared: Nobody who does may be given what is as sensitive.
        """
        peers = self._by_capability.get(capability)
        if not peers:
            raise NoWorker(f"no worker offers {capability!r}")
        if label != UNLABELLED or self._restricted:
            peers = self.cleared(capability, label)
        return next((each for each in peers if self.up(each)), peers[0]) if self._breakers else peers[0]

    def cleared(self, capability: str, label: Label) -> list[Worker]:
        """Every worker that offers a capability and may be given what has this label, the preferred one first.

        Raises:
            NotCleared: There is none.
        """
        peers = self._by_capability.get(capability, [])
        found = [each for each in peers if within(label, each.clearance)]
        if peers and not found:
            who = ", ".join(f"{each.name} (up to {each.clearance.replace('_', ' ')})" for each in peers)
            raise NotCleared(
                f"This is {label.replace('_', ' ')}, and that is more than may be given to whoever does "
                f"{capability}: {who}. It was given to nobody. Leave out what is that sensitive, lower its label at "
                "its source if it is too high, or have the owner of the worker raise its clearance."
            )
        return found

    def up(self, worker: Worker) -> bool:
        """Whether a call that begins now may reach the worker."""
        breaker = self._breakers.get(worker.name)
        return breaker is None or breaker.try_at(now := self._now()) <= now

    def begin(self, worker: Worker, caller: Hashable) -> None:
        """A call will follow: where a worker that was down is to be tried, this caller does it and nobody else."""
        if breaker := self._breakers.get(worker.name):
            breaker.reserve(caller, self._now(), 2 * worker.timeout)

    def admit(self, worker: Worker, caller: Hashable) -> None:
        """Let a call happen, unless it would only be one more that nobody answers.

        Raises:
            Unavailable: The worker is down, and this caller is not the one that tries; `retry_after` says when to come
                if nobody else offers the capability and is up.
        """
        breaker = self._breakers.get(worker.name)
        if breaker is None or breaker.admits(caller, now := self._now()):
            return
        self.begin(worker, caller)
        if not breaker.admits(caller, now):
            wait = min(max(breaker.try_at(now) - now, SOON), COOLDOWN)  # a trial may be over long before its time
            others = any(self.up(each) for each in self._by_capability[worker.capability.name] if each is not worker)
            system = worker.capability.system or worker.name
            said = f"{system} has not answered {breaker.failures} times in a row, so it was not asked again just now."
            raise Unavailable(said, retry_after=None if others else wait)

    def succeeded(self, worker: Worker) -> None:
        """A call was answered: the worker is up."""
        if self._breakers:
            self._breakers.pop(worker.name, None)

    def failed(self, worker: Worker, code: str) -> None:
        """A call found that the worker's system does not answer."""
        self._breakers.setdefault(worker.name, Breaker()).failed(self._now(), code)

    def undecided(self, worker: Worker, caller: Hashable) -> None:
        """A call ended in a way that does not tell whether the system answers."""
        if breaker := self._breakers.get(worker.name):
            breaker.let_go(caller)

    def health(self) -> list[Health]:
        """How every worker does, by capability, the preferred one first."""
        return [self._health(each) for name in sorted(self._by_capability) for each in self._by_capability[name]]

    def _health(self, worker: Worker) -> Health:
        breaker, now = self._breakers.get(worker.name), self._now()
        if breaker is None:
            return Health(capability=worker.capability.name, worker=worker.name, state="up")
        state = breaker.state(now)
        return Health(
            capability=worker.capability.name,
            worker=worker.name,
            state="failing" if state == "closed" else "down" if state == "open" else "trying",
            failures=breaker.failures,
            since=breaker.since,
            try_at=breaker.try_at(now) if state == "open" else None,
            code=breaker.code,
        )

    def offering(self, capability: str) -> list[Worker]:
        """Every worker that offers a capability, the preferred one first."""
        return list(self._by_capability.get(capability, ()))

    def by_name(self, name: str) -> Worker:
        """The worker that an attempt recorded.

        Raises:
            NoWorker: It is no longer installed.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise NoWorker(f"worker {name!r} is not installed any more: install it again or cancel the run") from None

    def capability(self, name: str) -> Capability | None:
        """What is declared under this name, or None."""
        peers = self._by_capability.get(name)
        return peers[0].capability if peers else None

    def capabilities(self) -> list[Capability]:
        """Everything that can be asked for, by name."""
        return [self._by_capability[name][0].capability for name in sorted(self._by_capability)]
