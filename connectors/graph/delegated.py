"""Who a Graph request is sent for: told to the SDK with the request itself, so that nobody can be mixed up."""

from __future__ import annotations

from typing import Any

from kiota_abstractions.authentication import AuthenticationProvider
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.request_option import RequestOption

from connectors.identity.bearer import Bearer
from connectors.identity.challenge import demanded

KEY = "TandemActingFor"


class ActingFor(RequestOption):
    """Names whose token a request carries."""

    def __init__(self, bearer: Bearer) -> None:
        self.bearer = bearer

    @staticmethod
    def get_key() -> str:
        """The key among a request's options."""
        return KEY


class DelegatedAuthentication(AuthenticationProvider):
    """Adds the token of the person whom the request names; a request that names nobody is not sent."""

    async def authenticate_request(
        self, request: RequestInformation, additional_authentication_context: dict[str, Any] | None = None
    ) -> None:
        """Add the Authorization header, with a fresh token where Graph's challenge demands claims."""
        acting = request.request_options.get(KEY)
        if not isinstance(acting, ActingFor):
            raise TypeError("a Graph request names nobody as whom it is sent")
        challenge = (additional_authentication_context or {}).get("claims", "")
        token = await acting.bearer.token(claims=demanded(challenge))
        request.headers.remove("Authorization")
        request.headers.add("Authorization", f"Bearer {token}")
