"""The sandbox's servers: the authority over https, everything else by path over http, and one proxy per window."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from connectors.sandbox.accesslog import AccessLog
from connectors.sandbox.authority import FACADE_AUDIENCE, GRAPH_AUDIENCE, Authority
from connectors.sandbox.channel import PREFIX as CHANNEL_PREFIX
from connectors.sandbox.channel import Channel
from connectors.sandbox.control import Control
from connectors.sandbox.data import load
from connectors.sandbox.drives import Drives
from connectors.sandbox.dynamics import Dynamics
from connectors.sandbox.faults import Faults
from connectors.sandbox.graph import Graph
from connectors.sandbox.graph_calendar import CalendarApi
from connectors.sandbox.graph_chats import ChatsApi
from connectors.sandbox.graph_files import FilesApi
from connectors.sandbox.graph_mail import MailApi
from connectors.sandbox.graph_people import PeopleApi
from connectors.sandbox.graph_search import SearchApi
from connectors.sandbox.graph_sharing import SharingApi
from connectors.sandbox.guard import only_local_host, refuse_in_the_cloud
from connectors.sandbox.hurdles import Hurdles
from connectors.sandbox.journal import Journal
from connectors.sandbox.keys import Keyring, write_private
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.model.recordings import Recordings
from connectors.sandbox.model.server import RecordedModel
from connectors.sandbox.office import Office
from connectors.sandbox.playground import write_config
from connectors.sandbox.proxy import Window
from connectors.sandbox.saml import SAP_CLIENT, SamlHop
from connectors.sandbox.sap import Sap
from connectors.sandbox.sessions import Sessions
from connectors.sandbox.sharepoint import SharePoint
from connectors.sandbox.sharing import Sharing
from connectors.sandbox.sign_in import SignInPage
from connectors.sandbox.throttle import MailboxGate
from connectors.sandbox.token_service import CONNECTION, SignIn, TokenService
from connectors.sandbox.token_service import PREFIX as TOKEN_SERVICE_PREFIX
from connectors.sandbox.tokens import CHANNEL_ISSUER, Mint
from connectors.sandbox.upload_sessions import UploadSessions
from connectors.sandbox.webmail import Webmail
from orchestration.errors import Invalid

PORT_BASE = 56200
PLAYGROUND_PORT = 56151
FIRST_WINDOW_OFFSET = 11
HIGHEST_BASE = 65_400
HOST = "127.0.0.1"
BODY_LIMIT_BYTES = 251 * 1024 * 1024
DESCRIPTION = "sandbox.json"


class Sandbox:
    """One tenant and all that serves it.

    Args:
        data: The tenant's data folder.
        state: Where keys, sign-ins, uploads, logs and sandbox.json are kept.
        port_base: Authority here, the rest on +1, windows' proxies from +11.
        bot_url: Where the bot listens.
        windows: Keys of the people who have a Playground window.
        playground_port: Playground of the first window; the next ones follow.
        today: The day to which the data's days are relative; None leaves it to the data, or is the present day.
        recordings: Folders with what the recorded model says; None: no model is served.
    """

    def __init__(
        self,
        data: Path,
        state: Path,
        *,
        port_base: int,
        bot_url: str,
        windows: Sequence[str],
        playground_port: int,
        today: date | None = None,
        recordings: Sequence[Path] | None = None,
    ) -> None:
        if not 1024 <= port_base <= HIGHEST_BASE:
            raise Invalid(f"--port-base {port_base} cannot be: choose one from 1024 to {HIGHEST_BASE}.")
        self.tenant = load(data)
        for key in windows:
            if key not in self.tenant.people:
                known = ", ".join(self.tenant.people)
                raise Invalid(f"No window for {key!r}: the tenant in {data} has {known}.")
        self._recordings = None if recordings is None else Recordings(recordings)
        self.state = state
        self.port_base = port_base
        inner = state / "sandbox"
        self.keys = Keyring(inner)
        self.sessions = Sessions(inner / "sign-ins.json")
        self.drives = Drives(self.tenant, inner)
        journal = Journal(inner / "office.jsonl")
        self.office = Office(self.tenant, data, journal, today)
        self.sharing = Sharing(self.tenant, data, journal, self.office.today)
        self.sharing.date_files(self.drives.all)
        journal.replay()
        self.mailroom = Mailroom(self.office)
        self.log = AccessLog(inner / "access.log")
        self.faults = Faults()
        self.hurdles = Hurdles()
        self.gate = MailboxGate()
        self.authority_url = f"https://localhost:{port_base}"
        self.url = f"http://{HOST}:{port_base + 1}"
        # People and the Bot Framework's client come by name, APIs by address.
        self.named_url = f"http://localhost:{port_base + 1}"
        self.mint = Mint(self.tenant, self.keys, self.sessions, self.authority_url)
        self.token_service = TokenService(self.tenant, self.mint, self.sessions, self.named_url, self.hurdles)
        self.windows = [
            Window(
                self.tenant.people[key], port_base + FIRST_WINDOW_OFFSET + i, playground_port + i, bot_url, self.mint
            )
            for i, key in enumerate(windows)
        ]
        for window in self.windows:
            window.windows = self.windows

    async def run(self) -> None:
        """Serves until cancelled. sandbox.json is there exactly while everything listens."""
        description = self.state / DESCRIPTION
        async with AsyncExitStack() as open_now:
            open_now.callback(self.log.close)
            await self._listen(open_now, self.port_base, "authority", self._authority_app(), self.keys.tls())
            description.unlink(missing_ok=True)  # of one that was killed: nobody may take it for ours
            await self._listen(open_now, self.port_base + 1, "tenant", self._tenant_app())
            for window in self.windows:
                await window.open()
                open_now.push_async_callback(window.close)
                purpose = f"proxy of {window.person.name}'s window"
                await self._listen(open_now, window.port, purpose, self._window_app(window))
            write_private(description, msgspec.json.format(msgspec.json.encode(self.describe())))
            open_now.callback(self._remove, description)
            await asyncio.Event().wait()

    def describe(self) -> dict[str, Any]:
        """The contents of sandbox.json: the settings of a bot, the windows, and the control desk."""
        return {
            "settings": self._settings(),
            "windows": [self._describe_window(window) for window in self.windows],
            "control": f"{self.url}/control",
            "control_key": self.keys.secrets.control,
            "pid": os.getpid(),
        }

    def _settings(self) -> dict[str, str]:
        tenant, secrets = self.tenant.file, self.keys.secrets
        return {
            "TANDEM_TENANT_ID": tenant.id,
            "TANDEM_APP_ID": tenant.apps.bot.id,
            "TANDEM_APP_SECRET": secrets.app,
            "TANDEM_APP_TYPE": "SingleTenant",
            "TANDEM_SSO_APP_ID": tenant.apps.sso.id,
            "TANDEM_SSO_APP_SECRET": secrets.sso,
            "TANDEM_OAUTH_CONNECTION": CONNECTION,
            "TANDEM_AUTHORITY": self.authority_url,
            "TANDEM_CA_FILE": str(self.keys.ca_file.resolve()),
            "TANDEM_CHANNEL_METADATA_URL": f"{self.named_url}{CHANNEL_PREFIX}/openidconfiguration",
            "TANDEM_CHANNEL_ISSUER": CHANNEL_ISSUER,
            "TANDEM_TOKEN_SERVICE_URL": f"{self.named_url}{TOKEN_SERVICE_PREFIX}",
            "TANDEM_GRAPH_URL": f"{self.url}/graph/v1.0",
            "TANDEM_GRAPH_SCOPE": f"{GRAPH_AUDIENCE}/.default",
            "TANDEM_SHAREPOINT_HOST": self.named_url.partition("://")[2],
            "TANDEM_SAP_URL": f"{self.url}/sap",
            "TANDEM_SAP_FACADE_URL": f"{self.url}/facade",
            "TANDEM_SAP_FACADE_SCOPE": f"{FACADE_AUDIENCE}/.default",
            "TANDEM_SAP_TOKEN_URL": f"{self.url}/sap/bc/sec/oauth2/token",
            "TANDEM_SAP_CLIENT_ID": SAP_CLIENT,
            "TANDEM_SAP_CLIENT_SECRET": secrets.sap,
            "TANDEM_SAP_EXPORT_SITE": tenant.sap_export.partition("/")[0],
            "TANDEM_SAP_EXPORT_PATH": tenant.sap_export.partition("/")[2],
            "TANDEM_DYNAMICS_URL": f"{self.url}/dynamics",
            "TANDEM_DYNAMICS_SCOPE": f"{tenant.dynamics_url.rstrip('/')}/.default",
            "TANDEM_DYNAMICS_ENTITY": next(iter(self.tenant.dynamics), ""),
            **({} if self._recordings is None else RecordedModel.settings(self.url, secrets.model)),
        }

    def _describe_window(self, window: Window) -> dict[str, Any]:
        folder = write_config(self.state / f"playground-{window.person.key}", self.tenant, window.person)
        return {
            "person": window.person.key,
            "id": window.person.id,
            "user_id": window.person.teams_id,
            "name": window.person.name,
            "proxy_port": window.port,
            "playground_port": window.playground_port,
            "service_url": window.service_url,
            "endpoint": window.endpoint,
            "config": str(folder.resolve()),
        }

    def _authority_app(self) -> web.Application:
        app = self._app(self.port_base, "authority", lambda request: "authority")
        Authority(self.tenant, self.mint, self.authority_url, self.hurdles).register(app.router)
        return app

    def _tenant_app(self) -> web.Application:
        app = self._app(self.port_base + 1, None, lambda request: request.path.strip("/").partition("/")[0])
        origins = {self.url, self.named_url}
        control = Control(
            self.tenant,
            self.keys.secrets.control,
            faults=self.faults,
            hurdles=self.hurdles,
            sessions=self.sessions,
            drives=self.drives,
            log=self.log,
            office=self.office,
            mailroom=self.mailroom,
        )
        parts = (
            Channel(self.keys, self.named_url),
            self.token_service,
            SignInPage(self.token_service, origins, self._deliver),
            self._graph(f"{self.url}/graph/v1.0"),
            SamlHop(self.tenant, self.mint, f"{self.url}/sap/bc/sec/oauth2/token"),
            Sap(self.tenant, self.mint, self.url),
            Dynamics(self.tenant, self.mint, self.url),
            SharePoint(self.tenant, self.drives, self.sharing, origins),
            Webmail(self.tenant, self.mailroom, origins),
            control,
        )
        for part in parts:
            part.register(app.router)
        if self._recordings is not None:
            RecordedModel(self._recordings, self.keys.secrets.model).register(app.router)
        return app

    def _graph(self, url: str) -> Graph:
        sessions = UploadSessions(self.state / "sandbox/sessions", self.url)
        sharing = SharingApi(self.tenant, self.sharing, self.mailroom, self.office.journal, url)
        search = SearchApi(self.drives, self.sharing, self.mailroom, url, self.named_url)
        files = FilesApi(
            self.tenant,
            self.drives,
            sharing=self.sharing,
            sharing_api=sharing,
            search=search,
            sessions=sessions,
            url=url,
            web_url=self.named_url,
        )
        return Graph(
            self.mint,
            self.faults,
            self.hurdles,
            people=PeopleApi(self.tenant, url),
            files=files,
            sharing=sharing,
            mail=MailApi(self.mailroom, url, self.named_url),
            calendar=CalendarApi(self.office, self.mailroom, url, self.named_url),
            chats=ChatsApi(self.office, url),
            sessions=sessions,
        )

    def _window_app(self, window: Window) -> web.Application:
        app = self._app(window.port, f"window-{window.person.key}", lambda request: None)
        window.register(app.router)
        return app

    def _app(self, port: int, name: str | None, system_of: Callable[[web.Request], str | None]) -> web.Application:
        middlewares: list[Any] = [
            self.log.middleware(name),
            only_local_host(port),
            self.gate.middleware(),
            self.faults.middleware(system_of),
        ]
        return web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT_BYTES)

    async def _deliver(self, sign_in: SignIn, code: str) -> str | None:
        window = next((w for w in self.windows if w.person.key == sign_in.person.key), None)
        if window is None:
            return f"{sign_in.person.name} has no window in this sandbox."
        return await window.deliver_sign_in(sign_in, code)

    async def _listen(
        self, open_now: AsyncExitStack, port: int, purpose: str, app: web.Application, tls: ssl.SSLContext | None = None
    ) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        open_now.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, HOST, port, ssl_context=tls).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Invalid(
                f"Port {port} (the sandbox's {purpose}) is taken, maybe by another sandbox. "
                f"End what listens there, or choose other ports: --port-base {self.port_base + 1000}."
            ) from error

    @staticmethod
    def _remove(description: Path) -> None:
        """Removes sandbox.json, unless a younger sandbox has written its own by now."""
        try:
            if msgspec.json.decode(description.read_bytes())["pid"] == os.getpid():
                description.unlink()
        except (OSError, KeyError, msgspec.DecodeError):
            return


async def serve(
    data: Path,
    state: Path,
    port_base: int = PORT_BASE,
    bot_url: str = "http://127.0.0.1:3978",
    windows: Sequence[str] = ("megan", "alex"),
    playground_port: int = PLAYGROUND_PORT,
    today: date | None = None,
    recordings: Sequence[Path] | None = None,
) -> None:
    """Serves a sandbox tenant until cancelled; <state>/sandbox.json is there while everything listens.

    Raises:
        Refused: Managed identity or Azure settings are in the environment.
        InvalidContent: The data folder or recordings have problems; all are named, with file, row and column.
        Invalid: A port is taken, or a window's person is not in the tenant.
    """
    refuse_in_the_cloud()
    sandbox = Sandbox(
        data,
        state,
        port_base=port_base,
        bot_url=bot_url,
        windows=windows,
        playground_port=playground_port,
        today=today,
        recordings=recordings,
    )
    await sandbox.run()
