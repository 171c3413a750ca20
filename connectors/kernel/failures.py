"""What a model's failure means, told in Tandem's own errors and with the setting that may be wrong."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta

import httpx
import openai
from semantic_kernel.connectors.ai.open_ai.exceptions.content_filter_ai_exception import ContentFilterAIException

from connectors.http import LONGEST_WAIT_SECONDS, clipped, explanation, retry_after
from connectors.wire import ModelRequestsForbidden
from orchestration.errors import Denied, ModelCut, ModelRefused, ModelUnavailable, TandemError


def failure(error: BaseException, name: str, *, begun: bool) -> Exception:
    """The error that a failed call stands for.

    Args:
        error: From Semantic Kernel, the OpenAI client or below them.
        name: Of the model, for people.
        begun: Part of an answer had come.
    """
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, TandemError | ModelRequestsForbidden):
            return each
        if isinstance(each, ContentFilterAIException):
            return filtered(name)
        if isinstance(each, openai.APIStatusError):
            return _status(each, name)
    if begun:
        return ModelCut(f"The model {name} broke off in the middle of its answer.")
    for each in chain:
        if isinstance(each, httpx.HTTPError | OSError):
            return ModelUnavailable(f"The model {name} cannot be reached ({_why(each)}).")
        if isinstance(each, openai.APIError) and not isinstance(each, openai.APIConnectionError):
            return ModelUnavailable(f"The model {name} reports an error: {clipped(each.message)}")
    return ModelUnavailable(f"The model {name} gives an answer that cannot be read.")


def complaint(error: BaseException) -> str:
    """What a server does not like about a request, the parameter first; empty if this is no such refusal."""
    for each in _chain(error):
        if isinstance(each, ContentFilterAIException):
            return ""
        if isinstance(each, openai.APIStatusError):
            if each.status_code not in (400, 422) or _about_length(each) or each.code == "content_filter":
                return ""
            return f"{each.param or ''} {explanation(_response(each)) or each.message}"
    return ""


def filtered(name: str) -> ModelRefused:
    """A content filter has stepped in."""
    return ModelRefused(f"The content filter of the model {name} declines to answer this. Say it in other words.")


def _status(error: openai.APIStatusError, name: str) -> TandemError:
    status, said = error.status_code, explanation(_response(error))
    because = f": {said}" if said else "."
    if status == 401:
        return Denied(
            f"The model {name} does not accept Tandem's credentials (401): check TANDEM_MODEL_KEY or, without a key, "
            "the role of Tandem's own identity there (Cognitive Services OpenAI User)."
        )
    if status == 403:
        return Denied(
            f"Tandem may not use the model {name} (403): check what TANDEM_MODEL_KEY or Tandem's own identity may do "
            f"at TANDEM_MODEL_URL, and its network rules{because}"
        )
    if status in (404, 410):
        return Denied(
            f"There is no model {name} ({status}): check TANDEM_MODEL_NAME, TANDEM_MODEL_URL and, with azure, "
            f"TANDEM_MODEL_API_VERSION{because}"
        )
    if status < 400:
        return Denied(f"The model {name} sends us elsewhere ({status}): TANDEM_MODEL_URL is wrong.")
    if error.code == "content_filter":
        return filtered(name)
    if status == 413 or _about_length(error):
        return Denied(
            f"The model {name} cannot read that much ({status}): TANDEM_MODEL_CONTEXT is larger than it can take."
        )
    if status in {408, 429} or status >= 500:
        what = "is busy and asks to come back later" if status == 429 else "does not answer"
        return ModelUnavailable(f"The model {name} {what} ({status}){because}", retry_after=_wait(error))
    return Denied(f"The model {name} does not take what Tandem asks ({status}){because}")


def _about_length(error: openai.APIStatusError) -> bool:
    # OpenAI has it as the code, llama.cpp as the type.
    return bool({error.code, error.type} & {"context_length_exceeded", "exceed_context_size_error"})


def _wait(error: openai.APIStatusError) -> timedelta | None:
    headers: Mapping[str, str] = _response(error).headers
    if (told := retry_after(headers)) is not None:
        return told
    try:
        milliseconds = float(headers.get("retry-after-ms", ""))
        return timedelta(milliseconds=min(max(milliseconds, 0.0), LONGEST_WAIT_SECONDS * 1_000))
    except ValueError:
        return None


def _response(error: openai.APIStatusError) -> httpx.Response:
    response: object = error.response
    assert isinstance(response, httpx.Response)  # whoever asked was given such a client
    return response


def _why(error: BaseException) -> str:
    for each in _chain(error):
        if isinstance(each, ssl.SSLError):
            return f"its certificate is not accepted: {clipped(each.reason or str(each))}"
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return "no answer to the connection"
    if isinstance(error, httpx.ConnectError):
        return "the connection failed; is TANDEM_MODEL_URL right?"
    if isinstance(error, httpx.ProxyError):
        return "the proxy does not let it through"
    return "the connection broke off"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from; the kernel's own error may fail while it is made, which leaves a context only."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
