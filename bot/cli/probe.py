"""Looks whether an endpoint answers, and how long its certificate is good for."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

_SECONDS = 8.0
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class Seen:
    """What an endpoint did.

    Attributes:
        status: HTTP status; 0 if it did not answer.
        problem: Why there is no answer, in words.
        ahead_seconds: How far this machine's clock is ahead of the endpoint's; None if it does not tell.
        days: How many days its certificate is still good for; None without https.
    """

    status: int = 0
    problem: str = ""
    body: Any = None
    ahead_seconds: float | None = None
    days: float | None = None
    headers: dict[str, str] = field(default_factory=dict)


def look(url: str, *, ca_file: str = "", form: dict[str, str] | None = None, head: bool = False) -> Seen:
    """GET, HEAD, or POST of a form; any status is an answer. Proxies of the environment are used."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return Seen(problem="this is no http address")
    local = (parts.hostname or "") in ("localhost", "127.0.0.1", "::1")
    try:
        trust = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        return Seen(problem=f"the trust root {ca_file} cannot be read: {error}")
    handlers: list[Any] = [urllib.request.HTTPSHandler(context=trust)]
    handlers += [urllib.request.ProxyHandler({})] if local or ca_file else []
    request = urllib.request.Request(  # noqa: S310 - http(s) only
        url, data=urlencode(form).encode() if form else None, method="HEAD" if head else None
    )
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_SECONDS) as answer:
            status, headers, raw = answer.status, dict(answer.headers), answer.read(_LARGEST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            status, headers, raw = error.code, dict(error.headers), error.read(_LARGEST_BYTES)
    except (OSError, ValueError) as error:
        return Seen(problem=_said(getattr(error, "reason", error)))
    days = _days(parts.hostname or "", parts.port or 443, trust) if parts.scheme == "https" else None
    return Seen(status=status, body=_json(raw), ahead_seconds=_ahead(headers), days=days, headers=headers)


def _said(reason: Any) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {reason.verify_message}"
    if isinstance(reason, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(reason, socket.gaierror):
        return "there is no such host"
    if isinstance(reason, TimeoutError):
        return f"no answer within {_SECONDS:.0f} seconds"
    return str(reason)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _ahead(headers: dict[str, str]) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _days(host: str, port: int, trust: ssl.SSLContext) -> float | None:
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=host) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter")
    except OSError:
        return None
    return (ssl.cert_time_to_seconds(until) - time.time()) / 86_400 if isinstance(until, str) else None
