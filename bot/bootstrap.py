"""The one place where everything is wired."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

import orchestration
from bot.activities import Activities
from bot.api import service
from bot.api.answers import Answers
from bot.api.gate import Buckets, Gate
from bot.api.lists import Lists
from bot.api.nonces import Nonces
from bot.api.tokens import Tokens
from bot.compat import Adapter
from bot.control import Control
from bot.conversations import Conversations
from bot.dialog import Dialog
from bot.egress import LastGate
from bot.goals import Goals
from bot.groups import Groups
from bot.notifier import TeamsNotifier
from bot.outbound import Outbound
from bot.presses import Presses
from bot.progress import Progress
from bot.routes.chain import Routes
from bot.routes.closing import Closing
from bot.routes.doors import Doors
from bot.routes.links import Links
from bot.routes.mail import MailRoute
from bot.routes.signature import FRESH, Keys
from bot.routes.webhook import Webhooks
from bot.routes.workflow import WorkflowRoute
from bot.settings import Settings
from bot.signin import SignIns, TokenServiceAssertions
from bot.web import create_app
from connectors import dynamics, graph, sap
from connectors.graph.mail.notice import Notices
from connectors.identity import AssertionSource, Identity, IdentitySettings
from connectors.identity.federation import of_managed_identity
from connectors.identity.model import ModelKey, of_bot
from connectors.kernel import KernelDispatcher
from connectors.prices import read_prices
from orchestration.audit.anchors import FileAnchors
from orchestration.capabilities import Registry, Worker, plugins
from orchestration.core.label import label_named
from orchestration.core.run import Person
from orchestration.engines.clock import SystemClock
from orchestration.engines.embedded import EmbeddedEngine
from orchestration.errors import Invalid
from orchestration.planning.described import described
from orchestration.planning.planner import PlaybookPlanner
from orchestration.planning.worker import draft_worker
from orchestration.ports import Store
from orchestration.stores.sqlite import SqliteStore
from orchestration.validation.egress import Egress
from orchestration.validation.policy_file import SHIPPED, PolicyFile
from orchestration.workers.everyday import EVERYDAY
from orchestration.workers.reconcile import reconcile
from orchestration.workers.workbook import workbook

if TYPE_CHECKING:
    from connectors.kernel.chat import ChatModel

LOG_FILE = "tandem.db"
PLAYBOOKS = Path(orchestration.__file__).parent / "playbooks"


class Connections:
    """Clients of the systems that this deployment has, and the workers that use them."""

    def __init__(self, settings: Settings, tokens: AssertionSource, egress: Egress | None = None) -> None:
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
            proof=None if settings.sso_app_secret else of_managed_identity(settings.app_id),
        )
        graph_client = graph.GraphClient(
            graph.GraphSettings(url=settings.graph_url, scope=settings.graph_scope), self.identity
        )
        self.graph = graph_client
        self.workers: list[Worker] = [reconcile, workbook, *EVERYDAY, *graph.workers(graph_client, egress)]
        self._closing = [graph_client.close]
        if settings.sap_url:
            sap_client = sap.SapClient(sap.SapSettings(url=settings.sap_url), self.identity)
            self.workers += sap.workers(sap_client, label_named(settings.sap_label))
            self._closing.append(sap_client.close)
        if settings.sap_export_site:
            export = sap.ExportSettings(
                site=settings.sap_export_site, path=settings.sap_export_path, label=label_named(settings.sap_label)
            )
            self.workers.append(sap.export_worker(export, graph.SharePointFiles(graph_client)))
        if settings.dynamics_url:
            there = dynamics.DynamicsSettings(
                url=settings.dynamics_url, scope=settings.dynamics_scope, entity=settings.dynamics_entity
            )
            dynamics_client = dynamics.DynamicsClient(there, self.identity)
            self.workers += dynamics.workers(dynamics_client, label_named(settings.dynamics_label))
            self._closing.append(dynamics_client.close)

    async def close(self) -> None:
        """Let go of every connection."""
        for close in (*self._closing, self.identity.close):
            await close()


class Ways:
    """How questions reach people beside their chats, and what machines may ask: wired before and after the engine."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        conversations: Conversations,
        outbound: Outbound,
        policies: PolicyFile,
        notices: Notices,
    ) -> None:
        self._settings, self._store = settings, store
        self._conversations, self._outbound = conversations, outbound
        self._links = Links(settings.app_id, settings.tenant_id, settings.teams_app_id)
        self._keys = Keys(os.environ)
        here = f"http://localhost:{settings.port}"
        self._webhooks = Webhooks(self._keys, local=settings.local)
        self._workflow = WorkflowRoute(
            policies.current, self._webhooks, store, self._links, settings.public_url or here
        )
        self._mail = MailRoute(notices, store, self._links, policies.current)
        self._closing: Closing | None = None

    def around(self, teams: TeamsNotifier) -> Routes:
        """The notifier with every route."""
        doors = Doors(self._conversations, self._outbound, self._settings.tenant_id)
        return Routes(
            teams,
            self._conversations,
            self._outbound,
            self._store,
            doors=doors,
            mail=self._mail,
            workflow=self._workflow,
        )

    def serve(self, app: web.Application, engine: EmbeddedEngine, clock: SystemClock) -> None:
        """Add the API's paths, and tell approval systems what is over."""
        gate = Gate(self._settings.public_url, self._settings.port)
        buckets = Buckets(burst=60, per_second=2.0, now=time.monotonic)
        lists = Lists(engine, self._store, Tokens.of(self._settings), gate, buckets, self._links)
        nonces = Nonces(self._store, lasting=3 * FRESH)
        answers = Answers(engine, self._workflow, self._keys, nonces, gate, clock)
        service.register(app, lists, answers, healthy=lambda: engine.running)
        self._closing = Closing(engine, self._workflow)
        engine.subscribe(self._closing)

    async def start(self) -> None:
        """Go on with what was not told yet."""
        if self._closing is not None:
            await self._closing.resume()

    async def close(self) -> None:
        """End; nothing is lost."""
        if self._closing is not None:
            await self._closing.close()
        await self._webhooks.close()


