"""Whose chat it is, and how it reaches the bot: a window of the sandbox, taken by a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.cli.state import State
from bot.cli.trouble import Trouble

_CONFIG = ".m365agentsplayground.yml"


@dataclass(frozen=True)
class Seat:
    """One person at their window.

    Attributes:
        key: The person's key in the tenant's data.
        user: Their account as the channel tells it: id, name, aadObjectId, userPrincipalName ...
        bot: The bot's account.
        conversation: Their personal chat with the bot.
        port: Where the proxy delivers what the bot sends.
        endpoint: The proxy's face to the person's client.
        sign_in: Begin of the addresses of the sandbox's own sign-in pages.
    """

    key: str
    user: dict[str, str]
    bot: dict[str, str]
    conversation: dict[str, str]
    tenant: str
    port: int
    endpoint: str
    service_url: str
    sign_in: str

    @property
    def name(self) -> str:
        """The person's name."""
        return self.user["name"]

    def activity(self, type_: str, id_: str, **more: Any) -> dict[str, Any]:
        """An activity of this person, as Teams sends it."""
        return {
            "type": type_,
            "id": id_,
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "locale": "en-US",
            "from": {key: self.user[key] for key in ("id", "name", "aadObjectId")},
            "recipient": self.bot,
            "conversation": self.conversation,
            "channelData": {"tenant": {"id": self.tenant}},
            **more,
        }


def take(state: State, key: str) -> Seat:
    """The seat of a person in the running sandbox.

    Args:
        state: The state folder.
        key: The person's key; empty takes the first window's.

    Raises:
        Trouble: No sandbox runs, or the person has no window.
    """
    described = state.sandbox()
    if described is None:
        raise Trouble(
            f"Nothing is running with the state folder {state.root}. Start it in another terminal: "
            "tandem up --no-playground"
        )
    windows = {window["person"]: window for window in described["windows"]}
    wanted = key.casefold() or next(iter(windows))
    if wanted not in windows:
        raise Trouble(
            f"{key!r} has no window in the running sandbox; there are {', '.join(windows)}. "
            f"For others start it with their keys: tandem up --no-playground --people {','.join([*windows, wanted])}"
        )
    return _seat(wanted, windows[wanted], described["settings"])


def _seat(key: str, window: dict[str, Any], settings: dict[str, str]) -> Seat:
    import yaml

    config = yaml.safe_load((Path(window["config"]) / _CONFIG).read_text("utf-8"))
    user = config["currentUser"]
    user["userPrincipalName"] = user.pop("userPrincipleName", "")  # the Playground's own spelling
    return Seat(
        key=key,
        user=user,
        bot=config["bot"],
        conversation={
            "id": config["personalChat"]["id"],
            "conversationType": "personal",
            "tenantId": config["tenantId"],
        },
        tenant=config["tenantId"],
        port=int(window["playground_port"]),
        endpoint=window["endpoint"],
        service_url=window["service_url"],
        sign_in=f"{settings['TANDEM_TOKEN_SERVICE_URL']}/sign-in",
    )
