"""Months as people say them: "October 2026", "10/2026", "last month", "Oktober"."""

from __future__ import annotations

import difflib
import re
import unicodedata
from datetime import date

import msgspec

_ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_GERMAN = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
    "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_SHORT = (
    ("jan", "jaen"), ("feb",), ("mar", "mrz", "maer"), ("apr",), (), ("jun",), ("jul",),
    ("aug",), ("sep", "sept"), ("oct", "okt"), ("nov",), ("dec", "dez"),
)  # fmt: skip
_MORE = {"jaenner": 1, "feber": 2}

# Words that also mean something else count as months only beside a year or after "for", "in" and the like.
_AMBIGUOUS = frozenset({"may", "march", "mar", "jan", "sep", "dec", "mai", "august"})
_BEFORE = frozenset(
    {"for", "in", "of", "from", "during", "since", "until", "to", "and", "month"}
    | {"im", "fuer", "vom", "von", "des", "der", "monat"}
)
_THIS = frozenset({"this", "current", "present", "diesen", "diesem", "dieser", "dieses", "aktuellen", "laufenden"})
_LAST = frozenset({"last", "previous", "past", "prior", "letzten", "letzter", "letztem", "vergangenen", "vorigen"})
_NEXT = frozenset({"next", "coming", "naechsten", "kommenden"})
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "zwei": 2, "drei": 3, "vier": 4}
_EARLIEST = 2000

_WORD = r"[^\W\d_]+"
_YEAR = r"(?:19|20|21)\d\d"
_NUMERIC = re.compile(
    r"(?P<iso>\b\d{4}-\d{1,2}(?:-\d{1,2})?\b)"  # 2026-10, 2026-10-31
    r"|(?P<german>\b\d{1,2}\.\s?\d{1,2}\.\s?\d{4}\b)"  # 31.10.2026
    r"|(?P<slashes>\b\d{1,2}/\d{1,2}/\d{2,4}\b)"  # 10/05/2026: nobody can tell which is the month
    r"|(?P<plain>\b\d{1,2}\s?[/.-]\s?\d{4}\b)"  # 10/2026, 10.2026
    r"|(?P<backwards>\b\d{4}[/.]\d{1,2}\b)"  # 2026/10
    r"|(?P<short>\b\d{1,2}/\d{2}\b)"  # 10/26: a month of 26 or a day?
)
_QUARTER = re.compile(
    rf"\b(?:q[1-4]|[1-4]q|h[12])(?:\s*/?\s*{_YEAR})?\b|\b(?:first|second|third|fourth|last|this)\s+(?:quarter|half)\b(?:\s+(?:of\s+)?{_YEAR})?",
    re.IGNORECASE,
)
_WHOLE_YEAR = re.compile(
    r"\b(?:the\s+)?(?:whole|entire|full)\s+year\b(?:\s+\d{4})?|\bganze[ns]?\s+jahr\b", re.IGNORECASE
)
_TOKEN = re.compile(rf"{_WORD}|\d+|['’]\d\d\b")
_AGO = re.compile(
    r"\b(?P<count>\d{1,2}|one|two|three|four|five|six)\s+months?\s+ago\b|\bvor\s+(?P<anzahl>\d{1,2}|zwei|drei|vier)\s+monaten\b",
    re.IGNORECASE,
)
_BEFORE_LAST = re.compile(r"\b(?:the\s+)?month\s+before\s+last\b|\bvorletzte[nm]?\s+monat\b", re.IGNORECASE)
_RELATIVE = re.compile(
    rf"\b(?P<which>{_WORD})\s+(?:calendar\s+)?(?:month|monat)(?:['’]?s)?\b|\b(?P<vormonat>vormonats?)\b", re.IGNORECASE
)


