"""A person's token at one system for the length of one attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


def _always() -> int:
    return 0


def _nothing() -> None:
    pass


class Bearer:
    """Asks for a token once, and once more if the system refuses it.

    A token in the cache may have been revoked while the sign-in itself is still good. Before a person is asked to
    sign in again, the cached tokens are dropped and new ones fetched. Once the person's sign-in has ended, the token
    at hand is not used any more either: the next call asks anew, and finds nobody signed in.

    Args:
        fetch: The token; called with the claims that a system demands, mostly none.
        forget: Drops what is cached for the person.
        epoch: Another number as soon as what is known of the person's sign-in was dropped.
        refused: Notes that the system takes no token of this sign-in.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[str]],
        forget: Callable[[], None],
        epoch: Callable[[], int] = _always,
        refused: Callable[[], None] = _nothing,
    ) -> None:
        self._fetch, self._forget, self._epoch, self._refused = fetch, forget, epoch, refused
        self._token = ""
        self._of = epoch()
        self._renewed = False
        self._challenged = False

    async def token(self, *, claims: str = "") -> str:
        """The token to send.

        Raises:
            SignInNeeded: There is no sign-in, or it does not suffice.
            Unavailable: The authority does not answer.
            Refused: The authority does not accept Tandem itself.
        """
        if claims or not self._token or self._epoch() != self._of:
            self._token = ""  # nothing old is left, whatever the outcome
            token = await self._fetch(claims)
            self._token, self._of = token, self._epoch()
        return self._token

    async def satisfy(self, claims: str) -> bool:
        """Fetch a token with the claims that a system demands; False if there are none, or that was tried before.

        Raises:
            TandemError: As for `token`.
        """
        if not claims or self._challenged:
            return False
        self._challenged = True
        await self.token(claims=claims)
        return True

    def renew(self) -> bool:
        """Drop the token because it was refused; False if that has happened before and trying again is pointless."""
        if self._renewed:
            self._refused()
            return False
        self._renewed = True
        self._token = ""
        self._forget()
        return True
