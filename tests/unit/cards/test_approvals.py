"""What the card of a question answers, and what each of its buttons sends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bot import cards
from bot.cards.digest import MOST
from bot.egress import LastGate
from orchestration.core.label import Label, Source
from orchestration.validation.policy_file import PolicyFile
from tests.support.cards import samples as s
from tests.support.cards.samples import ADELE, ALEX, DIEGO, MEGAN
from tests.support.cards.schema import elements, problems
from tests.unit.cards.test_cards import buttons, inputs, text


def sample(name: str) -> dict[str, Any]:
    return s.SAMPLES[name]()


def test_the_card_of_a_write_answers_every_question_about_it() -> None:
    shown = text(sample("approval-write"))
    for said in (
        "The supplier's price for pallets differs from the framework agreement.",  # why
        "On behalf of\nMegan Bowen",
        "Framework agreement Nordwind 2027.docx",  # from which sources, how sensitive there
        "Re: pallets",
        "written by somebody outside",
        "Changed since you were last asked",
        "Price of pallets in October 2026",
        "Goes to\nKarla Albers (einkauf@nordwind.example) and Alex Wilber",
        "Sensitivity\nConfidential",
        "Part of this was written by somebody outside.",
        "Nothing is written unless you allow it. If you do nothing, it waits.",
    ):
        assert said in shown
    assert shown.index("Before:") < shown.index("Pallets") < shown.index("Now:")


def test_what_happens_if_one_does_nothing_and_when() -> None:
    shown = text(sample("approval-share"))
    assert "Please answer by {{DATE(2026-11-23T12:30:00Z,SHORT)}}" in shown
    assert "If nobody has answered by then, it still waits, and nothing is done." in shown
    assert "You are reminded on {{DATE(2026-11-23T05:30:00Z,SHORT)}}" in shown
    assert "If you do nothing, it waits, and nothing is done." in text(sample("decision-whole"))


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("public", "Public"),
        ("internal", "Internal"),
        ("confidential", "Confidential"),
        ("highly_confidential", "Highly confidential"),
    ],
)
def test_labels_are_words(label: Label, word: str) -> None:
    shown = msgspec.structs.replace(s.SHOWN_SHARE, label=label, sources=[Source("x", "SharePoint", label=label)])
    drawn = text(cards.decision(s.WAITING, s.ASKED_SHARE, shown, ALEX))
    assert drawn.count(word) == 2
    assert "highly_confidential" not in drawn


def test_a_source_opens_only_where_its_address_is_an_ordinary_one_of_an_allowed_host() -> None:
    def opened(link: str) -> list[str]:
        shown = msgspec.structs.replace(s.SHOWN_SHARE, sources=[Source("The file", "SharePoint", link)])
        card = LastGate(PolicyFile()).card(cards.decision(s.WAITING, s.ASKED_SHARE, shown, ALEX))
        assert "The file" in text(card)
        assert problems(card) == []
        return [part["url"] for _, part in elements(card) if part.get("type") == "Action.OpenUrl"]

    assert opened("https://teams.microsoft.com/l/file") == ["https://teams.microsoft.com/l/file"]
    for evil in (
        "https://evil.example/x",
        "javascript:alert(1)",
        "https://teams.microsoft.com@evil.example/",
        "data:x",
    ):
        assert opened(evil) == []


def test_the_address_that_something_goes_to_is_never_hidden() -> None:
    who = "Diego Siciliani <diego.siciliani@contoso.example>"
    shown = msgspec.structs.replace(s.CLEAN, recipients=[who], facts=[("People", who), ("Text", f"To {who}\n" * 20)])
    card = LastGate(PolicyFile()).card(cards.decision(s.GATED, s.ASKED_CLEAN, shown, MEGAN))
    assert "removed" not in text(card)
    assert text(card).count("diego.siciliani@contoso.example") == 23


def test_a_change_is_typed_in_place_and_shown_before_it_counts() -> None:
    card = sample("approval-write")
    given = inputs(card)
    assert [given[f"field:{field.name}"]["value"] for field in s.LABELLED.fields] == [
        field.value for field in s.LABELLED.fields
    ]
    assert given["field:text"]["isMultiline"]
    sent = buttons(card)["Show me the result"]
    data = {"run_id": s.GATED.run_id, "approval": s.ASKED_MAIL.id, "shown": s.ASKED_MAIL.entry}
    assert (sent["verb"], sent["data"]) == ("approval.edit", data)
    assert "associatedInputs" not in sent
    unfolding = [part for _, part in elements(card) if part.get("type") == "Action.ShowCard"]
    inside = {name for part in unfolding for name in inputs(part["card"])}
    assert {"field:to", "field:subject", "field:text", "feedback"} <= inside, "Allow sends none of these"


def test_what_does_not_fit_on_the_card_twice_is_not_changed_on_it() -> None:
    long = msgspec.structs.replace(s.LABELLED.fields[2], value="x" * 9000)
    shown = msgspec.structs.replace(s.LABELLED, fields=[long])
    card = cards.decision(s.GATED, s.ASKED_MAIL, shown, MEGAN)
    assert "Show me the result" not in buttons(card)
    assert problems(card) == []


def test_nobody_asks_themselves_back_and_only_others_may_be_handed_a_question() -> None:
    card = sample("approval-share")
    assert buttons(card)["Send the question"]["data"]["remarks"] == 0
    listed = inputs(card)["to"]["choices"]
    assert [each["value"] for each in listed] == [ADELE.id, DIEGO.id]
    own = cards.decision(s.GATED, s.ASKED_WRITE, s.SHOWN_WRITE, MEGAN)
    assert not {"Send the question", "Hand it on", "Show me the result", "Have it done again"} & set(buttons(own))
    handed = cards.decision(s.WAITING, s.HANDED, s.SHOWN_SHARE, ADELE)
    assert [each["value"] for each in inputs(handed)["to"]["choices"]] == [DIEGO.id], "not back to who handed it on"
    assert "Alex Wilber has handed this question to you." in text(handed)


def test_colleagues_of_the_same_name_are_told_apart() -> None:
    twin = msgspec.structs.replace(DIEGO, id="other", upn="d.siciliani@contoso.example")
    asked = msgspec.structs.replace(s.ASKED_SHARE, delegates=[DIEGO, twin, ADELE])
    titles = [each["title"] for each in inputs(cards.decision(s.WAITING, asked, s.SHOWN_SHARE, ALEX))["to"]["choices"]]
    assert titles == [f"Diego Siciliani ({DIEGO.upn})", f"Diego Siciliani ({twin.upn})", "Adele Vance"]


def test_not_asking_again_is_offered_for_what_it_covers_and_never_for_what_outsiders_wrote() -> None:
    toggle = inputs(sample("approval-grant"))["grant"]
    assert toggle["title"] == (
        "Do not ask again in this run for “Put the workbook into SharePoint” to Karla Albers (einkauf@nordwind.example)"
    )
    assert toggle["value"] == "false"
    for asked, shown in (
        (s.ASKED_CLEAN, msgspec.structs.replace(s.CLEAN, tainted=True)),
        (msgspec.structs.replace(s.ASKED_CLEAN, tainted=True), s.CLEAN),
        (msgspec.structs.replace(s.ASKED_CLEAN, scope=""), s.CLEAN),
    ):
        assert "grant" not in inputs(cards.decision(s.GATED, asked, shown, MEGAN))
    sending = buttons(sample("approval-grant"))
    assert "associatedInputs" not in sending["Allow"]
    assert sending["Don't allow"]["associatedInputs"] == "none"


def test_an_exchange_is_shown_to_both_with_who_said_what() -> None:
    for name in ("approval-explained", "replied", "asked-back-replied"):
        shown = text(sample(name))
        assert shown.index("Alex Wilber asked") < shown.index("“What does Diego need it for?”")
        assert shown.index("Megan Bowen replied") < shown.index("“He takes over the negotiation in December.”")
    assert "Waiting for a reply from Megan Bowen." in text(sample("approval-asked"))
    assert buttons(sample("asked-back-replied")) == {}
    sent = buttons(sample("asked-back"))["Send the reply"]
    assert (sent["verb"], sent["data"]["approval"]) == ("approval.explain", s.ASKED_SHARE.id)


def test_each_question_of_a_digest_is_bound_to_what_is_shown_of_it() -> None:
    card = sample("digest")
    bound = buttons(card)["Send decisions"]["data"]["asked"]
    assert bound == [[each.approval.id, each.approval.entry] for each in s.SEVERAL]
    given = inputs(card)
    assert set(given) == {f"choice:{each.approval.id}" for each in s.SEVERAL}
    assert len({part["label"] for part in given.values()}) == len(given), "labels tell them apart"
    assert all(not part.get("isRequired") and "value" not in part for part in given.values())


def test_what_a_digest_cannot_show_whole_is_not_decided_on_it() -> None:
    whole = s.SEVERAL[1].shown
    assert whole is not None
    long = msgspec.structs.replace(whole, facts=[("Text", "x" * 500)])
    asked = [s.SEVERAL[0], cards.Asked(s.SEVERAL[1].approval, long)]
    card = cards.digest(s.GATED, asked, MEGAN)
    assert buttons(card)["Send decisions"]["data"]["asked"] == [[asked[0].approval.id, asked[0].approval.entry]]
    assert "There is more to this one than fits here." in text(card)
    assert not cards.fit_together(s.GATED, asked, MEGAN)


def test_a_digest_says_of_each_how_it_was_decided_and_what_failed() -> None:
    shown = text(sample("digest-decided"))
    for said in ("1 of 3 questions wait for you", "Allowed", "by you", "by Alex Wilber", "this is the newest"):
        assert said in shown
    assert len(buttons(sample("digest-decided"))["Send decisions"]["data"]["asked"]) == 1


def test_a_digest_of_too_many_says_how_many_are_not_shown() -> None:
    assert f"and {40 - MOST} more questions" in text(sample("digest-many"))


def test_a_group_sees_neither_content_nor_buttons_nor_names() -> None:
    for name in ("neutral", "neutral-protected", "neutral-settled"):
        card = sample(name)
        assert "actions" not in card
        assert inputs(card) == {}
        assert [part for _, part in elements(card["body"]) if str(part.get("type")).startswith("Action.")] == []
        assert not {"discrepancies", "Alex Wilber", "Megan Bowen", "Framework"} & set(text(card).split())
        assert "Supplier" not in str(card), "not even the title of the run"
    assert sample("neutral")["refresh"]["userIds"] == ["29:alex"]
    many = cards.neutral(s.WAITING, s.OPEN, [f"29:{n}" for n in range(200)])
    assert len(many["refresh"]["userIds"]) == 60


def test_the_list_of_what_waits_says_who_asked_until_when_and_shows_each() -> None:
    shown = text(sample("waiting"))
    for said in ("3 questions wait for your answer", "asked for Megan Bowen", "due by", "overdue"):
        assert said in shown
    sent = [part["data"] for _, part in elements(sample("waiting")) if part.get("type") == "Action.Execute"]
    assert sent[0] == {"run_id": s.WAITING.run_id, "approval": s.ASKED_SHARE.id}
    assert "Nothing waits for you" in text(sample("waiting-none"))


def test_an_approval_system_is_named_with_who_decided_in_it() -> None:
    via = msgspec.structs.replace(s.ALLOWED, via="ServiceNow")
    assert "by Megan Bowen in ServiceNow" in text(cards.decided(s.DONE, via, s.SHOWN_WRITE))
