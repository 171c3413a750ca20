"""The language model of the settings: whether it is there, lets this deployment in, and keeps to a form."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx

from bot.cli.finding import Finding, Mark
from connectors.http import explanation
from connectors.identity.model import ModelKey, of_bot
from connectors.wire import Credential, open_wire
from orchestration.errors import TandemError

if TYPE_CHECKING:
    from bot.settings import Settings

_PART = "Language model"
_SCHEMA = {
    "type": "object",
    "properties": {"fits": {"type": "boolean"}},
    "required": ["fits"],
    "additionalProperties": False,
}
_FORMS: tuple[dict[str, Any], ...] = (
    {"type": "json_schema", "json_schema": {"name": "tandem_doctor", "strict": True, "schema": _SCHEMA}},
    {"type": "json_object"},
)
_MESSAGES = [
    {"role": "system", "content": 'Answer with the JSON object {"fits": true} and nothing else.'},
    {"role": "user", "content": "Does it fit?"},
]


async def examine(settings: Settings) -> list[Finding]:
    """Asks it one tiny question, which costs a few tokens; nothing of this deployment is in it."""
    if not settings.has_model:
        return _found("off", "Not used (TANDEM_MODEL_URL is empty): plans come from playbooks only.")
    azure = settings.model_kind == "azure"
    credential: Credential = ModelKey(settings.model_key, azure=azure)
    if azure and not settings.model_key:
        credential = of_bot(**settings.own_identity, laptop=settings.local)
    async with open_wire(settings.model_url, credential, timeout_seconds=8) as client:
        try:
            return await _ask(settings, client)
        except TandemError as error:
            return _found("bad", error.message, "docs/models.md says how Tandem proves who it is.")
        except httpx.TimeoutException:
            text = f"{_name(settings)} said nothing within {settings.model_timeout} seconds."
            return _found("bad", text, "Is it still loading? TANDEM_MODEL_TIMEOUT says how long to wait.")
        except (httpx.HTTPError, ValueError) as error:
            why = str(error) or type(error).__name__
            return _found("bad", f"{_name(settings)}: {why}.", "Is TANDEM_MODEL_URL right, and does it run?")


async def _ask(settings: Settings, client: httpx.AsyncClient) -> list[Finding]:
    began = time.monotonic()
    for form in _FORMS:
        body = {"model": settings.model_name, "messages": _MESSAGES, "response_format": form}
        response = await client.post(_address(settings), json=body, timeout=float(settings.model_timeout))
        if response.status_code not in (400, 422):
            break
    if response.status_code != 200:
        return _refused(settings, response)
    seconds = time.monotonic() - began
    name = _name(settings)
    try:
        told = response.json()
        said = str(told["choices"][0]["message"]["content"])
    except (ValueError, LookupError, TypeError):
        return _found("bad", f"{name} gives an answer that is not OpenAI's.", "Is TANDEM_MODEL_URL that of its API?")
    findings = _found("good", f"{name} answers, in {seconds:.1f} s")
    if form is not _FORMS[0]:
        text = "It takes no JSON Schema; the schema is told to it in words, and plans will be wrong more often."
        return findings + _found("note", text, "Use a server and a model with structured output (docs/models.md).")
    if not _fits(said):
        text = "It takes a JSON Schema and does not keep to it; plans will be wrong more often."
        return findings + _found("note", text, "Use a server and a model with structured output (docs/models.md).")
    return findings + _found("good", "It keeps to a JSON Schema")


def _address(settings: Settings) -> str:
    base = settings.model_url.rstrip("/")
    if settings.model_kind == "openai":
        return f"{base}/chat/completions"
    version = settings.model_api_version
    return f"{base}/openai/deployments/{settings.model_name}/chat/completions?api-version={version}"


def _name(settings: Settings) -> str:
    return f"The model {settings.model_name} at {settings.model_url}"


def _fits(text: str) -> bool:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and isinstance(said.get("fits"), bool) and len(said) == 1


def _refused(settings: Settings, response: httpx.Response) -> list[Finding]:
    status, because = response.status_code, explanation(response)
    text = f"{_name(settings)} answers with status {status}" + (f": {because}" if because else ".")
    way_out = "Ask who runs it."
    if status == 401 and settings.model_key:
        way_out = "Is TANDEM_MODEL_KEY its key, and still valid?"
    elif status == 401 and settings.model_kind == "azure":
        way_out = "Give Tandem's own identity the role Cognitive Services OpenAI User there, or set TANDEM_MODEL_KEY."
    elif status == 401:
        way_out = "It wants a key: set TANDEM_MODEL_KEY."
    elif status == 403:
        way_out = "May this key or identity use it, and may this machine reach it (network rules)?"
    elif status == 404:
        way_out = "Check TANDEM_MODEL_NAME, TANDEM_MODEL_URL and, with azure, TANDEM_MODEL_API_VERSION."
    elif status == 429:
        return _found("note", text, "It is there and busy; raise its quota if that stays so.")
    elif 300 <= status < 400:
        way_out = "It sends us elsewhere: TANDEM_MODEL_URL must be the address itself."
    return _found("bad", text, way_out)


def _found(mark: Mark, text: str, way_out: str = "") -> list[Finding]:
    return [Finding(_PART, mark, text, way_out)]
