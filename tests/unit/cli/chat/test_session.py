"""What a person types and what they see, with the bot's side played by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.cli.chat.drawing import Line
from bot.cli.chat.sender import Undelivered
from bot.cli.chat.session import Session
from bot.cli.chat.transcript import CARD
from bot.cli.chat.window import Seat

LINK = "http://localhost:56201/token-service/sign-in?state=abc"
SEAT = Seat(
    key="megan",
    user={"id": "29:megan", "name": "Megan Bowen", "aadObjectId": "aaaa"},
    bot={"id": "28:bot", "name": "Tandem"},
    conversation={"id": "a:megan", "conversationType": "personal", "tenantId": "t"},
    tenant="t",
    port=1,
    endpoint="http://127.0.0.1:2/api/messages",
    service_url="http://localhost:2/_connector",
    sign_in="http://localhost:56201/token-service/sign-in",
)


@dataclass
class Paper:
    """What was printed."""

    text: str = ""
    headings: list[str] = field(default_factory=list)

    def put(self, lines: Sequence[Line], *, heading: str = "", mark: str = "") -> None:
        self.headings += [f"{mark} {heading}"] if heading else []
        self.text += "".join(f"{' ' * line.indent}{line.text.plain}\n" for line in lines)

    def new(self) -> str:
        """What was printed since the last look."""
        seen, self.text = self.text, ""
        return seen


@dataclass
class Bot:
    """Implements `Sender` without a network."""

    said: list[str] = field(default_factory=list)
    pressed: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answer: Any = None
    down: bool = False
    signed_in: list[str] = field(default_factory=list)

    async def say(self, text: str) -> None:
        if self.down:
            raise Undelivered("the bot does not answer")
        self.said.append(text)

    async def press(self, message: str, action: Mapping[str, Any], inputs: Mapping[str, str]) -> Any:
        self.pressed.append((message, action["verb"], dict(inputs)))
        return self.answer

    async def sign_in_page(self, link: str) -> str:
        return "Sign in to Tandem\nTandem asks to act for you"

    async def sign_in(self, link: str) -> str:
        self.signed_in.append(link)
        return "You are signed in"


class Chat:
    def __init__(self) -> None:
        self.paper, self.bot = Paper(), Bot()
        self.browsed: list[str] = []
        self.session = Session(SEAT, self.bot, self.paper, self._browse)  # type: ignore[arg-type]

    def _browse(self, link: str) -> bool:
        self.browsed.append(link)
        return True

    def arrives(
        self, id_: str, *body: dict[str, Any], actions: Sequence[dict[str, Any]] = (), update: bool = False
    ) -> str:
        card = {"type": "AdaptiveCard", "body": list(body), "actions": list(actions)}
        self.session.arrived(id_, {"attachments": [{"contentType": CARD, "content": card}]}, update)
        return self.paper.new()

    async def types(self, text: str) -> str:
        assert await self.session.take(text)
        return self.paper.new()


@pytest.fixture
def chat() -> Chat:
    return Chat()


def text(said: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": said}


def execute(title: str, verb: str = "v", **more: Any) -> dict[str, Any]:
    return {"type": "Action.Execute", "title": title, "verb": verb, "data": {"about": title}, **more}


def choice(id_: str, label: str, value: str = "") -> dict[str, Any]:
    choices = [{"title": "SAP is right", "value": "sap"}, {"title": "Investigate", "value": "look"}]
    return {"type": "Input.ChoiceSet", "id": id_, "label": label, "value": value, "choices": choices}


async def test_words_are_sent_and_numbers_press(chat: Chat) -> None:
    chat.arrives("m1", text("A plan"), actions=[execute("Start", "run.start"), execute("Cancel", "run.cancel")])

    await chat.types("Reconcile October 2026")
    await chat.types("1")

    assert chat.bot.said == ["Reconcile October 2026"]
    assert chat.bot.pressed == [("m1", "run.start", {})]


async def test_inputs_are_filled_by_number_and_sent_with_the_button(chat: Chat) -> None:
    comment = {"type": "Input.Text", "id": "comment", "label": "Comment"}
    chat.arrives(
        "m1",
        choice("rule", "Amounts", "look"),
        comment,
        actions=[execute("Send"), execute("No", associatedInputs="none")],
    )

    assert await chat.types("1 1") == "[1] Amounts: SAP is right\n"
    assert await chat.types("2 Checked against 3 papers.") == "[2] Comment: Checked against 3 papers.\n"
    await chat.types("3")
    await chat.types("4")

    sent = {"rule": "sap", "comment": "Checked against 3 papers."}
    assert [inputs for _, _, inputs in chat.bot.pressed] == [sent, {}]


async def test_an_input_alone_tells_how_it_is_filled(chat: Chat) -> None:
    chat.arrives("m1", choice("rule", "Amounts"))

    assert "1 SAP is right · 2 Investigate" in await chat.types("1")
    assert "Choose by number" in await chat.types("1 9")
    assert chat.bot.said == []


async def test_what_is_required_is_asked_for_before_anything_is_sent(chat: Chat) -> None:
    chat.arrives(
        "m1", {**choice("month", "Month"), "isRequired": True, "errorMessage": "Choose one."}, actions=[execute("Go")]
    )

    assert await chat.types("2") == "Choose one.\n"
    assert chat.bot.pressed == []


async def test_the_card_that_answers_a_press_takes_the_place_of_the_pressed_one(chat: Chat) -> None:
    chat.arrives("m1", text("A plan"), actions=[execute("Start")])
    chat.bot.answer = {"type": CARD, "value": {"body": [text("Working")], "actions": [execute("Cancel the run")]}}

    assert await chat.types("1") == "Working\n[2] Cancel the run\n"
    assert "[1] is not there any more" in await chat.types("1")


async def test_a_note_that_answers_a_press_is_told(chat: Chat) -> None:
    chat.arrives("m1", actions=[execute("Allow")])
    chat.bot.answer = {"type": "application/vnd.microsoft.activity.message", "value": "Only Alex Wilber can do this."}

    assert await chat.types("1") == "Only Alex Wilber can do this.\n"


async def test_an_update_prints_what_changed_and_the_line_it_belongs_to(chat: Chat) -> None:
    def step(word: str) -> dict[str, Any]:
        icon = {"type": "Column", "items": [text("●")]}
        return {"type": "ColumnSet", "columns": [icon, {"type": "Column", "items": [text("Read SAP"), text(word)]}]}

    rest = [text(f"Step {n}") for n in range(4)]
    chat.arrives("m1", text("October"), step("Working · 1 s"), *rest)

    assert chat.arrives("m1", text("October"), step("Working · 2 s"), *rest, update=True) == ""
    assert chat.session.transcript.ticking == "October  |  Working · 2 s"
    changed = chat.arrives("m1", text("October"), step("SAP does not answer (503)"), *rest, update=True)

    assert changed == "● Read SAP\n  SAP does not answer (503)\n"
    assert chat.session.transcript.ticking == ""
    assert chat.paper.headings == ["● Tandem", "↻ October"]


async def test_a_card_that_became_another_is_printed_whole(chat: Chat) -> None:
    chat.arrives("m1", text("20 discrepancies"), text("For Megan"), actions=[execute("Send")])

    assert chat.arrives("m1", text("Decided"), text("For Megan"), update=True) == "Decided\nFor Megan\n"


async def test_buttons_that_went_are_an_update_too(chat: Chat) -> None:
    chat.arrives("m1", text("20 discrepancies"), text("For Megan"), actions=[execute("Send")])

    assert chat.arrives("m1", text("20 discrepancies"), text("For Megan"), update=True) != ""
    assert "[1] is not there any more" in await chat.types("1")


async def test_what_was_put_in_survives_an_update(chat: Chat) -> None:
    chat.arrives("m1", choice("rule", "Amounts", "look"), actions=[execute("Send")])
    await chat.types("1 1")
    chat.arrives("m1", text("News"), choice("rule", "Amounts", "look"), actions=[execute("Send")], update=True)

    await chat.types("2")

    assert chat.bot.pressed[0][2] == {"rule": "sap"}


async def test_the_sandboxs_sign_in_is_read_out_and_completed_only_when_the_person_says_so(chat: Chat) -> None:
    chat.arrives("m1", text("Please sign in"), actions=[{"type": "Action.OpenUrl", "title": "Sign in", "url": LINK}])

    offered = await chat.types("1")

    assert "Tandem asks to act for you" in offered
    assert LINK in offered
    assert "[2] Sign in as Megan Bowen   [3] Open the page instead" in offered
    assert chat.bot.signed_in == []
    assert await chat.types("2") == "You are signed in\n"
    assert chat.bot.signed_in == [LINK]
    await chat.types("3")
    assert chat.browsed == [LINK]


@pytest.mark.parametrize(
    "url", ["https://contoso.example/file", "http://localhost:56201.evil.example/token-service/sign-in?state=1"]
)
async def test_other_pages_are_opened_and_never_signed_in_to(chat: Chat, url: str) -> None:
    chat.arrives("m1", actions=[{"type": "Action.OpenUrl", "title": "Open", "url": url}])

    assert await chat.types("1") == f"Opened: {url}\n"
    assert (chat.browsed, chat.bot.signed_in) == ([url], [])


async def test_a_card_cannot_offer_a_sign_in_by_itself(chat: Chat) -> None:
    action = {"type": "Action.OpenUrl", "title": "Look", "url": "https://evil.example/x", "here": True}
    chat.arrives("m1", actions=[action])

    await chat.types("1")

    assert chat.bot.signed_in == []


async def test_what_was_folded_away_comes_to_light_with_its_own_numbers(chat: Chat) -> None:
    more = {"type": "Container", "id": "more", "isVisible": False, "items": [choice("item:7", "INV-7")]}
    chat.arrives("m1", more, actions=[{"type": "Action.ToggleVisibility", "title": "More", "targetElements": ["more"]}])

    assert (await chat.types("1")).startswith("[2] INV-7: ")
    assert await chat.types("2 1") == "[2] INV-7: SAP is right\n"


async def test_a_number_that_is_no_button_is_not_sent_by_mistake(chat: Chat) -> None:
    assert "is no button here" in await chat.types("7")
    await chat.types("/say 7")
    await chat.types("2026")
    await chat.types("123456")

    assert chat.bot.said == ["7", "2026", "123456"]


async def test_a_bot_that_is_down_is_told_and_the_chat_goes_on(chat: Chat) -> None:
    chat.bot.down = True
    assert await chat.types("hello") == "Not sent: the bot does not answer\n"

    chat.bot.down = False
    await chat.types("hello")
    assert chat.bot.said == ["hello"]


async def test_show_prints_again_what_can_be_acted_on(chat: Chat) -> None:
    chat.arrives("m1", text("Old news"))
    chat.arrives("m2", text("Allow this?"), actions=[execute("Allow")])

    assert await chat.types("/show") == "Allow this?\n[1] Allow\n"


async def test_unknown_commands_lead_to_help_and_quit_leaves(chat: Chat) -> None:
    assert "/help lists" in await chat.types("/dance")
    assert "/quit" in await chat.types("/help")
    assert await chat.session.take("/quit") is False


@pytest.mark.parametrize(
    "card",
    [
        {"body": None},
        {"body": [{"type": "FactSet", "facts": None}], "fallbackText": "20 differences"},
        {"body": [{"type": "ColumnSet", "columns": [1]}]},
        {"body": [{"type": "Input.ChoiceSet", "id": "i", "choices": "none"}]},
        {"body": [{"type": "ActionSet", "actions": [None]}], "actions": 7},
        {"body": ["text", {"type": 7}, {"type": "RichTextBlock", "inlines": [None]}]},
    ],
)
async def test_a_card_that_is_none_does_not_end_the_chat(chat: Chat, card: dict[str, Any]) -> None:
    chat.session.arrived("m1", {"attachments": [{"contentType": CARD, "content": card}, "?"]}, False)
    chat.arrives("m2", text("Still here"))

    await chat.types("/show")
    await chat.types("hello")
    assert chat.bot.said == ["hello"]


async def test_what_a_button_unfolds_is_sent_by_its_own_button_only(chat: Chat) -> None:
    what = {"type": "Input.Text", "id": "what", "label": "What?", "isRequired": True, "errorMessage": "Say what."}
    inner = {"type": "AdaptiveCard", "body": [what], "actions": [execute("Ask", "ask")]}
    unfold = {"type": "Action.ShowCard", "id": "more", "title": "Ask Megan", "card": inner}
    chat.arrives("m1", choice("rule", "Amounts", "look"), actions=[execute("Allow", "allow"), unfold])

    unfolded = await chat.types("3")
    assert "[4] What?: (empty)" in unfolded
    await chat.types("2")
    assert "Say what." in await chat.types("5")
    await chat.types("4 Why now?")
    await chat.types("5")

    assert chat.bot.pressed == [
        ("m1", "allow", {"rule": "look"}),
        ("m1", "ask", {"rule": "look", "what": "Why now?"}),
    ]
