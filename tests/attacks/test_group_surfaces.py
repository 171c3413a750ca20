"""Attacks on what more than one person sees: group chats and channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.chat import ALEX, MEGAN, TENANT, Desk, everything, opened

CHANNEL = "19:general@thread.tacv2"
THREAD = f"{CHANNEL};messageid=17"
BOT = {"type": "mention", "mentioned": {"id": "28:bot", "name": "Tandem"}, "text": "<at>Tandem</at>"}
PROTECTED = ("INV-1", "INV-2", "10.00", "Decide about 2 differences", "approval.decide")


def there() -> dict[str, Any]:
    return {
        "conversation": {"id": THREAD, "conversationType": "channel", "tenantId": TENANT, "isGroup": True},
        "channelData": {"tenant": {"id": TENANT}, "team": {"id": CHANNEL}},
    }


def shown_to_all(desk: Desk) -> str:
    return everything([bubble.says for bubble in desk.outbound.chats.get(THREAD, [])])


async def refresh(desk: Desk, message: str) -> Any:
    """As the client of the one who looks at the card asks by itself."""
    run = await desk.run()
    (approval,) = [each for each in run.approvals if each.open]
    data = {"run_id": run.run_id, "approval": approval.id}
    value = {"action": {"type": "Action.Execute", "verb": "refresh_approval", "data": data}, "trigger": "automatic"}
    return await desk.send(ALEX, "invoke", name="adaptiveCard/action", value=value, replyToId=message, **there())


@pytest.mark.parametrize("installed", [True, False])
async def test_an_approvers_view_that_comes_late_is_not_put_before_the_whole_group(
    tmp_path: Path, installed: bool
) -> None:
    desk = Desk(tmp_path)
    desk.patience_seconds = 0.0  # every answer is late
    desk._wire()
    async with opened(desk):
        await desk.send(MEGAN, "installationUpdate", action="add")
        if installed:
            await desk.send(ALEX, "installationUpdate", action="add")
        await desk.send(MEGAN, text="<at>Tandem</at> count the stock for October 2026", entities=[BOT], **there())
        await desk.press(MEGAN, "Start")
        await desk.until(lambda: len(desk.outbound.chats[THREAD]) == 2, "the group has no card of the question")
        await refresh(desk, desk.outbound.chats[THREAD][1].id)
        await desk.until(lambda: not desk.dialog._patience._late, "the late answer does not end")
        assert [each for each in PROTECTED if each in shown_to_all(desk)] == []
