"""How people work: time zone, working hours, out of office, from mailboxes.csv."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from connectors.sandbox.data import Person
from connectors.sandbox.days import graph_time, moment_of, zone_of
from connectors.sandbox.tables import Problems, read_csv

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_COLUMNS = ("person", "time_zone", "days", "work_start", "work_end", "away_from", "away_until", "away_message")


class Mailbox(msgspec.Struct, frozen=True):
    """A person's working hours and automatic replies; times are local to `time_zone` (a Windows or IANA name)."""

    person: str
    time_zone: str = "UTC"
    days: tuple[str, ...] = DAYS[:5]
    work_start: time = time(9)
    work_end: time = time(17)
    away_from: datetime | None = None
    away_until: datetime | None = None
    away_message: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return zone_of(self.time_zone)

    def away_at(self, when: datetime) -> bool:
        """Whether automatic replies are sent at this time."""
        return self.away_from is not None and self.away_until is not None and self.away_from <= when < self.away_until

    def working_hours(self) -> dict[str, Any]:
        """Graph's workingHours."""
        return {
            "daysOfWeek": list(self.days),
            "startTime": f"{self.work_start:%H:%M:%S}.0000000",
            "endTime": f"{self.work_end:%H:%M:%S}.0000000",
            "timeZone": {"name": self.time_zone},
        }

    def settings(self) -> dict[str, Any]:
        """Graph's mailboxSettings."""
        away = self.away_from is not None and self.away_until is not None
        some = datetime(2026, 1, 1, tzinfo=zone_of("UTC"))
        return {
            "archiveFolder": None,
            "timeZone": self.time_zone,
            "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
            "dateFormat": "dd.MM.yyyy",
            "timeFormat": "HH:mm",
            "userPurpose": "user",
            "automaticRepliesSetting": {
                "status": "scheduled" if away else "disabled",
                "externalAudience": "all" if away else "none",
                "internalReplyMessage": self.away_message,
                "externalReplyMessage": self.away_message,
                "scheduledStartDateTime": graph_time(self.away_from or some),
                "scheduledEndDateTime": graph_time(self.away_until or some),
            },
            "language": {"locale": "en-US", "displayName": "English (United States)"},
            "workingHours": self.working_hours(),
        }


def load_mailboxes(file: Path, people: Mapping[str, Person], today: date, problems: Problems) -> dict[str, Mailbox]:
    """Reads mailboxes.csv; who is not in it works from Monday to Friday, 9 to 17 UTC. The file may be absent."""
    found = {key: Mailbox(key) for key in people}
    if not file.exists():
        return found
    for number, cells in read_csv(file, _COLUMNS, problems):
        column = "person"
        try:
            if cells["person"] not in people:
                raise ValueError(f"{cells['person']!r} is nobody's key in people.csv")
            column = "time_zone"
            zone = zone_of(cells["time_zone"])
            column = "days"
            days = tuple(_day(part) for part in cells["days"].split())
            column = "work_start"
            start = time.fromisoformat(cells["work_start"])
            column = "work_end"
            end = time.fromisoformat(cells["work_end"])
            if end <= start:
                raise ValueError("work ends before it begins")
            column = "away_from"
            away_from = moment_of(cells["away_from"], today, zone) if cells["away_from"] else None
            column = "away_until"
            away_until = moment_of(cells["away_until"], today, zone) if cells["away_until"] else None
        except ValueError as error:
            problems.add(file, str(error), row=number, column=column)
            continue
        found[cells["person"]] = Mailbox(
            cells["person"], cells["time_zone"], days, start, end, away_from, away_until, cells["away_message"]
        )
    return found


def _day(text: str) -> str:
    found = [day for day in DAYS if day[:3] == text.casefold()[:3]]
    if not found:
        raise ValueError(f"{text!r} is no weekday: write mon tue wed thu fri")
    return found[0]
