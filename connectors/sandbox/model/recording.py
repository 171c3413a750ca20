"""A recording: what was asked, and what the model says to it, turn by turn and attempt by attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from orchestration.planning.answer import Answer

_CONTENTS = ("answer", "json", "text", "tool_calls", "refusal", "status")
_NOT_NEGATIVE = ("retry_after", "cut_after_chars", "silence_seconds", "silence_after_chars", "delay_ms")
_PLACE = re.compile(r"(?<!\$)\{([a-z_]+)\}")  # `{today}`, but not an expression of a plan, `${today}`


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that the model wants called."""

    name: str
    arguments: dict[str, Any] = {}


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model claims to have read and written; `cached` of `prompt` cost less."""

    prompt: int
    completion: int
    cached: int = 0


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the model answers one request.

    Attributes:
        answer: A draft of a plan; what is left out has its default, and shorthands are spelled out (see the README).
        json: Any JSON, sent as it is.
        text: Any text, sent as it is: prose, broken JSON.
        refusal: The model declines, in the protocol's own field.
        finish_reason: How the answer ends, if not as its kind tells.
        status: An HTTP error instead of an answer; `code` and `message` as in the error's body.
        retry_after: Seconds, in the error's header.
        cut_after_chars: The connection is closed after so much of the text.
        silence_seconds: So long nothing is sent, once `silence_after_chars` of the text have been.
        chunk_chars: How much text each chunk of a stream carries.
        delay_ms: Between chunks.
        usage: Tokens; counted from the lengths if not given.
    """

    answer: dict[str, Any] | None = None
    json: Any = None
    text: str | None = None
    tool_calls: list[Call] = []
    refusal: str = ""
    finish_reason: Literal["", "stop", "length", "content_filter", "tool_calls"] = ""
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    cut_after_chars: int | None = None
    silence_seconds: float = 0
    silence_after_chars: int = 0
    chunk_chars: int = 24
    delay_ms: int = 0
    usage: Tokens | None = None

    def problems(self) -> list[str]:
        """What is wrong with it, beyond its shape."""
        contents = [name for name in _CONTENTS if getattr(self, name) not in (None, "", 0, [])]
        wrong: list[str] = []
        if len(contents) > 1:
            wrong.append(f"{' and '.join(contents)} exclude each other")
        if not contents and not self.finish_reason and not self.silence_seconds:
            wrong.append("it says nothing: give answer, json, text, tool_calls, refusal, status, or a finish_reason")
        if self.status and not 400 <= self.status <= 599:
            wrong.append("status must be an error: 400 to 599")
        if self.chunk_chars < 1:
            wrong.append("chunk_chars must be 1 or more")
        wrong += [f"{name} must not be below 0" for name in _NOT_NEGATIVE if (getattr(self, name) or 0) < 0]
        if self.answer is not None:
            try:
                spelled_out(self.answer)
            except (msgspec.ValidationError, TypeError) as error:
                wrong.append(f"answer: {error} (for a wrong one on purpose, use json or text)")
        return wrong

    def content(self, places: Mapping[str, str]) -> str | None:
        """The text of the answer; `{names}` in it are replaced by what `places` holds for them."""
        if self.answer is not None:
            return json.dumps(_filled(spelled_out(self.answer), places), ensure_ascii=False)
        if self.json is not None:
            return json.dumps(_filled(self.json, places), ensure_ascii=False)
        return None if self.text is None else str(_filled(self.text, places))


class RunIs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which open run the words are about; `*` stands for anything, and empty is not looked at.

    Attributes:
        tasks: Status by task.
    """

    title: str = ""
    status: str | list[str] = ""
    playbook: str = ""
    tasks: dict[str, str] = {}


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One goal, or several ways to say it, and the answers.

    Attributes:
        goal: Case, spaces and a closing mark do not count; `*` stands for anything.
        said: What has been answered to the questions so far, in order; `*` stands for anything.
        run: The open run that it must be about; None: it does not matter.
        example: What people are told that they may say, if they ask for something that was not recorded.
        answers: To the first request, then after problems came back, and so on (the last one again and again). Several
            steps for one turn are attempts: what the same request gets when it comes again; then it begins anew.
    """

    goal: str | list[str]
    answers: list[Step | list[Step]]
    said: list[str] = []
    run: RunIs | None = None
    example: str = ""

    @property
    def goals(self) -> list[str]:
        """All ways to say it."""
        return [self.goal] if isinstance(self.goal, str) else self.goal

    def attempts(self, turn: int) -> list[Step]:
        """The steps of a turn, counted from 0."""
        found = self.answers[min(turn, len(self.answers) - 1)]
        return found if isinstance(found, list) else [found]

    def problems(self) -> list[str]:
        """What is wrong with it, beyond its shape."""
        wrong = [] if any(goal.strip() for goal in self.goals) else ["goal: it is empty"]
        if not self.answers:
            wrong.append("answers: there is none")
        for place, each in enumerate(self.answers):
            steps = each if isinstance(each, list) else [each]
            if not steps:
                wrong.append(f"answers[{place}]: there is none")
            for attempt, step in enumerate(steps):
                where = f"answers[{place}][{attempt}]" if isinstance(each, list) else f"answers[{place}]"
                wrong += [f"{where}: {problem}" for problem in step.problems()]
        return wrong


def spelled_out(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as a model sends it: every property is there, and every value a text.

    Raises:
        msgspec.ValidationError, TypeError: It is no answer.
    """
    full = {**answer}
    if "parameters" in full:
        full["parameters"] = _values(full["parameters"])
    if isinstance(full.get("tasks"), dict):
        full["tasks"] = [_task(name, task) for name, task in full["tasks"].items()]
    if isinstance(full.get("answer"), dict):
        facts = full["answer"].get("facts", [])
        named = [{"label": fact[0], "value": fact[1]} if isinstance(fact, list) else fact for fact in facts]
        full["answer"] = {**full["answer"], "facts": named}
    complete: dict[str, Any] = msgspec.to_builtins(msgspec.convert(full, Answer))
    return complete


def _task(name: str, task: Any) -> Any:
    if task == "keep":
        return {"name": name, "kind": "keep"}
    if not isinstance(task, dict):
        raise TypeError(f"tasks.{name} is neither a mapping nor 'keep'")
    full = {"name": name, **task}
    if "arguments" in full:
        full["arguments"] = _values(full["arguments"])
    if isinstance(asking := full.get("question"), dict):
        full.setdefault("kind", "question")
        if isinstance(choices := asking.get("choices"), dict):
            full["question"] = {**asking, "choices": [{"id": key, "title": said} for key, said in choices.items()]}
    return full


def _values(values: Any) -> Any:
    """Names and values as the answer has them, of a mapping; JSON where a value is no text."""
    if not isinstance(values, dict):
        return values
    return [
        {"name": name, "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
        for name, value in values.items()
    ]


def _filled(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACE.sub(lambda found: places.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {name: _filled(each, places) for name, each in value.items()}
    return [_filled(each, places) for each in value] if isinstance(value, list) else value
