"""What somebody is about to allow is shown whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bot import cards
from bot.cards.layout import LIMIT_BYTES, contents, facts, fitted, size_bytes
from bot.egress import LastGate
from connectors.graph.addresses import told
from connectors.graph.calendar.create import Meeting
from connectors.graph.calendar.create import preview as meeting_preview
from connectors.graph.mail.letter import facts as facts_of_mail
from connectors.graph.mail.letter import recipients
from connectors.graph.share import Sharing
from connectors.graph.share import preview as share_preview
from connectors.graph.shown_people import MOST_SHOWN
from orchestration.core.question import Shown
from orchestration.errors import Invalid
from orchestration.validation.egress import Egress
from orchestration.validation.policy_file import PolicyFile
from tests.support.cards import samples as s
from tests.support.cards.schema import problems
from tests.unit.cards.test_cards import buttons

MAIL = [("To", "Alex Wilber"), ("Cc", ""), ("Subject", "Close"), ("Text", "Hello,\n\n[x](https://x.example)\nMegan")]


def shown(pairs: list[tuple[str, str]]) -> list[dict[str, object]]:
    return [each.model_dump(by_alias=True, exclude_none=True) for each in contents(pairs)]


def test_short_values_are_lines_and_a_longer_text_keeps_its_own_in_a_box() -> None:
    lines, heading, box = shown(MAIL)
    assert [fact["title"] for fact in lines["facts"]] == ["To", "Subject"]  # type: ignore[index, attr-defined]
    assert heading["text"] == "Text"
    assert box["type"] == "Container"
    said = [(row["inlines"][0]["text"], row["spacing"]) for row in box["items"]]  # type: ignore[attr-defined]
    assert said == [("Hello,", "None"), ("[x](https://x.example)", "Medium"), ("Megan", "None")]


def test_many_recipients_are_shown_to_the_last() -> None:
    everybody = ", ".join(f"person.number{i}@contoso.example" for i in range(40))
    _, box = shown([("To", everybody)])
    assert everybody.endswith("number39@contoso.example")
    assert everybody in str(box)


def test_nothing_of_what_is_allowed_is_left_out_or_cut() -> None:
    short, _, box, *_ = shown(
        [*((f"Fact {n}", "x" * 199 + str(n)) for n in range(9)), ("Text", "line\n" * 199 + "end")]
    )
    assert [fact["value"][-1] for fact in short["facts"]] == list("012345678")  # type: ignore[index, attr-defined]
    assert len(box["items"]) == 200  # type: ignore[arg-type]
    _, long = shown([("Text", "x" * 5_000 + "{{" * 50 + "end")])
    assert "end" in str(long)
    assert "…" not in str(long)


def mail(to: list[str], cc: list[str], text: str) -> dict[str, Any]:
    given = facts_of_mail(to, cc, "Hello", text, Egress())
    content = Shown(
        kind="write", title="Send a mail", on_behalf_of=s.MEGAN, facts=given, recipients=told([*to, *cc]), text="?"
    )
    asked = s.approval("send", "write", "Send a mail", s.MEGAN)
    return LastGate(PolicyFile()).card(cards.decision(s.GATED, asked, content, s.MEGAN))


def longest(number: int) -> str:
    """An address and name as long as may be."""
    return f"{'Ñame ' * 12}<{'x' * 60}{number:02}@{'d' * 40}.contoso.example>"


@pytest.mark.parametrize("text", ["Text", "word " * 400, "ä*[_\n" * 300])
@pytest.mark.parametrize("number", [1, 3, 4, 12, 13, 40])
def test_everybody_to_whom_something_goes_is_on_the_card_or_it_cannot_be_allowed(number: int, text: str) -> None:
    everybody = [f"first.last{each:02}@subsidiary.contoso.example" for each in range(number)]
    card = mail(everybody[: number // 2 + 1], everybody[number // 2 + 1 :], text)
    assert size_bytes(card) <= LIMIT_BYTES
    assert all(each in str(card) for each in everybody)
    assert "Allow" in buttons(card)
    assert "not shown" not in str(card)


def test_the_last_of_twelve_with_long_names_is_not_cut_off() -> None:
    everybody = [longest(each) for each in range(12)]
    card = mail(everybody, [], "Text")
    assert all(f"{each:02}@" in str(card) for each in range(12))
    assert "Allow" in buttons(card)


def test_more_people_than_a_card_shows_are_refused_before_anybody_is_asked() -> None:
    everybody = [f"a{each}@contoso.example" for each in range(MOST_SHOWN + 1)]
    for refused in (
        lambda: facts_of_mail(everybody, [], "s", "t", Egress()),
        lambda: facts_of_mail(everybody[:20], everybody[20:], "s", "t", Egress()),
        lambda: recipients(everybody[:20], everybody[20:]),
        lambda: share_preview(Sharing(drive="d", item="i", name="n", people=everybody), Egress()),
        lambda: meeting_preview(
            Meeting(subject="s", start=datetime(2027, 1, 5, 9, tzinfo=UTC), minutes=30, people=everybody), Egress()
        ),
    ):
        with pytest.raises(Invalid, match=r"41 people do not fit on the card.*Use a group's address"):
            refused()


def test_what_fits_on_no_card_cannot_be_allowed_on_one() -> None:
    content = Shown(
        kind="write",
        title="Send a mail",
        on_behalf_of=s.MEGAN,
        facts=[("To", "\n".join(f"{each:03}@contoso.example" for each in range(300))), ("Text", "secret")],
    )
    for kind in ("write", "stale"):
        asked = s.approval("send", kind, "Send a mail", s.MEGAN)
        card = cards.decision(s.GATED, asked, msgspec.structs.replace(content, kind=kind), s.MEGAN)
        assert size_bytes(card) <= LIMIT_BYTES
        assert problems(card) == []
        assert not {"Allow", "Write it again"} & buttons(card).keys()
        assert {"Don't allow", "Leave it as it is"} & buttons(card).keys()
        assert "does not fit on a card" in str(card)
        assert "grant" not in str(card)


def test_on_a_card_of_several_nothing_is_decided_whose_recipients_do_not_fit() -> None:
    many = [f"first.last{each:02}@subsidiary.contoso.example" for each in range(12)]
    asked = s.approval("send", "write", "Send a mail", s.MEGAN)

    def drawn(people: list[str]) -> dict[str, Any]:
        content = Shown(kind="write", title="x", on_behalf_of=s.MEGAN, facts=[("File", "a")], recipients=people)
        return cards.digest(s.GATED, [cards.Asked(asked, content)], s.MEGAN)

    assert many[0] in str(drawn(many[:1]))
    assert "Send decisions" in buttons(drawn(many[:1]))
    assert "Send decisions" not in buttons(drawn(many))


def test_a_text_is_not_spared_for_having_two_braces() -> None:
    def cut(text: str) -> str:
        return str(fitted(lambda _: {"type": "TextBlock", "text": text, "data": "x" * LIMIT_BYTES}, [None])["text"])

    instant = "{{DATE(2026-11-22T09:30:01Z,SHORT)}}"
    assert cut("{{evil" + "x" * 300) == "{{evilxxxxx…"
    assert cut(f"{{{{DATE({'x' * 300}") == "{{DATE(xxxx…"
    assert cut(f"until {instant}") == f"until {instant}"
    assert cut(f"{instant} {'x' * 300}") == " " + "x" * 10 + "…"


def test_a_value_that_is_empty_has_no_line() -> None:
    assert facts([("Files", ""), ("Mail", " ")]) == []
    assert contents([("Cc", "")]) == []
