"""HTTP to outside systems: what can go wrong there, told once in Tandem's own errors."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import logging
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from connectors.pools import Pools
from orchestration.errors import (
    Busy,
    Conflict,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
    SignInNeeded,
    TandemError,
    Unavailable,
)
from orchestration.validation.text import visible

# httpx logs every URL; those of downloads hold a key to the file.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3_600.0
CLIPPED_AT = 200

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def open_client(url: str, *, timeout_seconds: float, pools: int = 1) -> httpx.AsyncClient:
    """A client for the system at `url`; proxies of the environment are used unless it is this machine.

    Args:
        url: Of the system.
        timeout_seconds: For each step of a request.
        pools: Of connections, for a system that gets many requests at a time; with a proxy there is one.
    """
    direct = is_loopback(url) or not getproxies()
    return httpx.AsyncClient(
        transport=Pools(pools, _trust()) if direct and pools > 1 else None,
        timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
        trust_env=not is_loopback(url),
        verify=_trust(),
    )


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # reading the bundle of root certificates takes a while: once is enough


def is_loopback(url: str) -> bool:
    """Whether the URL points to this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def send(
    request: Callable[[], Awaitable[httpx.Response]], *, system: str, timeout_seconds: float, write: bool = False
) -> httpx.Response:
    """The answer to a request, whatever its status.

    Args:
        request: Sends it.
        system: Its name for people: "SAP".
        timeout_seconds: For everything together; httpx's own limits are for each step.
        write: The request changes something over there.

    Raises:
        Unavailable: No answer, and nothing was done.
        OutcomeUnknown: A write went out and no answer came back.
        Refused: The address in the settings is no address.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await request()
    except _NEVER_SENT as error:
        why = "no answer to the connection" if isinstance(error, httpx.TimeoutException) else "the connection failed"
        raise Unavailable(f"{system} cannot be reached ({why}).") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Refused(f"The address of {system} in the settings is not usable: {clipped(str(error))}") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise _unanswered(f"{system} did not answer within {timeout_seconds:g} s", write) from error
    except httpx.HTTPError as error:
        raise _unanswered(f"The connection to {system} broke off", write) from error


def _unanswered(what: str, write: bool) -> TandemError:
    if write:
        return OutcomeUnknown(f"{what}; whether the change was made there is not known yet.")
    return Unavailable(f"{what}.")


def failure(response: httpx.Response, *, system: str, what: str, write: bool = False) -> TandemError:
    """The error that an unsuccessful answer stands for.

    Args:
        response: With a status of 300 or more.
        system: Its name for people: "SAP".
        what: What was tried, to be read after "to": "read supplier invoices of company 1010".
        write: The request would have changed something.
    """
    status, said = response.status_code, explanation(response)
    because = f": {said}" if said else "."
    if status == 401:
        return SignInNeeded(f"{system} does not accept your sign-in any more. Sign in again, and the run goes on.")
    if status == 403:
        return NotPermitted(f"{system} does not permit you to {what}{because}")
    if status in (404, 410):
        return NotFound(f"{system} finds nothing there when asked to {what}{because}")
    if status in (409, 412, 423):
        return Conflict(f"{system} does not {what}, because something is in the way ({status}){because}")
    if status == 429:
        return Busy(f"{system} is busy and asks to come back later (429).", retry_after=retry_after(response.headers))
    if status in (408, 503) or (status >= 500 and not write):
        return Unavailable(f"{system} does not answer ({status}).", retry_after=retry_after(response.headers))
    if status >= 500:
        # A gateway's 502 or 504 may come after the system behind it did the work.
        return OutcomeUnknown(
            f"{system} failed while it was to {what} ({status}); whether it was done is not known yet."
        )
    if status < 400:
        return Refused(
            f"{system} sends us elsewhere ({status}) when asked to {what}: the address in the settings is wrong."
        )
    return Refused(f"{system} refuses to {what} ({status}){because}")


def explanation(response: httpx.Response) -> str:
    """What the other side says about its own error, clipped; empty if it says nothing that can be read."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        message, inner = error.get("message"), error.get("innererror")
        if isinstance(message, dict):  # OData V2
            message = message.get("value")
        elif isinstance(inner, dict) and inner.get("message"):  # Dynamics says outside only that there is an error
            message = inner["message"]
        return clipped(message) if isinstance(message, str) else ""
    if isinstance(error, str):  # OAuth
        described = body.get("error_description")
        return clipped(described if isinstance(described, str) else error)
    return ""


def clipped(text: str, length: int = CLIPPED_AT) -> str:
    """Foreign text for a message: one line, nothing invisible, not long."""
    line = " ".join(visible(" ".join(text.split())).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the other side asks us to wait: seconds, also decimal, or an HTTP date; at most an hour."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT_SECONDS))


def origin(url: str) -> str:
    """Scheme, host and port of a URL, comparable; empty if it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"
