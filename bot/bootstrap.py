"""The one place where everything is wired."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

import orchestration
from bot.activities import Activities
from bot.compat import Adapter
from bot.control import Control
from bot.conversations import Conversations
from bot.dialog import Dialog
from bot.goals import Goals
from bot.notifier import TeamsNotifier
from bot.outbound import Outbound
from bot.presses import Presses
from bot.progress import Progress
from bot.settings import Settings
from bot.signin import SignIns, TokenServiceAssertions
from bot.web import create_app
from connectors import dynamics, graph, sap
from connectors.identity import Identity, IdentitySettings
from connectors.kernel import KernelDispatcher
from orchestration.capabilities import Registry, Worker, plugins
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import Invalid
from orchestration.planning.planner import PlaybookPlanner
from orchestration.ports import Store
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.policy_file import SHIPPED, PolicyFile
from orchestration.workers.everyday import EVERYDAY
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import workbook

LOG_FILE = "tandem.db"
PLAYBOOKS = Path(orchestration.__file__).parent / "playbooks"


class Connections:
    """Clients of the systems that this deployment has, and the workers that use them."""

    def __init__(self, settings: Settings, tokens: TokenServiceAssertions) -> None:
        self.identity = Identity(
            IdentitySettings(
                tenant_id=settings.tenant_id,
                client_id=settings.sso_app_id,
                client_secret=settings.sso_app_secret,
                authority=settings.authority,
                ca_file=settings.ca_file,
                sap_facade_url=settings.sap_facade_url,
                sap_facade_scope=settings.sap_facade_scope,
                sap_token_url=settings.sap_token_url,
                sap_client_id=settings.sap_client_id,
                sap_client_secret=settings.sap_client_secret,
            ),
            tokens,
        )
        graph_client = graph.GraphClient(
            graph.GraphSettings(url=settings.graph_url, scope=settings.graph_scope), self.identity
        )
        self.workers: list[Worker] = [reconcile, workbook, *EVERYDAY, *graph.workers(graph_client)]
        self._closing = [graph_client.close]
        if settings.sap_url:
            sap_client = sap.SapClient(sap.SapSettings(url=settings.sap_url), self.identity)
            self.workers += sap.workers(sap_client)
            self._closing.append(sap_client.close)
        if settings.sap_export_site:
            export = sap.ExportSettings(site=settings.sap_export_site, path=settings.sap_export_path)
            self.workers.append(sap.export_worker(export, graph.SharePointFiles(graph_client)))
        if settings.dynamics_url:
            there = dynamics.DynamicsSettings(
                url=settings.dynamics_url, scope=settings.dynamics_scope, entity=settings.dynamics_entity
            )
            dynamics_client = dynamics.DynamicsClient(there, self.identity)
            self.workers += dynamics.workers(dynamics_client)
            self._closing.append(dynamics_client.close)

    async def close(self) -> None:
        """Let go of every connection."""
        for close in (*self._closing, self.identity.close):
            await close()


class Tandem:
    """The product, wired: implements `bot.main.Service`."""

    def __init__(self, settings: Settings) -> None:
        clock = SystemClock()
        policies = PolicyFile(Path(settings.policy) if settings.policy else SHIPPED, settings.systems)
        self._store, self._close_log = _log(settings)
        adapter = Adapter(settings)
        conversations = Conversations(self._store)
        outbound = Outbound(adapter)
        tokens = TokenServiceAssertions(adapter, conversations, outbound, settings.oauth_connection)
        self._connections = Connections(settings, tokens)
        registry = Registry(self._connections.workers)
        plugins.register(registry)
        planner = PlaybookPlanner(registry, PLAYBOOKS, policies)
        notifier = TeamsNotifier(conversations, outbound, tokens, self._store)
        self._engine = EmbeddedEngine(
            self._store,
            registry,
            KernelDispatcher(registry),
            notifier,
            clock,
            point=_crash_point(settings),
            policies=policies,
        )
        notifier.values = self._engine.value
        self._progress = Progress(self._engine, conversations, outbound, clock)
        self._engine.subscribe(self._progress)
        self._goals = Goals(self._engine, planner, outbound, self._store, clock)
        self._dialog = Dialog(
            tenant_id=settings.tenant_id,
            engine=self._engine,
            planner=planner,
            conversations=conversations,
            outbound=outbound,
            notifier=notifier,
            goals=self._goals,
            presses=Presses(self._engine, self._goals, self._progress, clock),
            progress=self._progress,
            sign_ins=SignIns(self._engine, tokens, outbound, self._connections.identity.forget),
            questions=self._store,
            clock=clock,
        )
        self._control = Control(Path(settings.data_dir), self._engine, registry.health, self._engine.prune)
        self.app: web.Application = create_app(adapter, Activities(self._dialog), healthy=lambda: self._engine.running)

    async def start(self) -> None:
        """See `Service.start`."""
        await self._engine.start()
        await self._progress.resume()
        await self._control.start()

    async def stop(self) -> None:
        """See `Service.stop`."""
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(self._connections.close)
            ending.push_async_callback(self._close_log)
            ending.push_async_callback(self._engine.stop)
            ending.push_async_callback(self._progress.close)
            ending.push_async_callback(self._goals.close)
            ending.push_async_callback(self._dialog.close)
            ending.push_async_callback(self._control.stop)


def _log(settings: Settings) -> tuple[Store, Callable[[], Awaitable[None]]]:
    """The store, and what to let go of after it was closed."""

    async def nothing() -> None:
        pass

    data = Path(settings.data_dir)
    data.mkdir(parents=True, exist_ok=True)
    if not settings.database_url:
        return SqliteStore(data / LOG_FILE), nothing
    from orchestration.stores.postgres import FOREVER, PostgresStore

    # A second replica waits until the first one ends: nobody starts two bots on one database by mistake.
    if settings.database_login == "url":
        return PostgresStore(settings.database_url, lock_timeout=FOREVER), nothing
    from connectors.identity.database import of_bot

    password = of_bot(**settings.own_identity)
    return PostgresStore(settings.database_url, password=password, lock_timeout=FOREVER), password.close


def build(settings: Settings) -> Tandem:
    """Everything wired, nothing started.

    Raises:
        Invalid: Settings or playbooks do not fit; the message names what and where.
    """
    return Tandem(settings)


def _crash_point(settings: Settings) -> Callable[[str], None]:
    """For fault tests on a laptop: the process ends at the named point as if its power went."""
    wanted = os.environ.get("TANDEM_CRASH_AT", "")
    if not wanted:
        return lambda _: None
    if not settings.local:
        raise Invalid("TANDEM_CRASH_AT is for tests with the sandbox only: unset it")

    def crash(point: str) -> None:
        if point == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash
