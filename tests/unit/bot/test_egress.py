"""The last gate: no message leaves with a link, picture or hidden letter that policy does not let out."""

from __future__ import annotations

import copy
import json
import logging
from typing import Any

import pytest

from bot.egress import LastGate
from bot.wire import Message
from orchestration.core.label import Source
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import NoFile
from tests.support.cards.samples import SAMPLES

OWN = "https://contoso.sharepoint.com/sites/Finance/Report.xlsx"
EVIL = "https://evil.example/x?d=secret"
SIGN_IN = ("https://login.microsoftonline.com", "token.botframework.com")
GATE = LastGate(NoFile(Policy(hosts=["contoso.sharepoint.com"])), SIGN_IN)


def card(*body: dict[str, Any], actions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"type": "AdaptiveCard", "version": "1.5", "body": list(body), "actions": actions or []}


def opening(url: str) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": "Open", "url": url}


HARMLESS = card(
    {"type": "TextBlock", "text": "Supplier invoices, October 2026 \\[draft\\]", "style": "heading"},
    {"type": "FactSet", "facts": [{"title": "Report", "value": "{{DATE(2026-11-22T09:30:01Z,SHORT)}} · 10:30"}]},
    {"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": "A", "value": "a\u200bb"}], "value": "a\u200bb"},
    actions=[
        opening(OWN),
        {
            "type": "Action.Execute",
            "verb": "x",
            "title": "Go",
            "data": {"url": EVIL, "text": "\u200b", "hash": "[a](b)"},
        },
    ],
)


def test_an_ordinary_card_leaves_as_it_is_and_the_given_one_is_not_touched() -> None:
    before = copy.deepcopy(HARMLESS)
    assert GATE.card(HARMLESS) == before == HARMLESS


@pytest.mark.parametrize(
    "url",
    [
        EVIL,
        "javascript:alert(1)",
        "data:text/html,x",
        f"{OWN.replace('.com/', '.com@evil.com/')}",
        "http://contoso.sharepoint.com/",
        "",
    ],
)
def test_a_card_loses_a_link_elsewhere_and_the_log_says_so(url: str, caplog: pytest.LogCaptureFixture) -> None:
    tap = {"type": "Container", "items": [{"type": "TextBlock", "text": "Tap"}], "selectAction": opening(url)}
    hidden = {"type": "Action.ShowCard", "title": "More", "card": card(actions=[opening(url)])}
    with caplog.at_level(logging.WARNING):
        left = GATE.card(card(tap, {"type": "ActionSet", "actions": [opening(url)]}, actions=[opening(url), hidden]))
    assert [each["type"] for each in left["body"]] == ["Container"]
    assert "selectAction" not in left["body"][0]
    assert left["actions"] == [{"type": "Action.ShowCard", "title": "More", "card": card()}]
    assert caplog.text.count("a card went out without its link") == 4


@pytest.mark.parametrize("url", [EVIL, OWN, "data:image/png;base64,AAAA"])
def test_a_card_shows_no_pictures(url: str) -> None:
    left = GATE.card(
        {
            **card(
                {"type": "Image", "url": url},
                {"type": "ImageSet", "images": [{"type": "Image", "url": url}]},
                {"type": "Media", "sources": [{"url": url}]},
                {"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "Image", "url": url}]}]},
            ),
            "backgroundImage": url,
        }
    )
    assert url not in json.dumps(left)
    assert [each["type"] for each in left["body"]] == ["ColumnSet"]


def test_every_text_of_a_card_is_looked_through() -> None:
    trap = f"a\u200b\u202e [x]({EVIL}) ![y]({EVIL}) {EVIL}"
    left = GATE.card(
        card(
            {"type": "TextBlock", "text": trap},
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": trap}]},
            {"type": "FactSet", "facts": [{"title": trap, "value": trap}]},
            {"type": "Input.Text", "id": "t", "label": trap, "placeholder": trap, "value": trap},
            {"type": "Input.ChoiceSet", "id": "c", "choices": [{"title": trap, "value": "id"}]},
            actions=[
                {
                    "type": "Action.Execute",
                    "title": trap,
                    "verb": "v",
                    "fallback": {"type": "Action.Submit", "title": trap},
                }
            ],
        )
        | {"speak": trap, "fallbackText": trap}
    )
    shown = json.dumps(left)
    assert "https://evil" not in shown
    assert "\\u200b" not in shown
    assert "\\u202e" not in shown
    assert shown.count("(picture from evil(.)example removed)") == 12


def test_a_message_is_looked_through_whole() -> None:
    trap = f"Read\u2060 [this]({EVIL})"
    sources = [Source(title="A", system="S", link=EVIL), Source(title="B", system="S", link=OWN)]
    left = GATE.message(Message(summary=trap, text=f"{trap}\nand {OWN}", sources=sources, suggested=[trap]))
    assert left.summary == "Read this (link to evil(.)example removed)"
    assert left.text == f"Read this (link to evil(.)example removed)\nand {OWN}"
    assert [each.link for each in left.sources] == ["", OWN]
    assert left.suggested == ["Read this (link to evil(.)example removed)"]


def test_a_sign_in_card_keeps_its_own_link_and_no_other() -> None:
    def sign_in(url: str) -> dict[str, Any]:
        exchange = {"id": "1", "uri": "api://x/1", "providerId": ""}
        return {"text": "Sign in", "tokenExchangeResource": exchange, "buttons": [{"type": "signin", "value": url}]}

    good = sign_in("https://token.botframework.com/api/oauth/signin?signin=abc")
    assert GATE.card(good, sign_in=True) == good
    assert GATE.card(good)["buttons"] == []
    assert GATE.card(sign_in(EVIL), sign_in=True)["buttons"] == []


ONWARDS = (
    "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=beef&prompt=none"
    "&redirect_uri=https%3A%2F%2Fevil.example&state=SECRET"
)


def test_a_sign_in_page_sends_nobody_on_but_from_a_button_of_a_sign_in_card() -> None:
    made = card({"type": "TextBlock", "text": f"[the list]({ONWARDS})"}, actions=[opening(ONWARDS)])
    for left in (GATE.card(made), GATE.card(made, sign_in=True)):
        assert left["body"][0]["text"] == "the list (link to login(.)microsoftonline(.)com removed)"
    assert GATE.card(made)["actions"] == []
    assert GATE.card(made, sign_in=True)["actions"] == [opening(ONWARDS)]
    icon = {**opening(OWN), "iconUrl": ONWARDS}
    assert GATE.card(card(actions=[icon]), sign_in=True)["actions"] == [opening(OWN)]
    message = Message(summary="S", text=ONWARDS, sign_in=True, sources=[Source(title="T", system="S", link=ONWARDS)])
    left_over = GATE.message(message)
    assert (left_over.text, left_over.sources[0].link) == ("(link to login(.)microsoftonline(.)com removed)", "")
    assert GATE.message(Message(summary="S", card=made)).card == GATE.card(made)
    assert GATE.message(Message(summary="S", card=made, sign_in=True)).card == GATE.card(made, sign_in=True)


def test_the_answer_to_a_press_passes_the_gate_too() -> None:
    body = {
        "statusCode": 200,
        "type": "application/vnd.microsoft.card.adaptive",
        "value": card(actions=[opening(EVIL)]),
    }
    assert GATE.answer(body)["value"] == card()
    assert GATE.answer({"statusCode": 200, "value": EVIL})["value"] == "(link to evil(.)example removed)"
    assert GATE.answer(None) is None
    assert GATE.answer({"statusCode": 412}) == {"statusCode": 412}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_card_of_ours_leaves_as_it_was_made(name: str) -> None:
    hosts = ["login.contoso.example", "contoso.sharepoint.example", "contoso.example", "teams.microsoft.com"]
    made = SAMPLES[name]()
    assert LastGate(NoFile(Policy(hosts=hosts))).card(made) == made
