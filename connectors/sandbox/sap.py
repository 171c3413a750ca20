"""SAP S/4HANA's OData V2 services, as SAP Gateway answers: `{"d": {"results": ...}}`, `/Date(ms)/`, string decimals."""

from __future__ import annotations

import calendar
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from connectors.sandbox.accesslog import acted
from connectors.sandbox.data import Tenant
from connectors.sandbox.odata import ODataError, run
from connectors.sandbox.saml import SCOPE
from connectors.sandbox.tables import Row, Table, Value
from connectors.sandbox.tokens import SAP_AUDIENCE, Mint, TokenRefused

ROOT = "/sap/opu/odata/sap"
PAGE_ROWS = 200
_OPTIONS = {"$filter", "$select", "$orderby", "$top", "$skip", "$skiptoken", "$inlinecount", "$format"}
_KEY = re.compile(r"(\w+)='((?:[^']|'')*)'")


class Sap:
    """Serves /sap/opu/odata/sap/<service>/<entity set>."""

    def __init__(self, tenant: Tenant, mint: Mint, url: str) -> None:
        self._tables = {(table.service, name): table for name, table in tenant.sap.items()}
        self._mint = mint
        self._url = url

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the OData paths."""
        router.add_get(ROOT + "/{service}/", self.service)
        router.add_get(ROOT + "/{service}", self.service)
        router.add_get(ROOT + "/{service}/{entity}", self.query)

    async def service(self, request: web.Request) -> web.Response:
        """The service document."""
        refusal = self._refusal(request)
        if refusal:
            return refusal
        names = [name for service, name in self._tables if service == request.match_info["service"]]
        return web.json_response({"d": {"EntitySets": names}}) if names else self._no_service(request)

    async def query(self, request: web.Request) -> web.Response:
        """An entity set, its $count, or one entity by its key."""
        refusal = self._refusal(request)
        if refusal:
            return refusal
        service, name = request.match_info["service"], request.match_info["entity"]
        if service not in {known for known, _ in self._tables}:
            return self._no_service(request)
        bare, _, key = name.partition("(")
        table = self._tables.get((service, bare))
        if table is None:
            text = f"Resource not found for segment '{bare}'"
            return _error(404, "/IWFND/CM_MGW_RT/019", text, service)
        try:
            self._check_options(request.query)
            if key:
                return self._one(request, table, key.removesuffix(")"))
            return self._many(request, table)
        except ODataError as error:
            return _error(400, "/IWFND/CM_MGW_RT/021", str(error), service)

    def _refusal(self, request: web.Request) -> web.Response | None:
        try:
            caller = self._mint.caller(request.headers.get("Authorization"), SAP_AUDIENCE)
        except TokenRefused as error:
            headers = {"WWW-Authenticate": 'Bearer realm="SAP NetWeaver Application Server", error="invalid_token"'}
            response = _error(401, "/IWFND/CM_LOGON/001", error.detail, "")
            response.headers.update(headers)
            return response
        if caller.person is None or SCOPE not in caller.scopes:
            return _error(403, "/IWFND/CM_CONSUMER/101", "The token lacks the service's scope.", "")
        acted(request, caller.person.key)
        if not caller.person.sap:
            service = request.match_info["service"]
            text = f"No authorization to access service '{service}' for user {caller.person.upn}"
            return _error(403, "/IWFND/CM_CONSUMER/101", text, service)
        return None

    def _check_options(self, options: Mapping[str, str]) -> None:
        for name in options:
            if name.startswith("$") and name not in _OPTIONS:
                raise ODataError(f"The system query option '{name}' is not supported")
        if options.get("$format", "json") != "json":
            raise ODataError("$format: only json is served here")
        if options.get("$inlinecount", "none") not in ("none", "allpages"):
            raise ODataError("$inlinecount must be allpages or none")

    def _many(self, request: web.Request, table: Table) -> web.Response:
        options = dict(request.query)
        page = run(table, options, 2, PAGE_ROWS)
        answer: dict[str, Any] = {"results": [self._entity(table, row, page.fields) for row in page.rows]}
        if options.get("$inlinecount") == "allpages":
            answer["__count"] = str(page.count)
        if page.next_skip is not None:
            again = {**options, "$skiptoken": str(page.next_skip)}
            answer["__next"] = f"{self._root(table)}/{table.name}?{urlencode(again)}"
        return _answer(answer)

    def _one(self, request: web.Request, table: Table, key: str) -> web.Response:
        wanted = {name: text.replace("''", "'") for name, text in _KEY.findall(key)}
        if set(wanted) != set(table.key):
            raise ODataError(f"The key of {table.name} is {', '.join(table.key)}")
        found = next((row for row in table.rows if all(str(row[name]) == text for name, text in wanted.items())), None)
        if found is None:
            return _error(
                404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{table.name}Type'", table.service
            )
        single = Table(table.name, table.service, table.key, table.fields, table.not_filterable, [found])
        options = {name: value for name, value in request.query.items() if name == "$select"}
        return _answer(self._entity(table, found, run(single, options, 2, 1).fields))

    def _entity(self, table: Table, row: Row, fields: tuple[str, ...]) -> dict[str, Any]:
        key = ",".join(f"{name}='{row[name]}'" for name in table.key)
        uri = f"{self._root(table)}/{table.name}({key})"
        about = {"id": uri, "uri": uri, "type": f"{table.service}.{table.name}Type"}
        return {"__metadata": about, **{name: _shown(row[name]) for name in fields}}

    def _root(self, table: Table) -> str:
        return f"{self._url}{ROOT}/{table.service}"

    @staticmethod
    def _no_service(request: web.Request) -> web.Response:
        name = request.match_info["service"]
        text = f"No service found for namespace '', name '{name}', version '0001'"
        return _error(403, "/IWFND/MED/170", text, name)


def _shown(value: Value) -> object:
    if isinstance(value, date):
        return f"/Date({calendar.timegm(value.timetuple()) * 1000})/"
    if isinstance(value, Decimal):
        return str(value)
    return value


def _answer(body: dict[str, Any]) -> web.Response:
    return web.json_response({"d": body}, headers={"DataServiceVersion": "2.0"})


def _error(status: int, code: str, text: str, service: str) -> web.Response:
    application = {"component_id": "MM-IV-LIV", "service_namespace": "/SAP/", "service_id": service}
    inner = {
        "application": {**application, "service_version": "0001"},
        "transactionid": uuid.uuid4().hex.upper(),
        "timestamp": f"{datetime.now(UTC):%Y%m%d%H%M%S.%f0}",
        "errordetails": [],
    }
    error = {"code": code, "message": {"lang": "en", "value": text}, "innererror": inner}
    return web.json_response({"error": error}, status=status, headers={"DataServiceVersion": "1.0"})