class Month(msgspec.Struct, frozen=True, order=True):
    """One calendar month."""

    year: int
    number: int

    @staticmethod
    def exact(text: str) -> Month | None:
        """The month that `YYYY-MM` names, or None."""
        found = re.fullmatch(r"(\d{4})-(\d{2})", text)
        return (
            Month(int(found[1]), int(found[2]))
            if found and 1 <= int(found[2]) <= 12 and int(found[1]) >= _EARLIEST
            else None
        )

    @staticmethod
    def of(day: date) -> Month:
        """The month a day is in."""
        return Month(day.year, day.month)

    def before(self, count: int = 1) -> Month:
        """The month `count` months earlier."""
        index = self.year * 12 + self.number - 1 - count
        return Month(index // 12, index % 12 + 1)

    @property
    def title(self) -> str:
        """For people: "October 2026"."""
        return f"{_ENGLISH[self.number - 1]} {self.year}"

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


class Found(msgspec.Struct, frozen=True):
    """What a text says about months.

    Attributes:
        months: Those it names, in order, each once.
        unclear: What looks like a month but is none that can be used, each with the reason.
        rest: The text without any of it.
    """

    months: list[Month]
    unclear: list[str]
    rest: str


def find_months(text: str, today: date, *, alone: bool = False, known_words: frozenset[str] = frozenset()) -> Found:
    """Everything that a text says about months.

    A month without a year is the latest such month that is not in the future. A month that has not begun, a number
    that is no month, a misspelt name, a quarter: each is reported as unclear rather than dropped.

    Args:
        text: A sentence, or the answer to "which month?".
        today: For "last month".
        alone: The text is an answer, so that "may" is the month and a misspelling needs no "for" before it.
        known_words: Words (folded) that are not misspelt months whatever they look like.
    """
    return _Reader(unicodedata.normalize("NFC", text), today, alone, known_words).read()


class _Reader:
    def __init__(self, text: str, today: date, alone: bool, known_words: frozenset[str]) -> None:
        self._text = text
        self._today = today
        self._now = Month.of(today)
        self._alone = alone
        self._known = known_words
        self._months: dict[Month, int] = {}
        self._unclear: list[str] = []

    def read(self) -> Found:
        for pattern, handle in (
            (_WHOLE_YEAR, self._too_long),
            (_QUARTER, self._too_long),
            (_NUMERIC, self._numeric),
            (_AGO, self._ago),
            (_BEFORE_LAST, self._before_last),
            (_RELATIVE, self._relative),
        ):
            self._text = pattern.sub(handle, self._text)
        self._names()
        months = sorted(self._months, key=lambda month: self._months[month])
        return Found(months, self._unclear, " ".join(self._text.split()))

    def _blank(self, found: re.Match[str]) -> str:
        """What replaces something understood: as long as it was, so that positions still tell the order."""
        return " " * len(found[0])

    def _accept(self, month: Month, said: str, at: int) -> None:
        if month > self._now:
            self._unclear.append(f"{said} has not begun yet")
        elif month.year < _EARLIEST:
            self._unclear.append(f"{said} is too long ago")
        else:
            self._months.setdefault(month, at)

    def _too_long(self, found: re.Match[str]) -> str:
        self._unclear.append(f"“{found[0]}” is not one month")
        return self._blank(found)

    def _numeric(self, found: re.Match[str]) -> str:
        said = found[0]
        parts = [int(part) for part in re.findall(r"\d+", said)]
        kind = found.lastgroup
        if kind in ("slashes", "short"):
            self._unclear.append(f"“{said}” could be read in several ways")
            return self._blank(found)
        year, number = {
            "iso": lambda: (parts[0], parts[1]),
            "backwards": lambda: (parts[0], parts[1]),
            "german": lambda: (parts[2], parts[1]),
            "plain": lambda: (parts[1], parts[0]),
        }[kind or ""]()
        if 1 <= number <= 12:
            self._accept(Month(year, number), f"“{said}”", found.start())
        else:
            self._unclear.append(f"“{said}” is not a month")
        return self._blank(found)

    def _ago(self, found: re.Match[str]) -> str:
        said = (found["count"] or found["anzahl"]).lower()
        self._accept(self._now.before(_COUNTS.get(said) or int(said)), f"“{found[0]}”", found.start())
        return self._blank(found)

    def _before_last(self, found: re.Match[str]) -> str:
        self._accept(self._now.before(2), f"“{found[0]}”", found.start())
        return self._blank(found)

    def _relative(self, found: re.Match[str]) -> str:
        which = _folded(found["which"] or "")
        if found["vormonat"] or which in _LAST:
            self._accept(self._now.before(), f"“{found[0]}”", found.start())
        elif which in _THIS:
            self._accept(self._now, f"“{found[0]}”", found.start())
        elif which in _NEXT:
            self._unclear.append(f"“{found[0]}” has not begun yet")
        else:
            return found[0]
        return self._blank(found)

    def _names(self) -> None:
        """Read names word by word; what stands before and after a word tells whether it is meant as a month."""
        tokens = list(_TOKEN.finditer(self._text))
        words = [_folded(token[0]) for token in tokens]
        for i, word in enumerate(words):
            if not word.isalpha():
                continue
            number = _NUMBERS.get(word)
            year, used = self._year_after(words, tokens, i)
            led = i > 0 and words[i - 1] in _BEFORE
            if number is not None and (word not in _AMBIGUOUS or self._alone or year is not None or led):
                self._name(number, year, self._text[tokens[i].start() : tokens[i + used].end()], tokens[i].start())
            elif number is None and self._misspelt(word, year is not None, led):
                self._unclear.append(
                    f"“{self._text[tokens[i].start() : tokens[i + used].end()]}” is not a month that I know"
                )
            else:
                continue
            self._text = (
                self._text[: tokens[i].start()]
                + " " * (tokens[i + used].end() - tokens[i].start())
                + self._text[tokens[i + used].end() :]
            )

    def _year_after(self, words: list[str], tokens: list[re.Match[str]], i: int) -> tuple[int | None, int]:
        """The year that follows a word, and how many words that takes: "2026", "of 2026", "'26", "last year"."""
        after = words[i + 1 : i + 3]
        if after and re.fullmatch(_YEAR, after[0]):
            return int(after[0]), 1
        if after and tokens[i + 1][0][0] in "'’":
            return 2000 + int(after[0]), 1
        if after[:1] in (["of"], ["this"], ["dieses"]) and len(after) == 2:
            if after[0] == "of" and re.fullmatch(_YEAR, after[1]):
                return int(after[1]), 2
            if after[0] != "of" and after[1] in ("year", "jahres"):
                return self._now.year, 2
        if len(after) == 2 and after[0] in _LAST | {"letztes"} and after[1] in ("year", "jahres", "jahr"):
            return self._now.year - 1, 2
        if i > 0 and re.fullmatch(_YEAR, words[i - 1]):  # "2025 October"
            return int(words[i - 1]), 0
        return None, 0

    def _name(self, number: int, year: int | None, said: str, at: int) -> None:
        if year is None:
            this_year = Month(self._now.year, number)
            self._accept(this_year if this_year <= self._now else this_year.before(12), f"“{said}”", at)
        else:
            self._accept(Month(year, number), f"“{said}”", at)

    def _misspelt(self, word: str, dated: bool, led: bool) -> bool:
        """Whether a word that is no month was probably meant as one."""
        if word in self._known or word in _NOT_MONTHS or len(word) < 4:
            return False
        if word.endswith(("ember", "tober", "uary")):
            return True
        return (self._alone or dated or led) and bool(difflib.get_close_matches(word, _LONG_NAMES, n=1, cutoff=0.75))


_NOT_MONTHS = frozenset({"member", "remember", "actuary", "estuary", "ember"})


def _folded(word: str) -> str:
    """Lower case, umlauts written out, other accents dropped, no punctuation."""
    word = word.strip(" .,").lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return "".join(
        char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char) and char.isalnum()
    )


_NUMBERS: dict[str, int] = {
    **{_folded(name): i for i, name in enumerate(_ENGLISH, 1)},
    **{_folded(name): i for i, name in enumerate(_GERMAN, 1)},
    **{short: i for i, shorts in enumerate(_SHORT, 1) for short in shorts},
    **_MORE,
}
_LONG_NAMES = sorted({_folded(name) for name in (*_ENGLISH, *_GERMAN) if len(name) > 4})
