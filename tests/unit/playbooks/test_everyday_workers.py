"""The workers that only compute: days, the meeting that is meant, the file that is meant, what a mail says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from orchestration.capabilities import TaskContext
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers import appointment, period, recent
from orchestration.workers.sources import File, Mail, gist, listed, spoken
from tests.support.office import MEGAN

FRIDAY = date(2026, 11, 20)
TASK = TaskContext(run_id="r", task_id="t", attempt=1, initiator=MEGAN)


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        ("today", "20 November 2026"),
        ("tomorrow", "21 November 2026"),
        ("this_week", "16–22 November 2026"),
        ("last_week", "9–15 November 2026"),
        ("next_week", "23–29 November 2026"),
        ("two_weeks", "23 November – 6 December 2026"),
    ],
)
async def test_spans_of_days(span: Any, shown: str) -> None:
    found = await period.period.call(period.Asked(today=FRIDAY, span=span), TASK)
    assert found.shown == shown
    assert (found.day_after - found.first_day).days == found.days


def test_days_across_a_new_year_name_both_years() -> None:
    assert period.stretch(date(2026, 12, 28), date(2027, 1, 3)) == "28 December 2026 – 3 January 2027"


def meetings() -> list[appointment.Meeting]:
    def one(subject: str, day: int, hour: int, minute: int = 0) -> appointment.Meeting:
        at = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
        return appointment.Meeting(subject=subject, start=at, end=at.replace(hour=hour + 1))

    return [one("Month-end close", 20, 9, 30), one("Litware contract", 20, 14), one("Litware prices", 20, 15),
            one("Offsite", 21, 9)]  # fmt: skip


async def chosen(said: str) -> str:
    meant = appointment.Meant(said=said, today=FRIDAY, meetings=meetings())
    return str((await appointment.choose.call(meant, TASK)).meeting.subject)


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ("Brief me for the meeting at 14:00", "Litware contract"),
        ("Brief me for the 2 pm meeting", "Litware contract"),
        ("Brief me for the meeting at 2", "Litware contract"),
        ("Briefing für 14 Uhr bitte", "Litware contract"),
        ("Brief me for the meeting at 9:30", "Month-end close"),
        ("Brief me for the meeting about the month-end", "Month-end close"),
        ("Prepare me for the prices meeting", "Litware prices"),
        ("Brief me for the meeting tomorrow", "Offsite"),
        ("Bereite mich auf den Termin morgen um 9 vor", "Offsite"),
    ],
)
async def test_the_meeting_that_is_meant(said: str, subject: str) -> None:
    assert await chosen(said) == subject


@pytest.mark.parametrize(
    ("said", "problem", "error"),
    [
        ("Brief me for the meeting at 16:00", r"no meeting today at 16:00\. There are: 09:30 Month-end", NotFound),
        ("Brief me for the meeting", "Several meetings may be meant", InvalidContent),
        ("Brief me for the Litware meeting", "14:00 Litware contract and 15:00 Litware prices", InvalidContent),
        ("Brief me for the 3 meetings at 11 am", "no meeting today at 11:00", NotFound),
    ],
)
async def test_what_cannot_be_meant_is_answered_with_what_there_is(
    said: str, problem: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=problem):
        await chosen(said)


async def test_a_day_without_meetings_is_said() -> None:
    with pytest.raises(NotFound, match=r"no meeting today \(Fri 20 Nov\)"):
        await appointment.choose.call(appointment.Meant(said="Brief me", today=FRIDAY, meetings=[]), TASK)


def file(name: str, day: int = 20) -> File:
    return File(name=name, drive="d", item=name, changed=datetime(2026, 11, day, tzinfo=UTC))


@pytest.mark.parametrize(
    ("said", "names", "name"),
    [
        ("Plan", ["Plan.docx", "Plan 2025.docx"], "Plan.docx"),
        ("plan.DOCX", ["Plan.docx", "Plan.pdf"], "Plan.docx"),
        ("litware contract", ["Contract with Litware.docx", "Minutes about it.docx"], "Contract with Litware.docx"),
        ("renewal", ["Contract with Litware.docx"], "Contract with Litware.docx"),
    ],
)
async def test_the_file_that_is_meant(said: str, names: list[str], name: str) -> None:
    wanted = recent.Wanted(said=said, files=[file(each) for each in [*names, names[0]]])
    assert (await recent.choose.call(wanted, TASK)).name == name


async def test_no_file_and_several_files_are_said() -> None:
    with pytest.raises(NotFound, match="no file with “Plan”"):
        await recent.choose.call(recent.Wanted(said="Plan", files=[]), TASK)
    with pytest.raises(InvalidContent, match=r"“Plan\.docx”, “Plan\.pdf”"):
        await recent.choose.call(recent.Wanted(said="Plan", files=[file("Plan.docx"), file("Plan.pdf")]), TASK)


async def test_files_of_the_week_the_latest_first() -> None:
    given = [file("a.docx", 16), file("b.png", 18), file("c.pdf", 22), file("d.docx", 23)]
    asked = recent.Found(files=given, first_day=date(2026, 11, 16), last_day=date(2026, 11, 22))
    found = await recent.recent.call(asked, TASK)
    assert [each.name for each in found.files] == ["c.pdf", "b.png", "a.docx"]
    assert [each.name for each in found.readable] == ["c.pdf", "a.docx"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi Megan,\n\nIt is done.\n\nBest regards\nAlex", "It is done."),
        ("Hallo zusammen!\nEs ist fertig.\nViele Grüße\nAlex", "Es ist fertig."),
        ("Yes.\n\nOn Fri, 20 Nov 2026, Megan Bowen wrote:\n> Is it?", "Yes."),
        ("Yes.\n-----Original Message-----\nFrom: Megan", "Yes."),
        ("Hi Megan, the close is late.", "Hi Megan, the close is late."),
        ("Thanks", "Thanks"),
        ("", ""),
    ],
)
def test_what_somebody_said_is_without_greeting_signature_and_quotation(text: str, said: str) -> None:
    assert spoken(text) == said


def test_a_name_at_the_end_of_a_mail_is_its_signature() -> None:
    assert spoken("It is done.\n\nAlex", "Alex Wilber") == "It is done."
    assert spoken("Alex", "Alex Wilber") == "Alex"


def test_a_gist_ends_with_a_sentence_or_a_word_and_says_that_it_is_cut() -> None:
    assert gist("Short.") == "Short."
    assert gist("One sentence is here. Another one follows it.", 30) == "One sentence is here. …"
    assert gist("word " * 20, 22) == "word word word word…"
    assert len(gist("x" * 500, 100)) == 100


def test_a_topic_is_the_subject_without_its_prefixes() -> None:
    def topic(subject: str) -> str:
        return Mail(subject=subject, sender="", address="", received=datetime(2026, 1, 1, tzinfo=UTC)).topic

    assert [topic(each) for each in ("RE: AW: Close", "Close", "Re: ")] == ["Close", "Close", "(without a subject)"]


def test_many_names_are_counted() -> None:
    assert listed(["A"]) == "A"
    assert listed(["A", "B", "C"]) == "A, B and C"
    assert listed(list("ABCDEF"), most=4) == "A, B, C and 3 more"
