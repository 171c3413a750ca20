"""From accepted writes to what is in the tenant now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.evaluation.effect import Accepted, Directory, Effect, effects

KNOWN = Directory(
    addresses={"megan": "megan@contoso.example", "alex": "alex@contoso.example"},
    places={"19:general": ("Finance/General", ["megan", "alex"]), "19:two": ("", ["megan", "alex"])},
)


def accepted(kind: str, *changes: tuple[str, Any], **about: Any) -> Accepted:
    shelved = [("messages", key, entry) for key, entry in changes]
    return Accepted(at=datetime(2026, 11, 22, tzinfo=UTC), kind=kind, person="megan", about=about, changes=shelved)


def message(folder: str, *to: str, subject: str = "Hello") -> dict[str, Any]:
    return {"folder": folder, "subject": subject, "body": "text", "to": [{"address": each} for each in to]}


def test_a_draft_that_was_sent_is_a_mail_and_no_draft() -> None:
    writes = [
        accepted("mail.draft", ("m1", message("drafts", "alex@contoso.example")), id="m1"),
        accepted(
            "mail.send",
            ("m1", message("sentitems", "alex@contoso.example")),
            ("m2", message("inbox", "alex@contoso.example")),
            id="m1",
            to=["alex@contoso.example"],
        ),
    ]
    mail = Effect(kind="mail", person="megan", to=["alex@contoso.example"], title="Hello", text="text")
    assert effects(writes, KNOWN) == [mail]


def test_a_draft_is_as_it_was_left() -> None:
    writes = [
        accepted("mail.draft", ("m1", message("drafts", "alex@contoso.example")), id="m1"),
        accepted("", ("m1", message("drafts", "eve@evil.example", subject="Other"))),
    ]
    (draft,) = effects(writes, KNOWN)
    assert (draft.kind, draft.to, draft.title) == ("draft", ["eve@evil.example"], "Other")


def test_a_message_that_was_only_touched_is_told_too() -> None:
    (found,) = effects([accepted("", ("old", message("inbox")))], KNOWN)
    assert found.kind == "mailbox"


def test_messages_are_in_a_channel_or_with_a_person() -> None:
    said = {"body": "Done"}
    writes = [
        accepted("chat.create", id="19:two", members=["megan", "alex"]),
        accepted("chat.post", ("19:two/1", said), talk="19:two", id="1"),
        accepted("chat.post", ("19:general/1", said), talk="19:general", id="1"),
    ]
    alone, channel = effects(writes, KNOWN)
    assert (alone.kind, alone.to, alone.place) == ("post", ["alex@contoso.example"], "")
    assert (channel.to, channel.place, channel.text) == ([], "Finance/General", "Done")


def test_files_have_a_place_and_a_replaced_one_is_one() -> None:
    upload = accepted("file.upload", site="Finance", path="Close/a.xlsx", item_id="1")
    share = accepted("file.share", site="Finance", path="a.xlsx", item_id="2", people=["alex"], role="read")
    file, shared = effects([upload, upload, share], KNOWN)
    assert (file.kind, file.title, file.place) == ("file", "a.xlsx", "Finance/Close")
    assert (shared.kind, shared.to, shared.place) == ("share", ["alex@contoso.example"], "Finance")


def test_what_is_not_known_is_told_by_its_own_name() -> None:
    (found,) = effects([accepted("event.delete", subject="Board")], KNOWN)
    assert found.told() == "event.delete of megan “Board”"
