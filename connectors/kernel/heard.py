"""What has come of a model's answer so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from openai.types.chat import ChatCompletionChunk
from semantic_kernel.contents import StreamingChatMessageContent

from connectors.http import clipped
from orchestration.errors import ModelRefused


class Told(msgspec.Struct, frozen=True):
    """Tokens, as the server counts them."""

    input: int
    output: int
    cached: int


class Heard:
    """An answer, put together from its parts.

    Attributes:
        size: Bytes of it.
        finish: Why it ended; empty while it has not.
        refusal: What the model said instead of an answer.
        usage: What it took; None if the server has not said.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.size = 0
        self.finish = ""
        self.refusal = ""
        self.usage: Told | None = None

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(self._parts)

    def take(self, contents: Sequence[StreamingChatMessageContent]) -> bool:
        """Add a part; whether anything was said in it: a server that only keeps the line open says nothing."""
        said = False
        for each in contents:
            chunk = each.inner_content
            if not isinstance(chunk, ChatCompletionChunk):
                continue
            if chunk.usage is not None:
                self.usage = _told(chunk.usage)
                said = True
            if each.choice_index == 0:
                said = self._choice(each, chunk) or said
        return said

    def _choice(self, content: StreamingChatMessageContent, chunk: ChatCompletionChunk) -> bool:
        delta: Any = chunk.choices[0].delta if chunk.choices else None
        text = content.content
        if text and not self.finish:
            self._parts.append(text)
            self.size += len(text.encode("utf-8", "replace"))
        refusal = getattr(delta, "refusal", None)
        if isinstance(refusal, str):
            self.refusal += refusal[:1_000]
        if content.finish_reason is not None:
            self.finish = content.finish_reason.value
        # Some servers stream what a model thinks before it speaks.
        return bool(text or refusal or content.finish_reason or getattr(delta, "reasoning_content", None))

    def declined(self, name: str) -> ModelRefused:
        """The error for a refusal, with the model's words."""
        return ModelRefused(f"The model {name} declines: {clipped(self.refusal)}")


def _told(usage: Any) -> Told:
    details = usage.prompt_tokens_details
    read = max(usage.prompt_tokens or 0, 0)
    cached = max((details.cached_tokens or 0) if details else 0, 0)
    return Told(read, max(usage.completion_tokens or 0, 0), min(cached, read))
