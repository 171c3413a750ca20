"""Finds workers by what they can do."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.capabilities.descriptor import Capability, Worker
from orchestration.errors import Invalid, NoWorker


class Registry:
    """Holds every worker of the deployment and picks one for a capability.

    Several workers may offer one capability; they must agree on its effect. The cheapest is picked, then the first
    by name, so that the choice does not depend on the order of registration.
    """

    def __init__(self, workers: Iterable[Worker] = ()) -> None:
        self._by_capability: dict[str, list[Worker]] = {}
        self._by_name: dict[str, Worker] = {}
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
        peers.append(worker)
        peers.sort(key=lambda each: (each.cost, each.name))

    def pick(self, capability: str) -> Worker:
        """The worker for the next attempt.

        Raises:
            NoWorker: Nobody offers the capability.
        """
        peers = self._by_capability.get(capability)
        if not peers:
            raise NoWorker(f"no worker offers {capability!r}")
        return peers[0]

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
