"""What planning needs from a language model. The prose here is the contract; `connectors.kernel` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from orchestration.core.usage import Usage


class ModelMessage(msgspec.Struct, frozen=True):
    """One message to or from a model."""

    role: Literal["system", "user", "assistant"]
    text: str


class Reply(msgspec.Struct, frozen=True):
    """What a model answered, whole, and what that took; nothing is known yet of whether it is any good."""

    text: str
    usage: Usage


class Model(Protocol):
    """A chat model of this deployment; it is asked under the deployment's own identity, never a person's.

    Attributes:
        name: Model or deployment, for people and events.
        context_tokens: How much it can read and write in one call.
    """

    name: str
    context_tokens: int

    async def complete(
        self, messages: Sequence[ModelMessage], *, schema: dict[str, Any], schema_name: str, timeout_seconds: float
    ) -> Reply:
        """Ask once, with structured output; the answer claims to be JSON of this schema, and may be anything.

        Nothing is tried again here.

        Raises:
            ModelUnavailable: It cannot be reached, answers with an error, is throttled (`retry_after`), or says
                nothing for `timeout_seconds`.
            ModelCut: The answer ended half way: the stream broke, or the answer was longer than the model may write.
            ModelRefused: It declines to answer, or a content filter does.
            Denied: The deployment's credentials or its access to the model are wrong; the message says which setting.
        """
