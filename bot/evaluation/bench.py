"""The product around one tenant, as it ships but for the chat: planner, engine, workers, and the model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from bot.bootstrap import PLAYBOOKS, Connections, model_of
from bot.evaluation.oversight import Approved, approved
from bot.evaluation.people import Silent
from bot.evaluation.tenant import Tenant
from bot.settings import read
from connectors.kernel import KernelDispatcher
from orchestration.capabilities import Registry, plugins
from orchestration.core.codec import decode
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import Invalid
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.worker import draft_worker
from orchestration.ports import Store
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.egress import Egress
from orchestration.validation.policy_file import SHIPPED, PolicyFile


class Bench:
    """Everything that it takes to play a goal."""

    def __init__(
        self, tenant: Tenant, registry: Registry, engine: EmbeddedEngine, planner: PlaybookPlanner, store: Store
    ) -> None:
        self.tenant, self.registry, self.engine, self.planner = tenant, registry, engine, planner
        self._store, self._clock = store, SystemClock()

    def now(self) -> datetime:
        """The present instant."""
        return self._clock.now()

    async def approved(self) -> list[Approved]:
        """Every attempt at a write that a person allowed."""
        workers = {
            worker.name: known.name
            for known in self.registry.capabilities()
            for worker in self.registry.offering(known.name)
        }
        keys = {each.id: key for key, each in self.tenant.people.items()}
        found: list[Approved] = []
        for run in await self._store.runs(limit=1000):
            events = [decode(row.body) for row in await self._store.events(run.run_id)]
            found += approved(events, workers, keys, self.now())
        return found


def _policy_file(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not text:
        return SHIPPED
    (folder / "policy.yaml").write_text(text, "utf-8")
    return folder / "policy.yaml"


@asynccontextmanager
async def opened(tenant: Tenant, folder: Path, model: Mapping[str, str], policy: str = "") -> AsyncIterator[Bench]:
    """The product at work.

    Args:
        tenant: Whose people are served.
        folder: A new folder for its log.
        model: Settings of the language model; empty: the one that the tenant serves.
        policy: Text of the policy file; empty: the one that comes along.

    Raises:
        Invalid: Settings, policy or the model's settings are wrong, or there is no model.
    """
    policies_in = _policy_file(folder, policy)
    own = {name: value for name, value in tenant.settings.items() if not (model and name.startswith("TANDEM_MODEL_"))}
    settings = read({**own, **model, "TANDEM_DATA_DIR": str(folder)})
    async with AsyncExitStack() as ending:
        policies = PolicyFile(policies_in, settings.systems)
        connections = Connections(settings, tenant, Egress(policies))
        ending.push_async_callback(connections.close)
        registry = Registry(connections.workers)
        plugins.register(registry)
        planner = PlaybookPlanner(registry, PLAYBOOKS, policies)
        asked = model_of(settings)
        if asked is None:
            raise Invalid("There is no language model to evaluate: see docs/models.md.")
        ending.push_async_callback(asked.close)
        patience = float(settings.model_timeout)
        registry.add(draft_worker(registry, planner, policies, asked, timeout_seconds=patience))
        store = SqliteStore(folder / "tandem.db")
        engine = EmbeddedEngine(store, registry, KernelDispatcher(registry), Silent(), SystemClock(), policies=policies)
        await engine.start()
        ending.push_async_callback(engine.stop)
        yield Bench(tenant, registry, engine, planner, store)
