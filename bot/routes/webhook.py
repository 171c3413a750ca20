"""Posts signed JSON to an approval system: once for each call, no redirects, nothing of its answer is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from bot.routes import outside
from bot.routes.signature import SIGNATURE, TIMESTAMP, Keys, sign
from connectors.http import failure, retry_after, send
from orchestration.errors import OutcomeUnknown, Refused, Unavailable
from orchestration.validation.policy import ApprovalSystem

TIMEOUT_SECONDS = 10.0
LARGEST_BYTES = 256 * 1024


class Webhooks:
    """Sends to approval systems.

    Args:
        keys: Sign.
        local: This is a deployment on a laptop.
        resolve: Looks hosts up.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        local: bool,
        resolve: outside.Resolve = outside.resolve,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys, self._local, self._resolve, self._now = keys, local, resolve, now
        # Proxies of the environment are left aside: the address that was checked is the one that is called.
        # Trust roots of the environment (SSL_CERT_FILE) count: such a system may be the company's own.
        trust = httpx.create_ssl_context()
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, verify=trust)

    async def post(self, system: ApprovalSystem, content: dict[str, Any]) -> None:
        """Post to a system; it has taken it if it answers with 2xx.

        Raises:
            Unavailable: It does not answer now, or asks to come later.
            Refused: It does not take this, or its address or key in policy and settings will not do.
            Invalid: There is no key for it.
        """
        key = self._keys.of(system)[0]
        body = msgspec.json.encode(content)
        if len(body) > LARGEST_BYTES:
            raise Refused(f"The question is larger than {LARGEST_BYTES // 1024} KB, which {system.name} gets at most.")
        address = await outside.checked(system.url, local=self._local, resolve=self._resolve)
        parts = urlsplit(system.url)
        timestamp = str(int(self._now()))
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: sign(key, "question", system.name, timestamp, body),
        }
        url = httpx.URL(system.url).copy_with(host=address)
        request = self._http.build_request(
            "POST", url, content=body, headers=headers, extensions={"sni_hostname": str(parts.hostname)}
        )
        try:
            status, found = await self._status(request, system.name)
        except OutcomeUnknown as error:  # it can tell a second delivery from the first by its key
            raise Unavailable(error.message) from error
        if status in (408, 429) or status >= 500:
            raise Unavailable(f"{system.name} does not answer ({status}).", retry_after=retry_after(found.headers))
        if not 200 <= status < 300:
            raise failure(found, system=system.name, what="take a question")

    async def _status(self, request: httpx.Request, name: str) -> tuple[int, httpx.Response]:
        """Status and headers; the body is not read, however long it is."""

        async def once() -> httpx.Response:
            response = await self._http.send(request, stream=True)
            await response.aclose()
            return httpx.Response(response.status_code, headers=_kept(response.headers))

        answer = await send(once, system=name, timeout_seconds=TIMEOUT_SECONDS, write=True)
        return answer.status_code, answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _kept(headers: httpx.Headers) -> dict[str, str]:
    return {name: headers[name] for name in ("Retry-After",) if name in headers}