class Tandem:
    """The product, wired: implements `bot.main.Service`."""

    def __init__(self, settings: Settings) -> None:
        clock = SystemClock()
        policies = PolicyFile(Path(settings.policy) if settings.policy else SHIPPED, settings.systems)
        gate = LastGate(policies, settings.sign_in_pages)
        self._store, self._close_log = _log(settings)
        adapter = Adapter(settings)
        conversations = Conversations(self._store)
        outbound = Outbound(adapter, clock=clock, lost=conversations.lost, gate=gate)
        tokens = TokenServiceAssertions(adapter, conversations, outbound, settings.oauth_connection, self._store)
        self._connections = Connections(settings, tokens, Egress(policies))
        registry = Registry(self._connections.workers)
        plugins.register(registry)
        planner = PlaybookPlanner(registry, PLAYBOOKS, policies)
        self._model = model_of(settings)
        if self._model is not None:
            patience = float(settings.model_timeout)
            registry.add(draft_worker(registry, planner, policies, self._model, timeout_seconds=patience))
        policies.compare([each.name for each in registry.capabilities()])
        notifier = TeamsNotifier(conversations, outbound, tokens, self._store, clock, self._connections.identity.needs)
        notices = Notices(self._connections.graph, Egress(policies))
        self._ways = Ways(settings, self._store, conversations, outbound, policies, notices)
        self._engine = EmbeddedEngine(
            self._store,
            registry,
            KernelDispatcher(registry),
            self._ways.around(notifier),
            clock,
            point=_crash_point(settings),
            policies=policies,
            anchors=FileAnchors(Path(settings.anchors_dir or Path(settings.data_dir) / "anchors")),
        )
        notifier.values = self._engine.value
        groups = Groups(self._engine, conversations, outbound)
        describe = partial(described, registry=registry)
        self._progress = Progress(self._engine, conversations, outbound, groups, clock, describe)
        self._engine.subscribe(self._progress)
        self._goals = Goals(
            self._engine,
            planner,
            outbound,
            self._store,
            groups,
            conversations,
            clock,
            describe=describe,
            policies=policies,
            model=self._model is not None,
        )
        self._drafts = self._goals.drafts
        if self._drafts is not None:
            self._engine.subscribe(self._drafts)
            notifier.planned = self._goals.outcomes.report
            self._progress.copies.rethinks = True
        self._dialog = Dialog(
            tenant_id=settings.tenant_id,
            engine=self._engine,
            planner=planner,
            conversations=conversations,
            outbound=outbound,
            notifier=notifier,
            goals=self._goals,
            groups=groups,
            presses=Presses(self._engine, planner, self._goals, self._progress, notifier, conversations, clock),
            progress=self._progress,
            sign_ins=SignIns(self._engine, tokens, outbound, self._connections.identity),
            questions=self._store,
            clock=clock,
        )
        engine, identity = self._engine, self._connections.identity

        async def forget(person: str) -> None:
            await conversations.forget(person)
            identity.forget(Person(person, "", tenant=settings.tenant_id))

        data = Path(settings.data_dir)
        self._control = Control(data, engine, registry.health, engine.prune, engine.erasure, forget)
        activities = Activities(self._dialog, gate)
        self.app: web.Application = create_app(adapter, activities, healthy=lambda: self._engine.running)
        self._ways.serve(self.app, self._engine, clock)

    async def start(self) -> None:
        """See `Service.start`."""
        await self._engine.start()
        await self._progress.resume()
        if self._drafts is not None:
            await self._drafts.resume()
        await self._ways.start()
        await self._control.start()

    async def stop(self) -> None:
        """See `Service.stop`."""
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(self._connections.close)
            if self._model is not None:
                ending.push_async_callback(self._model.close)
            ending.push_async_callback(self._close_log)
            ending.push_async_callback(self._engine.stop)
            ending.push_async_callback(self._ways.close)
            ending.push_async_callback(self._progress.close)
            if self._drafts is not None:
                ending.push_async_callback(self._drafts.close)
            ending.push_async_callback(self._dialog.close)
            ending.push_async_callback(self._control.stop)


def model_of(settings: Settings) -> ChatModel | None:
    """The language model of this deployment; None if it has none."""
    if not settings.has_model:
        return None
    from connectors.kernel.chat import ChatModel, ModelSettings

    azure = settings.model_kind == "azure"
    own = azure and not settings.model_key
    credential = (
        of_bot(**settings.own_identity, laptop=settings.local) if own else ModelKey(settings.model_key, azure=azure)
    )
    return ChatModel(
        ModelSettings(
            url=settings.model_url,
            name=settings.model_name,
            kind="azure" if azure else "openai",
            api_version=settings.model_api_version,
            context_tokens=int(settings.model_context),
            prices=read_prices(settings.model_prices),
        ),
        credential,
    )


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
