"""Attacks by guests and by people of other tenants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bot import texts
from bot.outbound import Member
from orchestration.core.run import Person
from tests.support.chat import TENANT, Desk, opened

GUEST = Person("aaaa0009-0000-4000-8000-000000000009", "Gus Guest", "", TENANT)


async def press(desk: Desk, verb: str, data: dict[str, Any]) -> Any:
    """An invoke that a client of the guest has made up: nothing was ever sent to them."""
    value = {"action": {"type": "Action.Execute", "verb": verb, "data": data}, "trigger": "manual"}
    return await desk.send(GUEST, "invoke", name="adaptiveCard/action", value=value, replyToId="")


async def test_a_guest_who_presses_before_saying_a_word_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    known = msgspec.structs.replace(GUEST, upn="gus_outside.example#EXT#@contoso.example")
    desk.outbound.members[GUEST.id] = Member(known, guest=True, tenant=TENANT)
    async with opened(desk):
        status, body = await press(desk, "goal.say", {"text": "count the stock for October 2026"})
        assert (status, body["value"]) == (200, texts.guest())
        assert await desk.engine.runs() == []
        assert desk.chat(GUEST) == []
