"""The wire to a language model: what leaves this process on it is decided here, and how much comes back.

A client library between Tandem and a model reads variables of the environment, follows redirects and adds headers of
its own. Below it, this transport sends what Tandem wants to be sent and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import httpx

from connectors.http import is_loopback, open_client

# Tests set this to False: then no model but one on this machine can be asked, whatever a test or a setting says.
ALLOW_MODEL_REQUESTS = True

# A token that is streamed takes some 250 bytes.
MOST_BYTES = 32 * 1024 * 1024
MOST_ERROR_BYTES = 64 * 1024
_SENT = ("content-type", "accept")


class Credential(Protocol):
    """Who asks."""

    async def __call__(self) -> dict[str, str]:
        """The headers that prove it; asked for each request."""

    async def close(self) -> None:
        """Let go of what it holds."""


class ModelRequestsForbidden(RuntimeError):
    """A model on another machine was to be asked where that is forbidden: in a test."""


def check_allowed(url: str) -> None:
    """Nothing, if this address may be asked.

    Raises:
        ModelRequestsForbidden: Models may not be asked, and this is not this machine.
    """
    if not ALLOW_MODEL_REQUESTS and not is_loopback(url):
        raise ModelRequestsForbidden(
            f"{httpx.URL(url).host} was to be asked as a language model, which is forbidden here "
            "(connectors.wire.ALLOW_MODEL_REQUESTS): use a model on this machine, such as the recorded one"
        )


def open_wire(url: str, credential: Credential, *, timeout_seconds: float) -> httpx.AsyncClient:
    """A client for the model at `url`, with no redirects, no compression and no limit between two bytes.

    Args:
        url: Of the model's API.
        credential: Who asks; it is closed with the client.
        timeout_seconds: For making a connection.
    """
    wire = Wire(open_client(url, timeout_seconds=timeout_seconds), credential)
    return httpx.AsyncClient(
        transport=wire,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=timeout_seconds, pool=timeout_seconds),
    )


class Wire(httpx.AsyncBaseTransport):
    """Sends requests through `client`, which knows the way there, with exactly the headers that they need."""

    def __init__(self, client: httpx.AsyncClient, credential: Credential) -> None:
        self._client = client
        self._credential = credential

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`; errors are those of httpx and of the credential."""
        check_allowed(str(request.url))
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        headers |= {"accept-encoding": "identity", "user-agent": "tandem", **await self._credential()}
        sent = self._client.build_request(
            request.method, request.url, headers=headers, content=await request.aread(), timeout=None
        )
        sent.extensions |= {name: request.extensions[name] for name in ("timeout",) if name in request.extensions}
        response = await self._client.send(sent, stream=True, follow_redirects=False)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx.RemoteProtocolError("the answer is compressed, which was not asked for", request=request)
        most = MOST_BYTES if response.is_success else MOST_ERROR_BYTES
        return httpx.Response(response.status_code, headers=response.headers, stream=_Bounded(response, most))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._credential.close()


class _Bounded(httpx.AsyncByteStream):
    """An answer's bytes, to a limit."""

    def __init__(self, response: httpx.Response, most: int) -> None:
        self._response, self._most = response, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._response.aiter_raw():
            left -= len(chunk)
            if left < 0:
                raise httpx.RemoteProtocolError(f"the answer is larger than {self._most} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
