"""What keeps the sandbox a sandbox: it starts only on a developer's machine and answers only that machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from orchestration.errors import Refused

# Set by Azure's hosts (App Service, Functions, Container Apps, Arc, machines with workload identity), not by people.
AZURE_SETTINGS = (
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "IMDS_ENDPOINT",
    "AZURE_FEDERATED_TOKEN_FILE",
    "WEBSITE_INSTANCE_ID",
    "WEBSITE_SITE_NAME",
    "CONTAINER_APP_NAME",
    "CONTAINER_APP_REVISION",
)


def refuse_in_the_cloud(environment: Mapping[str, str] = os.environ) -> None:
    """Refuses to go on where managed identity or Azure settings exist.

    Raises:
        Refused: Names the settings and the way out.
    """
    found = [name for name in AZURE_SETTINGS if environment.get(name)]
    if found:
        raise Refused(
            f"The sandbox tenant does not start here: {', '.join(found)} {'is' if len(found) == 1 else 'are'} set, so "
            "this looks like a machine in Azure, and the sandbox issues tokens to anybody on its machine. "
            "On a developer's machine, unset it; in Azure, point Tandem's settings to the real tenant."
        )


def refuse_browsers(request: web.Request) -> str | None:
    """Why a request may come from a web page instead of from a program, or None."""
    if "Origin" in request.headers:
        return "requests with an Origin header are refused"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "requests from other sites are refused"
    return None


def only_local_host(port: int) -> object:
    """A middleware that refuses requests whose Host is not this machine (DNS rebinding)."""
    allowed = {f"localhost:{port}", f"127.0.0.1:{port}"}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "").lower() not in allowed:
            return web.json_response({"error": {"code": "Forbidden", "message": "foreign Host"}}, status=403)
        return await handler(request)

    return check
