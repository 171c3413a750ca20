"""Dynamics 365 Finance's OData V4 endpoint: `value`, `@odata.nextLink`, companies by dataAreaId, JSON numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Tenant
from connectors.sandbox.odata import ODataError, Predicate, instant, run
from connectors.sandbox.tables import Row, Table, Value
from connectors.sandbox.tokens import Mint, TokenRefused

ROOT = "/dynamics/data"
PAGE_ROWS = 250
_OPTIONS = {"$filter", "$select", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$format"}
# Decimals go out as JSON numbers with exactly the digits they have: 1250.00 stays 1250.00.
_JSON = msgspec.json.Encoder(decimal_format="number")


class Dynamics:
    """Serves /dynamics/data/<entity set>."""

    def __init__(self, tenant: Tenant, mint: Mint, url: str) -> None:
        self._tables = tenant.dynamics
        self._company = tenant.file.company
        self._audience = tenant.file.dynamics_url.rstrip("/")
        self._mint = mint
        self._url = url

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the OData paths."""
        router.add_get(ROOT, self.service)
        router.add_get(ROOT + "/", self.service)
        router.add_get(ROOT + "/{entity}", self.query)
        router.add_get(ROOT + "/{entity}/$count", self.count)

    async def service(self, request: web.Request) -> web.Response:
        """The service document."""
        refusal = self._refusal(request, "")
        if refusal:
            return refusal
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in self._tables]
        return _answer({"@odata.context": f"{self._url}{ROOT}/$metadata", "value": sets})

    async def query(self, request: web.Request) -> web.Response:
        """An entity set."""
        name = request.match_info["entity"]
        refusal = self._refusal(request, name)
        if refusal:
            return refusal
        table = self._tables.get(name)
        if table is None:
            return _error(404, f"No HTTP resource was found that matches the request: there is no entity set '{name}'.")
        try:
            return self._many(request, table)
        except ODataError as error:
            return _error(400, str(error))

    async def count(self, request: web.Request) -> web.Response:
        """How many entities match."""
        name = request.match_info["entity"]
        refusal = self._refusal(request, name)
        if refusal:
            return refusal
        table = self._tables.get(name)
        if table is None:
            return _error(404, f"No HTTP resource was found that matches the request: there is no entity set '{name}'.")
        try:
            return web.Response(text=str(run(table, request.query, 4, 1, self._companies(request.query, table)).count))
        except ODataError as error:
            return _error(400, str(error))

    def _refusal(self, request: web.Request, entity: str) -> web.Response | None:
        try:
            caller = self._mint.caller(request.headers.get("Authorization"), self._audience)
        except TokenRefused as error:
            response = _error(401, error.detail)
            response.headers["WWW-Authenticate"] = f'Bearer error="invalid_token", resource_id="{self._audience}"'
            return response
        if caller.person is None or not caller.person.dynamics:
            who = caller.person.upn if caller.person else f"application {caller.app}"
            return _error(403, f"Access denied: {who} has no security role that grants access to {entity or 'data'}.")
        acted(request, caller.person.key)
        return None

    def _many(self, request: web.Request, table: Table) -> web.Response:
        options = dict(request.query)
        for name in options:
            if name.startswith("$") and name not in _OPTIONS:
                raise ODataError(f"The query option '{name}' is not supported.")
        page = run(table, options, 4, self._page_rows(request), self._companies(options, table))
        answer: dict[str, Any] = {"@odata.context": f"{self._url}{ROOT}/$metadata#{table.name}"}
        if options.get("$count", "false").lower() == "true":
            answer["@odata.count"] = page.count
        answer["value"] = [_entity(row, page.fields) for row in page.rows]
        if page.next_skip is not None:
            again = {**options, "$skiptoken": str(page.next_skip)}
            answer["@odata.nextLink"] = f"{self._url}{ROOT}/{table.name}?{urlencode(again)}"
        return _answer(answer)

    @staticmethod
    def _page_rows(request: web.Request) -> int:
        for wish in request.headers.get("Prefer", "").split(","):
            name, _, number = wish.strip().partition("=")
            if name == "odata.maxpagesize" and number.isdigit() and int(number):
                return min(PAGE_ROWS, int(number))
        return PAGE_ROWS

    def _companies(self, options: Mapping[str, str], table: Table) -> Predicate | None:
        """Without cross-company=true a person sees their own company only."""
        text = options.get("cross-company", "false").lower()
        if text not in ("true", "false"):
            raise ODataError(f"cross-company must be true or false, not {text!r}.")
        if text == "true" or "dataAreaId" not in table.fields:
            return None
        return lambda row: row["dataAreaId"] == self._company


def _entity(row: Row, fields: tuple[str, ...]) -> dict[str, object]:
    return {name: _shown(row[name]) for name in fields}


def _shown(value: Value) -> object:
    return f"{instant(value, 4):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, date) else value


def _answer(body: dict[str, Any]) -> web.Response:
    headers = {"OData-Version": "4.0"}
    return web.Response(body=_JSON.encode(body), content_type="application/json", headers=headers)


def _error(status: int, text: str) -> web.Response:
    inner = {"message": text, "type": "System.Exception", "stacktrace": ""}
    error = {"code": "", "message": "An error has occurred.", "innererror": inner}
    return web.json_response({"error": error}, status=status)
