"""The Bot Framework channel's public face: where a bot learns the keys that sign activities."""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.keys import Keyring
from connectors.sandbox.tokens import CHANNEL_ISSUER

PREFIX = "/channel/v1/.well-known"


class Channel:
    """Serves the channel's OpenID metadata and keys."""

    def __init__(self, keys: Keyring, url: str) -> None:
        self._keys = keys
        self._url = url

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the channel's paths."""
        router.add_get(f"{PREFIX}/openidconfiguration", self.metadata)
        router.add_get(f"{PREFIX}/keys", self.keys)

    async def metadata(self, request: web.Request) -> web.Response:
        """OpenID metadata, as https://login.botframework.com serves it."""
        return web.json_response(
            {
                "issuer": CHANNEL_ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": f"{self._url}{PREFIX}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        """The channel's keys, endorsed for Teams."""
        jwk = self._keys.channel.jwk(x5t=self._keys.channel.kid, endorsements=["msteams"])
        return web.json_response({"keys": [jwk]})
