"""Texts by language, read from a `.po` file once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent


class Catalog:
    """One language's texts; what has none of its own is English as it stands in the code.

    Args:
        language: Such as `de`.
    """

    def __init__(self, language: str) -> None:
        with (FOLDER / f"{language}.po").open("rb") as file:
            read = read_po(file, locale=language)
        self._texts: dict[str, tuple[str, ...]] = {}
        for message in read:
            if not message.id or message.fuzzy:
                continue
            first = message.id[0] if isinstance(message.id, tuple | list) else message.id
            found = message.string if isinstance(message.string, tuple | list) else (message.string,)
            if all(found):
                self._texts[first] = tuple(str(each) for each in found)

    def text(self, text: str) -> str:
        """The text in this language."""
        return self._texts.get(text, (text,))[0]

    def counted(self, one: str, many: str, count: int) -> str:
        """The text for this number of things; English and German know one and many."""
        found = self._texts.get(one, (one, many))
        return found[0] if count == 1 else found[-1]


@cache
def catalog(language: str) -> Catalog:
    """The catalog of a language."""
    return Catalog(language)
