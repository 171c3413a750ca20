"""Redirections that Graph may send us on: to where a file's content lies, without the person's token."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import httpx
from kiota_http._exceptions import RedirectError
from kiota_http.middleware import RedirectHandler
from kiota_http.middleware.options import RedirectHandlerOption

from connectors.http import is_loopback

_NUMBER = re.compile(r"0x[0-9a-f]*|\d+")
_INSIDE = ("internal", "local", "localhost")


class Redirections(RedirectHandler):
    """Follows reads only, never with Authorization, and not to addresses inside of our own network."""

    def __init__(self) -> None:
        super().__init__(RedirectHandlerOption(scrub_sensitive_headers=_without_token))

    def _build_redirect_request(
        self, request: httpx.Request, response: httpx.Response, options: Any, request_options: Any = None
    ) -> httpx.Request:
        if request.method not in ("GET", "HEAD"):
            raise RedirectError(f"a {request.method} is not sent on: what it holds is for this address only")
        following = super()._build_redirect_request(request, response, options, request_options)
        same = following.url.host == request.url.host
        plainly = following.url.scheme == "http" and same and is_loopback(str(following.url))  # the sandbox
        if following.url.scheme != "https" and not plainly:
            raise RedirectError("no https address")
        if not same and _ours(following.url.host):
            raise RedirectError("an address inside of our own network")
        return following


def _without_token(request: httpx.Request, _: httpx.URL) -> None:
    for name in ("Authorization", "Cookie"):
        request.headers.pop(name, None)


def _ours(host: str) -> bool:
    """Whether a host is this machine or a number of a network that is not public, such as a cloud's metadata.

    A number in any way of writing but the usual one is taken for one of ours: only programs read `0x7f.1` or `127.1`.
    """
    host = host.strip("[]").rstrip(".").lower()
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." not in host or _NUMBER.fullmatch(last) is not None or last in _INSIDE
    return not (getattr(found, "ipv4_mapped", None) or found).is_global
