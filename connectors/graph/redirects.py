"""Redirections that Graph may send us on: to where a file's content lies, without the person's token."""

from __future__ import annotations

import ipaddress
from typing import Any

import httpx
from kiota_http._exceptions import RedirectError
from kiota_http.middleware import RedirectHandler
from kiota_http.middleware.options import RedirectHandlerOption


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
        if following.url.scheme not in ("http", "https"):
            raise RedirectError("no address on the web")
        if following.url.host != request.url.host and _ours(following.url.host):
            raise RedirectError("an address inside of our own network")
        return following


def _without_token(request: httpx.Request, _: httpx.URL) -> None:
    for name in ("Authorization", "Cookie"):
        request.headers.pop(name, None)


def _ours(host: str) -> bool:
    """Whether a host is this machine or a number of a network that is not public, such as a cloud's metadata."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".localhost"))
