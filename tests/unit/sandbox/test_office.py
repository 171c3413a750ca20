"""The data of mail, calendars and chats: what it means, and how what is wrong is named."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.contoso.documents import documents
from connectors.sandbox.data import load
from connectors.sandbox.days import day_of, moment_of, zone_of
from connectors.sandbox.journal import Journal
from connectors.sandbox.office import Office
from connectors.sandbox.sharing import Sharing
from orchestration.errors import InvalidContent

TUESDAY = date(2026, 11, 24)
PARTS = (
    "mail",
    "chats",
    "teams",
    "events.csv",
    "mailboxes.csv",
    "sharepoint",
    "tenant.yml",
    "people.csv",
    "groups.csv",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "tenant"
    shutil.copytree(CONTOSO, copy, ignore=lambda at, names: [n for n in names if at == str(CONTOSO) and n not in PARTS])
    return copy


def opened(folder: Path, tmp_path: Path, today: date | None = TUESDAY) -> Office:
    tenant = load(folder)
    journal = Journal(tmp_path / "journal.jsonl")
    office = Office(tenant, folder, journal, today)
    Sharing(tenant, folder, journal, office.today)
    return office


@pytest.mark.parametrize(
    ("text", "today", "day"),
    [
        ("today", TUESDAY, date(2026, 11, 24)),
        ("today-3", TUESDAY, date(2026, 11, 21)),
        ("mon", TUESDAY, date(2026, 11, 23)),
        ("fri+1w", TUESDAY, date(2026, 12, 4)),
        ("mon", date(2026, 11, 22), date(2026, 11, 23)),
        ("fri-1w", date(2026, 11, 22), date(2026, 11, 20)),
        ("2026-02-28", TUESDAY, date(2026, 2, 28)),
    ],
)
def test_days_are_relative_to_today(text: str, today: date, day: date) -> None:
    assert day_of(text, today) == day


@pytest.mark.parametrize("text", ["", "tomorrow", "monw", "2026-02-30", "today 09:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no day|is out of range"):
        day_of(text, TUESDAY)


def test_times_follow_the_change_of_the_clocks() -> None:
    berlin = zone_of("W. Europe Standard Time")
    assert moment_of("2026-10-24 09:00", TUESDAY, berlin) == datetime(2026, 10, 24, 7, tzinfo=UTC)
    assert moment_of("2026-10-26 09:00", TUESDAY, berlin) == datetime(2026, 10, 26, 8, tzinfo=UTC)


def test_tenant_yml_or_the_start_says_what_today_is(folder: Path, tmp_path: Path) -> None:
    with (folder / "tenant.yml").open("a") as out:
        out.write("today: 2026-11-10\n")
    assert opened(folder, tmp_path, None).today == date(2026, 11, 10)
    assert opened(folder, tmp_path).today == TUESDAY


def test_the_documents_are_those_that_their_generator_writes() -> None:
    for name, content in documents().items():
        assert (CONTOSO / "sharepoint" / name).read_bytes() == content, name


def test_a_journal_survives_a_line_that_a_kill_cut_short(folder: Path, tmp_path: Path) -> None:
    office = opened(folder, tmp_path)
    message = next(iter(office.messages))
    office.journal.commit([office.messages.put("one", message)], "mail.draft", "megan")
    with (tmp_path / "journal.jsonl").open("ab") as out:
        out.write(b'{"changes": [["mess')
    again = opened(folder, tmp_path)
    again.journal.replay()
    again.journal.commit([again.messages.put("two", message)], "mail.draft", "megan")
    third = opened(folder, tmp_path)
    third.journal.replay()
    assert [third.messages.get(key) is not None for key in ("one", "two")] == [True, True]


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return spoil


def write(file: str, text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / file).write_text(text)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (edit("events.csv", "today,14:00", "tomorow,14:00"), "events.csv, row 2, column day: 'tomorow' is no day"),
        (edit("events.csv", "14:00,15:00,megan", "14:00,13:00,megan"), "events.csv, row 2, column end"),
        (edit("events.csv", ",megan,alex;adele", ",bob,alex;adele"), "events.csv, row 2, column organizer: 'bob'"),
        (edit("events.csv", "alex;adele", "alex;maybe"), "events.csv, row 2, column attendees: 'maybe'"),
        (edit("mailboxes.csv", "GMT Standard", "Moon Standard"), "mailboxes.csv, row 4, column time_zone"),
        (edit("mailboxes.csv", "09:00,17:30", "18:00,17:30"), "mailboxes.csv, row 2, column work_end"),
        (edit("mail/no-body.md", "from: alex", "from: bob"), "mail/no-body.md, column from: 'bob'"),
        (edit("mail/no-body.md", "today-3", "today+3"), "mail/no-body.md, column sent: 'today+3 08:05' is after today"),
        (edit("mail/no-body.md", "sent:", "when:"), "mail/no-body.md: front matter may have"),
        (edit("mail/nordwind-claim.md", "[claim-", "[clain-"), "column attachments: there is no file"),
        (write("mail/other.md", "hello"), "mail/other.md: the file must begin with front matter"),
        (write("mail/other.txt", "hello"), "mail/other.txt: mail is .md"),
        (edit("chats/close.yml", "by: lee", "by: diego"), "chats/close.yml, column by: message 1: 'diego'"),
        (edit("chats/close.yml", "topic:", "subject:"), "chats/close.yml: Object contains unknown field `subject`"),
        (edit("teams/finance.yml", "[Finance]", "[Fin]"), "teams/finance.yml, column members: 'Fin'"),
        (edit("sharepoint/files.csv", ",Internal", ",Secret"), "sharepoint/files.csv, row 2, column label: 'Secret'"),
        (edit("sharepoint/files.csv", "Restricted,lee", "Retricted,lee"), "row 4, column path: there is no file"),
        (edit("tenant.yml", "name: Contoso", "name: Contoso\ntoday: soon"), "tenant.yml: today: 'soon' is no day"),
    ],
)
def test_every_problem_is_named_with_its_place(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(folder)
    with pytest.raises(InvalidContent) as caught:
        opened(folder, tmp_path, None)
    assert named in caught.value.message
