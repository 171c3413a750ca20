"""The Bot Framework's side of the conversation: turns in, invoke answers out."""

from __future__ import annotations

from botbuilder.core import ActivityHandler, InvokeResponse, TurnContext

from bot.dialog import Dialog
from bot.egress import LastGate
from bot.inbound import read


class Activities(ActivityHandler):
    """Hands every activity to the dialog, and the dialog's answer through the gate to the channel."""

    def __init__(self, dialog: Dialog, gate: LastGate) -> None:
        self._dialog, self._gate = dialog, gate

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """A message or a submitted card."""
        await self._dialog.handle(read(turn_context.activity))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Members came or went."""
        await self._dialog.handle(read(turn_context.activity))

    async def on_installation_update(self, turn_context: TurnContext) -> None:
        """The bot was added or removed."""
        await self._dialog.handle(read(turn_context.activity))

    async def on_invoke_activity(self, turn_context: TurnContext) -> InvokeResponse | None:
        """A button, a sign-in: answered in the HTTP response (the stock handler breaks there, see `compat`)."""
        answer = await self._dialog.handle(read(turn_context.activity))
        return None if answer is None else InvokeResponse(status=answer[0], body=self._gate.answer(answer[1]))
