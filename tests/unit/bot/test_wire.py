"""What a message looks like to the channel; the shapes are Microsoft's."""

from __future__ import annotations

import msgspec
import pytest

from bot.conversations import Conversation
from bot.outbound import Message
from bot.wire import MOST_CITATIONS, activity
from orchestration.core.label import Source

CHAT = Conversation(id="a:megan", service_url="https://smba.example/", channel_id="msteams", user_id="29:m", bot_id="b")
CARD = {"type": "AdaptiveCard", "body": []}
PLAN = Source(
    "Plan [1](https://evil.example).docx", "SharePoint", "https://contoso.sharepoint.com/plan", "confidential"
)


def test_a_models_words_are_labelled_so() -> None:
    wire = activity(CHAT, Message(summary="s", text="t", by_model=True)).serialize()
    assert wire["entities"] == [
        {
            "type": "https://schema.org/Message",
            "@type": "Message",
            "@context": "https://schema.org",
            "@id": "",
            "additionalType": ["AIGeneratedContent"],
        }
    ]


def test_what_no_model_wrote_is_not_labelled() -> None:
    assert "entities" not in activity(CHAT, Message(summary="s", text="t")).serialize()
    cited = activity(CHAT, Message(summary="s", card=CARD, sources=[PLAN])).serialize()
    assert "additionalType" not in cited["entities"][0]


def test_an_answer_cites_its_sources_below_its_card() -> None:
    wire = activity(CHAT, Message(summary="s", card=CARD, sources=[PLAN, PLAN, Source("Invoices", "SAP")])).serialize()
    assert (wire["text"], wire["textFormat"]) == ("Sources: [1] [2]", "markdown")
    (entity,) = wire["entities"]
    assert entity["citation"] == [
        {
            "@type": "Claim",
            "position": 1,
            "appearance": {
                "@type": "DigitalDocument",
                "name": PLAN.title,
                "abstract": "From SharePoint; labelled confidential.",
                "url": PLAN.link,
            },
        },
        {
            "@type": "Claim",
            "position": 2,
            "appearance": {
                "@type": "DigitalDocument",
                "name": "Invoices",
                "abstract": "From SAP; labelled internal.",
            },
        },
    ]


def test_what_came_from_outside_is_in_no_text_that_is_read_as_markdown() -> None:
    evil = Source("![x](https://evil.example/leak.png)", "[Mail](https://evil.example)")
    wire = activity(CHAT, Message(summary="s", card=CARD, sources=[evil])).serialize()
    assert wire["text"] == "Sources: [1]"


@pytest.mark.parametrize("link", ["http://contoso.sharepoint.com/x", "javascript:alert(1)", "data:text/html,x", ""])
def test_a_source_without_a_safe_address_has_no_link(link: str) -> None:
    wire = activity(
        CHAT, Message(summary="s", card=CARD, sources=[msgspec.structs.replace(PLAN, link=link)])
    ).serialize()
    assert "url" not in wire["entities"][0]["citation"][0]["appearance"]


def test_citations_keep_to_what_teams_takes() -> None:
    many = [Source(f"{n} " + "x" * 200, "y" * 300) for n in range(40)]
    wire = activity(CHAT, Message(summary="s", card=CARD, sources=many)).serialize()
    cited = wire["entities"][0]["citation"]
    assert len(cited) == MOST_CITATIONS
    assert all(len(each["appearance"]["name"]) <= 80 and len(each["appearance"]["abstract"]) <= 160 for each in cited)


def test_a_models_answer_with_sources_has_one_entity_about_itself() -> None:
    wire = activity(CHAT, Message(summary="s", text="t", by_model=True, sources=[PLAN])).serialize()
    assert [entity["type"] for entity in wire["entities"]] == ["https://schema.org/Message"]
    assert set(wire["entities"][0]) >= {"additionalType", "citation"}


def test_only_what_asks_for_an_opinion_has_thumbs() -> None:
    assert activity(CHAT, Message(summary="s", card=CARD, feedback=True)).serialize()["channelData"] == {
        "feedbackLoop": {"type": "default"}
    }
    assert "channelData" not in activity(CHAT, Message(summary="s", card=CARD)).serialize()


def test_starters_are_offered_in_personal_chats_with_plain_text_only() -> None:
    offer = Message(summary="s", text="t", suggested=["help"])
    assert activity(CHAT, offer).serialize()["suggestedActions"] == {
        "to": ["29:m"],
        "actions": [{"type": "imBack", "title": "help", "value": "help"}],
    }
    group = msgspec.structs.replace(CHAT, kind="groupChat")
    assert "suggestedActions" not in activity(group, offer).serialize()
    assert "suggestedActions" not in activity(CHAT, msgspec.structs.replace(offer, card=CARD)).serialize()


def test_a_group_is_addressed_as_one() -> None:
    group = msgspec.structs.replace(CHAT, id="19:c@thread.tacv2;messageid=1", kind="channel")
    there = activity(group, Message(summary="s", text="t")).serialize()["conversation"]
    assert there == {"id": "19:c@thread.tacv2;messageid=1", "conversationType": "channel", "isGroup": True}
