"""The language that is spoken just now, and texts, counts and numbers in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal

from babel.dates import format_datetime, format_skeleton
from babel.numbers import format_decimal

from bot.language.catalog import catalog

LANGUAGES = ("en", "de")
_language: ContextVar[str] = ContextVar("language", default="en")


def language_of(locale: str) -> str:
    """The language that serves a locale such as `de-AT`; English where there is none for it."""
    language = locale.replace("_", "-").split("-")[0].casefold()
    return language if language in LANGUAGES else "en"


def spoken() -> str:
    """The language of the texts that are made now."""
    return _language.get()


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Make texts in the language of a locale, in this task and what it calls."""
    token = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(token)


def say(text: str, /, **values: object) -> str:
    """The text in the language that is spoken, with its `{values}`; numbers are written as that language does."""
    return _filled(catalog(spoken()).text(text), values)


def say_count(one: str, many: str, count: int, /, **values: object) -> str:
    """The text for one, or for as many as `{count}` says: `say_count("{count} item", "{count} items", 3)`."""
    return _filled(catalog(spoken()).counted(one, many, count), {"count": count, **values})


def number(value: float | Decimal, *, digits: int | None = None) -> str:
    """A number as the language that is spoken writes it, with exactly so many `digits` after the point if given."""
    pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=spoken())


def month(year: int, which: int) -> str:
    """A month as the language that is spoken writes it: `October 2026`."""
    return format_skeleton("yMMMM", date(year, which, 1), locale=spoken())


def moment(at: datetime, pattern: str) -> str:
    """An instant for those whose time zone is not known; the pattern is a text of its own in each language.

    Source: Unicode TR 35, "Date Format Patterns".
    """
    return format_datetime(at.astimezone(UTC), pattern, locale=spoken())


def _filled(text: str, values: dict[str, object]) -> str:
    if not values:
        return text
    written = {
        name: number(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value
        for name, value in values.items()
    }
    return text.format(**written)
