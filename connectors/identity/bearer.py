"""A person's token at one system for the length of one attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Bearer:
    """Asks for a token once, and once more if the system refuses it.

    A token in the cache may have been revoked while the sign-in itself is still good. Before a person is asked to
    sign in again, the cached tokens are dropped and new ones fetched.

    Args:
        fetch: The token; called with the claims that a system demands, mostly none.
        forget: Drops what is cached for the person.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[str]], forget: Callable[[], None]) -> None:
        self._fetch = fetch
        self._forget = forget
        self._token = ""
        self._renewed = False

    async def token(self, *, claims: str = "") -> str:
        """The token to send.

        Raises:
            SignInNeeded: There is no sign-in, or it does not suffice.
            Unavailable: The authority does not answer.
            Refused: The authority does not accept Tandem itself.
        """
        if claims or not self._token:
            self._token = await self._fetch(claims)
        return self._token

    def renew(self) -> bool:
        """Drop the token because it was refused; False if that has happened before and trying again is pointless."""
        if self._renewed:
            return False
        self._renewed = True
        self._token = ""
        self._forget()
        return True
