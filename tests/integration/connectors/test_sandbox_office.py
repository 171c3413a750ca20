"""Mail, calendars, chats and documents in the sandbox, through msgraph-sdk."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.graph import GraphClient, workers
from connectors.graph.batch import Part, batch
from connectors.sandbox import control
from orchestration.capabilities.descriptor import Done, NotDone, Outcome, Worker
from orchestration.errors import (
    Conflict,
    Invalid,
    InvalidContent,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    TandemError,
    Unavailable,
)
from tests.integration.connectors.conftest import Sandbox

NEXT_MONTH = date(2027, 1, 11)  # a Monday without anything planned


@pytest.fixture
def offered(graph: GraphClient) -> dict[str, Worker]:
    return {each.capability.name: each for each in workers(graph)}


class Office:
    """Calls workers as the engine does: arguments are JSON, each write has a key."""

    def __init__(self, sandbox: Sandbox, offered: dict[str, Worker]) -> None:
        self.sandbox = sandbox
        self.offered = offered

    async def __call__(self, name: str, by: str = "megan", key: str = "", **arguments: Any) -> Any:
        worker = self.offered[name]
        return await worker.call(self._given(worker, arguments), self.sandbox.task(by, idempotency_key=key))

    async def reconcile(self, name: str, key: str, **arguments: Any) -> Outcome:
        worker = self.offered[name]
        assert worker.reconcile is not None
        soon = datetime.now(UTC) + timedelta(minutes=1)
        task = self.sandbox.task("megan", idempotency_key=key, not_after=soon)
        return await worker.reconcile(self._given(worker, arguments), task)

    def accepted(self, kind: str, text: str) -> int:
        """How many writes of a kind the sandbox took that hold this text."""
        taken = control.call(self.sandbox.state, "accepted")["accepted"]
        return sum(each["kind"] == kind and text in str(each) for each in taken)

    @staticmethod
    def _given(worker: Worker, arguments: dict[str, Any]) -> Any:
        return msgspec.convert(msgspec.json.decode(msgspec.json.encode(arguments)), worker.input_type)


@pytest.fixture
def office(sandbox: Sandbox, offered: dict[str, Worker]) -> Office:
    return Office(sandbox, offered)


def new() -> str:
    return uuid.uuid4().hex


async def eventually(look: Any) -> Any:
    """What `look` gives once it gives something; it is asked again for up to ten seconds."""
    for _ in range(100):
        if found := await look():
            return found
        await asyncio.sleep(0.1)
    return await look()


def mail(subject: str, **more: Any) -> dict[str, Any]:
    return {"to": ["alex.wilber@contoso.example"], "subject": subject, "text": "Line one\nLine two – ünïcode", **more}


async def test_a_mail_is_sent_once_and_read_by_whom_it_is_for(office: Office) -> None:
    key, subject = new(), f"Status {new()}"
    sent = await office("mail.send", key=key, **mail(subject))
    assert sent.to == ["alex.wilber@contoso.example"]

    async def there() -> Any:
        return (await office("mail.search", by="alex", words=subject)).mails

    read = await eventually(there)
    assert [(each.subject, each.address, each.text) for each in read] == [
        (subject, "megan.bowen@contoso.example", "Line one\nLine two – ünïcode")
    ]

    async def shown() -> Any:
        try:
            return isinstance(await office.reconcile("mail.send", key, **mail(subject)), Done)
        except Unavailable:  # Sent Items are late
            return False

    assert await eventually(shown)
    again = await office("mail.send", key=key, **mail(subject))
    assert again.message == sent.message
    assert office.accepted("mail.send", subject) == 1


async def test_a_mail_that_is_only_a_draft_was_not_sent(office: Office) -> None:
    key, subject = new(), f"Draft {new()}"
    drafted = await office("mail.draft", key=key, **mail(subject))
    assert await office("mail.draft", key=key, **mail(subject)) == drafted
    assert office.accepted("mail.draft", subject) == 1
    assert await office.reconcile("mail.draft", key, **mail(subject)) == Done(output=drafted)
    this = mail(subject, draft=drafted.draft, change_key=drafted.change_key)
    assert await office.reconcile("mail.send", new(), **this) == NotDone()
    await office("mail.send", key=new(), **this)
    assert office.accepted("mail.send", subject) == 1


async def test_a_draft_that_was_changed_is_not_sent(office: Office) -> None:
    subject = f"Draft {new()}"
    drafted = await office("mail.draft", key=new(), **mail(subject))
    with pytest.raises(Conflict, match="was changed after it was shown"):
        await office("mail.send", key=new(), **mail(subject, draft=drafted.draft, change_key="another"))
    assert office.accepted("mail.send", subject) == 0


async def test_mail_to_nobody_is_not_sent(office: Office) -> None:
    with pytest.raises(NotFound, match=r"nobody at nobody@contoso\.example in your organisation\. Nothing was sent"):
        await office("mail.send", key=new(), **mail("Hello", cc=["nobody@contoso.example"]))


async def test_a_mailbox_that_is_not_ones_own_is_named(office: Office) -> None:
    with pytest.raises(TandemError, match=r"mailbox alex.wilber@contoso\.example"):
        await office("mail.search", mailbox="alex.wilber@contoso.example")


async def test_a_meeting_is_entered_once_and_its_time_is_taken(office: Office) -> None:
    asked = {"people": ["alex.wilber@contoso.example"], "first_day": NEXT_MONTH, "last_day": NEXT_MONTH, "minutes": 60}
    before = await office("calendar.free_time", **asked, most=20)
    assert before.slots
    slot = before.slots[0]
    key, subject = new(), f"Planning {new()}"
    meeting = {"subject": subject, "start": slot.start, "minutes": 60, "people": asked["people"], "zone": before.zone}
    assert await office.reconcile("calendar.create", key, **meeting) == NotDone()
    entered = await office("calendar.create", key=key, **meeting)
    assert (entered.start, entered.end) == (slot.start, slot.end)
    assert (await office("calendar.create", key=key, **meeting)).event == entered.event
    assert office.accepted("event.create", subject) == 1
    found = await office.reconcile("calendar.create", key, **meeting)
    assert isinstance(found, Done)
    assert found.output.event == entered.event

    after = await office("calendar.free_time", **asked, most=20)
    assert slot.start not in [each.start for each in after.slots]


async def test_people_and_their_managers(office: Office) -> None:
    assert (await office("people.manager")).name == "Lee Gu"
    assert (await office("people.manager", who="Megan Bowen")).name == "Lee Gu"
    with pytest.raises(NotFound, match="names no manager of Lee Gu"):
        await office("people.manager", who="lee.gu@contoso.example")


async def test_who_is_in_a_group(office: Office) -> None:
    found = await office("people.members", group="  Finance ")
    assert [person.name for person in found.people] == ["Alex Wilber", "Lee Gu", "Megan Bowen"]
    by_id = await office("people.members", group="B2C0DE00-0001-4000-8000-000000000001")
    assert by_id.people == found.people
    for name in ("Finances", "Finance' or displayName ne '", "../users"):
        with pytest.raises(NotFound, match="There is no group named"):
            await office("people.members", group=name)
    with pytest.raises(Invalid, match="Which group is meant"):
        await office("people.members", group=" ")


async def test_when_people_work_and_are_away(office: Office) -> None:
    people = [office.sandbox.person(key) for key in ("alex", "diego", "adele")]
    found = await office("people.availability", people=people)
    alex, diego, adele = found.people
    assert (alex.person.id, alex.time_zone, alex.start, alex.end) == (people[0].id, "Europe/Berlin", "08:00", "16:30")
    assert (adele.time_zone, adele.days) == ("America/New_York", (1, 2, 3, 4, 5))
    (absence,) = diego.away
    assert absence.to - absence.from_ == timedelta(days=3)
    assert not alex.away


async def test_a_message_is_posted_once(office: Office) -> None:
    key, post = new(), {"text": f"Hello {new()}", "person": "Alex Wilber"}
    assert await office.reconcile("chat.post", key, **post) == NotDone()
    posted = await office("chat.post", key=key, **post)
    assert (await office("chat.post", key=key, **post)).message == posted.message
    assert office.accepted("chat.post", post["text"]) == 1
    found = await office.reconcile("chat.post", key, **post)
    assert isinstance(found, Done)
    assert found.output.message == posted.message


async def test_a_team_one_is_not_in_is_named_with_those_there_are(office: Office) -> None:
    with pytest.raises(NotFound, match="no team Nowhere that you are a member of"):
        await office("chat.post", key=new(), text="Hello", team="Nowhere")


async def test_a_workbook_is_found_and_read(office: Office) -> None:
    hits = await office("files.search", words="register", site="Finance")
    hit = next(each for each in hits.files if each.name.endswith(".xlsx"))
    everywhere = await office("files.search", words="register")
    assert hit.item in [each.item for each in everywhere.files]
    document = await office("files.read", drive=hit.drive, item=hit.item, most_characters=20_000)
    assert document.passages[0].where.startswith("2026-")
    assert not document.complete


async def test_documents_are_read_with_their_places(office: Office) -> None:
    contract = await office("files.read", site="Procurement", path="Contracts/Framework agreement Nordwind 2027.docx")
    assert {"heading", "text", "table", "footnote", "comment"} >= {each.kind for each in contract.passages}
    assert "tracked changes" in contract.notes[0]
    minutes = await office("files.read", site="Projects", path="Atlas/Steering committee minutes.pdf")
    assert minutes.passages[0].where == "page 1"
    with pytest.raises(InvalidContent, match=r"scan\.pdf holds no text on 1 page.*OCR"):
        await office("files.read", site="Procurement", path="Scans/Delivery note 4711, scan.pdf")
    with pytest.raises(NotPermitted, match=r"You may not open Finance/Restricted.*Ask its owner"):
        await office("files.read", site="Finance", path="Restricted/Salary bands 2027.docx")
    with pytest.raises(NotFound, match=r"There is no file Gone\.docx in the site Finance"):
        await office("files.read", site="Finance", path="Gone.docx")


async def test_thirty_parts_go_in_two_batches(graph: GraphClient, sandbox: Sandbox) -> None:
    session = graph.acting_as(sandbox.person("megan"))
    answers = await batch(session, [Part(path="/me/messages?$top=1")] * 30, what="read")
    assert [each.status_code for each in answers] == [200] * 30


async def test_one_mailbox_is_never_asked_five_times_at_once(graph: GraphClient, sandbox: Sandbox) -> None:
    session = graph.acting_as(sandbox.person("megan"))
    answers = await asyncio.gather(*(session.call("GET", "/me/messages?$top=1") for _ in range(40)))
    assert {each.status_code for each in answers} == {200}


SENDING = [
    ("mail.send", "mail.send", "/me/messages", mail),
    ("mail.draft", "mail.draft", "/me/messages", mail),
    ("chat.post", "chat.post", "/chats", lambda text: {"text": text, "person": "Lee Gu"}),
    (
        "calendar.create",
        "event.create",
        "/me/events",
        lambda text: {
            "subject": text,
            "start": "2027-01-12T09:00:00Z",
            "minutes": 30,
            "people": ["lee.gu@contoso.example"],
        },
    ),
]


@pytest.mark.parametrize(("name", "kind", "path", "given"), SENDING, ids=[each[0] for each in SENDING])
@pytest.mark.parametrize("lost", [1, 2])
async def test_a_write_whose_answer_is_lost_happens_once_all_the_same(
    office: Office, sandbox: Sandbox, name: str, kind: str, path: str, given: Any, lost: int
) -> None:
    """As the engine does it: in doubt, look; not done, again. Of a mail, the draft is lost first."""
    key, text = new(), f"Once {new()}"
    control.break_system(sandbox.state, "graph", 60, path=path, drop=True, times=lost)
    done: Any = None
    for _ in range(2 + lost):
        try:
            done = await office(name, key=key, **given(text))
        except Unavailable:  # before the write itself
            continue
        except OutcomeUnknown:

            async def settled() -> Any:
                try:
                    return await office.reconcile(name, key, **given(text))
                except Unavailable:  # Sent Items are late
                    return None

            found = await eventually(settled)
            if isinstance(found, Done):
                done = found.output
        if done is not None:
            break
    assert done is not None
    assert office.accepted(kind, text) == 1
