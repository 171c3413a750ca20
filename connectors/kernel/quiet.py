"""Semantic Kernel and the OpenAI client, kept from telling what people and models say.

Both can write prompts, answers, arguments and results into logs and traces, by variables of the environment or a file
`.env` in the folder where the process happens to run. What a call took is told by Tandem's own events and spans.
"""

from __future__ import annotations

import logging

from semantic_kernel.utils.telemetry.agent_diagnostics import decorators as agents
from semantic_kernel.utils.telemetry.model_diagnostics import decorators as models
from semantic_kernel.utils.telemetry.model_diagnostics import function_tracer as functions

_TALKATIVE = ("openai", "httpcore", "httpx", "semantic_kernel.connectors", "semantic_kernel.contents")


def keep_quiet() -> None:
    """No content in logs or spans from here on, whatever the environment says."""
    for each in (agents, models, functions):
        each.MODEL_DIAGNOSTICS_SETTINGS.enable_otel_diagnostics = False
        each.MODEL_DIAGNOSTICS_SETTINGS.enable_otel_diagnostics_sensitive = False
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.getEffectiveLevel(), logging.WARNING))
