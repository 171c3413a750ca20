"""`meeting.choose`: which meeting somebody means by "the meeting at 14:00"."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import msgspec

from orchestration.capabilities import TaskContext, worker
from orchestration.errors import InvalidContent, NotFound
from orchestration.workers.period import short
from orchestration.workers.sources import gist, listed

LOOK_BACK = timedelta(days=30)
_CLOCK = re.compile(
    r"\b(?P<hour>[01]?\d|2[0-3])(?:[:.h](?P<minute>[0-5]\d))?\s*(?P<half>am|pm|a\.m\.|p\.m\.|uhr|o'clock|h\b)?",
    re.IGNORECASE,
)
_TOMORROW = re.compile(r"\b(?:tomorrow|morgen)(?!\s*früh)\b", re.IGNORECASE)
_NOON = re.compile(r"\b(?:noon|mittags?)\b", re.IGNORECASE)
_TERM = re.compile(r"[^\W\d_][\w-]{2,}")
_WORD = re.compile(r"[^\W\d_]{3,}")
# Words that say that it is a meeting, not what it is about.
_PLAIN = frozenset(
    re.findall(
        r"\w+",
        "meeting meet call sync weekly monthly daily jour fixe review session catch the and with for about our "
        "besprechung termin runde treffen discussion update kick off prep preparation brief briefing",
    )
)
# Words that are in half of all mails: looked for only where there is no better one.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "supplier suppliers customer customers project projects team status planning plan report committee steering "
        "workshop budget year week month call board lieferant kunde projekt planung bericht woche jahr",
    )
)


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody invited, as `calendar.agenda` says."""

    name: str
    address: str = ""
    response: str = "none"


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting, as `calendar.agenda` says it."""

    subject: str
    start: datetime
    end: datetime
    organizer: str = ""
    people: list[Invited] = []
    place: str = ""
    online: bool = False
    text: str = ""
    link: str = ""


class Meant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of `meeting.choose`.

    Attributes:
        said: What the person said: "Brief me for the meeting at 14:00".
        today: As `run.today` says.
        meetings: Of today and tomorrow, as `calendar.agenda` gives them.
    """

    said: str
    today: date
    meetings: list[Meeting]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The meeting; `word` and `other` are what is looked for, since that day; `shown` is its time."""

    meeting: Meeting
    word: str
    other: str
    since: date
    shown: str


@worker(
    "meeting.choose",
    title="Find the meeting that is meant",
    attempts=1,
    summarize=lambda it: gist(it.meeting.subject, 80),
)
async def choose(meant: Meant, task: TaskContext) -> Chosen:
    """The meeting at the time that was said; else the one whose subject was; else the only one of the day.

    Raises:
        NotFound: There is none.
        InvalidContent: Several may be meant; they are named with their times.
    """
    del task
    day = meant.today + timedelta(days=1) if _TOMORROW.search(meant.said) else meant.today
    name = "today" if day == meant.today else "tomorrow"
    there = [each for each in meant.meetings if each.start.date() == day]
    if not there:
        raise NotFound(f"Your calendar has no meeting {name} ({short(day)}). Nothing was read besides it.")
    asked = _times(meant.said)
    found = [each for each in there if (each.start.hour, each.start.minute) in asked]
    if asked and not found:
        at = listed([f"{hour}:{minute:02}" for hour, minute in sorted(asked)])
        raise NotFound(f"Your calendar has no meeting {name} at {at}. There are: {_listed(there)}.")
    if not asked:
        said = set(_WORD.findall(meant.said.casefold())) - _PLAIN
        named = [each for each in there if said & (set(_WORD.findall(each.subject.casefold())) - _PLAIN)]
        found = named or there
    if len(found) > 1:
        raise InvalidContent(f"Several meetings may be meant: {_listed(found)}. Ask again with the time and subject.")
    word, other = _about(found[0].subject)
    return Chosen(meeting=found[0], word=word, other=other, since=day - LOOK_BACK, shown=time_of(found[0]))


def time_of(meeting: Meeting) -> str:
    """When it is: "Mon 23 Nov, 14:00–15:00"."""
    return f"{short(meeting.start.date())}, {meeting.start:%H:%M}–{meeting.end:%H:%M}"


def _times(said: str) -> set[tuple[int, int]]:
    """Times of day in a text; a bare number is none unless "at" or "um" stands before it."""
    found: set[tuple[int, int]] = set()
    for clock in _CLOCK.finditer(said):
        half = (clock["half"] or "").replace(".", "").casefold()
        before = said[: clock.start()].rstrip().rpartition(" ")[2].casefold()
        if not (clock["minute"] or half or before in ("at", "um")):
            continue
        hour, minute = int(clock["hour"]), int(clock["minute"] or 0)
        if half in ("am", "pm") and 1 <= hour <= 12:
            found.add((hour % 12 + (12 if half == "pm" else 0), minute))
        elif not half and 1 <= hour <= 6 and not clock["minute"]:
            found.add((hour + 12, minute))  # nobody meets at two in the night
        else:
            found.add((hour, minute))
    return found | ({(12, 0)} if _NOON.search(said) else set())


def _about(subject: str) -> tuple[str, str]:
    """What is looked for: the two words of the subject that say most, names before others; the second may be empty."""
    words = list(dict.fromkeys(word for word in _TERM.findall(subject) if word.casefold() not in _PLAIN))
    telling = [word for word in words if word.casefold() not in _COMMON]
    best = sorted(telling, key=lambda word: (word[0].isupper(), len(word)), reverse=True)[:2]
    first = best[0] if best else " ".join(words) or subject
    return first, best[1] if len(best) > 1 else ""


def _listed(meetings: list[Meeting]) -> str:
    return listed([f"{each.start:%H:%M} {gist(each.subject, 60)}" for each in meetings], most=6)
