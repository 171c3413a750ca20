"""Requests that are no activity of any client: whatever is in them, the bot answers and stays whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import texts, web
from bot.inbound import read
from tests.support.chat import MEGAN, Desk, everything, opened, raw

NAMES = ("message", "invoke", "conversationUpdate", "installationUpdate", "event", "typing", "messageReaction")
INVOKES = (
    "adaptiveCard/action",
    "signin/verifyState",
    "signin/tokenExchange",
    "signin/failure",
    "message/submitAction",
    "fileConsent/invoke",
    "composeExtension/query",
)
VERBS = (
    "goal.say",
    "goal.answer",
    "run.start",
    "run.cancel",
    "task.retry",
    "result.retract",
    "approval.decide",
    "approval.edit",
    "approval.delegate",
    "approval.digest",
    "approval.explain",
    "refresh_approval",
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["\x00", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "…" * 300, "../.."]
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=6,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        found += places(value, (*path, key))
    return found


def put(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The value with another one at a place."""
    if not path:
        return value
    found = copy.deepcopy(node)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return found


@st.composite
def activities(draw: st.DrawFn) -> Any:
    """An activity of Megan's client, with up to three places turned into something else."""
    data = {
        "run_id": "0" * 16,
        "approval": "a.1",
        "shown": "e",
        "choice": "approve",
        "asked": [["a.1", "e"]],
        "to": "x",
    }
    action = {"type": "Action.Execute", "verb": draw(st.sampled_from(VERBS)), "data": data}
    value = {"action": action, "state": "123456", "id": "o1", "connectionName": "tandem", "token": "a.b.c", "code": "c"}
    mention = {"type": "mention", "mentioned": {"id": "28:bot", "name": "Tandem"}, "text": "<at>Tandem</at>"}
    made: Any = raw(
        MEGAN,
        draw(st.sampled_from(NAMES)),
        name=draw(st.sampled_from(INVOKES)),
        text="<at>Tandem</at> status",
        value=value,
        entities=[mention],
        membersAdded=[{"id": "28:bot"}],
        action="add",
        replyToId="m1",
        locale="en-US",
        timestamp="2026-11-22T09:00:00.000Z",
        attachments=[{"contentType": "text/html", "content": "<p>hi</p>"}],
    )
    for _ in range(draw(st.integers(1, 3))):
        made = put(made, draw(st.sampled_from(places(made)[1:] or [()])), draw(ANYTHING))
    return made


@pytest.fixture
async def desk(tmp_path: Path) -> Any:
    async with opened(Desk(tmp_path)) as made:
        yield made


@given(activities())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_an_activity_with_anything_anywhere_is_handled_or_refused(desk: Desk, made: Any) -> None:
    try:
        activity = web._activity(web._envelope(msgspec.json.encode(made)))
    except ValueError:
        return  # answered with 400
    answer = await desk.dialog.handle(read(activity))
    assert answer is None or answer[0] in (200, 400, 412, 501), answer
    said = everything([answer, *([bubble.says for bubble in chat] for chat in desk.outbound.chats.values())])
    assert texts.trouble() not in said, "the bot stumbled over it"
    assert await desk.engine.runs() == []
