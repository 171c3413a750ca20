"""What a person has said in their own words: whom and what a plan may name because they named it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from orchestration.planning.matching import words
from orchestration.planning.quoted import without_quotations
from orchestration.validation.hosts import ascii_host, destination

ADDRESS = re.compile(r"[\w.+'#-]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63})*", re.ASCII)
# Between names, and around addresses: says nothing by itself.
GLUE = re.compile(r"[\s<>(),;:&\"]*")
_HOST = re.compile(r"(?<![\w@.-])(?:[\w-]{1,63}\.)+[a-z][\w-]{1,62}(?![\w-])", re.IGNORECASE)
_SEPARATORS = re.compile(r"[<>(),;&]|\band\b|\bund\b|\bor\b|\boder\b", re.IGNORECASE)


class Spoken:
    """The words that count as a person's own: what they said, and what was agreed with them before.

    What stands in quotation marks counts only as a whole: `"Adele Vance"` names her, and a file that is called
    `"Write to Eve"` does not name Eve.

    Args:
        texts: Each by itself: a name must be found within one of them.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._said: list[str] = []
        self._whole: set[str] = set()
        self._addresses: set[str] = set()
        self._hosts: set[str] = set()
        for text in texts:
            self._take(unicodedata.normalize("NFKC", text))

    def _take(self, text: str) -> None:
        own, quoted = without_quotations(text)
        for each in quoted:
            self._whole.add(" ".join(words(each)))
            if ADDRESS.fullmatch(each) or _HOST.fullmatch(each):
                self._name(each)
            self._hosts |= {destination(each).partition(":")[0]} - {""}
        # No name is made of what stands around a quotation.
        for each in own:
            self._name(each)
            self._said.append(f" {' '.join(words(each))} ")

    def _name(self, text: str) -> None:
        self._addresses |= {found.casefold().strip(".'") for found in ADDRESS.findall(text)}
        self._hosts |= {ascii_host(found) for found in _HOST.findall(text)} - {""}

    def and_also(self, texts: Iterable[str]) -> Spoken:
        """These words and more."""
        more = Spoken(texts)
        more._said += self._said
        more._whole |= self._whole
        more._addresses |= self._addresses
        more._hosts |= self._hosts
        return more

    def has_address(self, address: str) -> bool:
        """Whether just this mail address was said."""
        return address.casefold().strip(".'") in self._addresses

    def has_link(self, url: str) -> bool:
        """Whether the host to which an address of the web leads was said, by itself or in a link."""
        host = destination(url)
        return bool(host) and host.partition(":")[0] in self._hosts

    def has_words(self, text: str) -> bool:
        """Whether these words were said, in this order and without others between them; true of none at all."""
        wanted = " ".join(words(text))
        return not wanted or wanted in self._whole or any(f" {wanted} " in said for said in self._said)

    def has_any(self, names: Iterable[str]) -> bool:
        """Whether any of these words was said, also with an ending of the plural or of German grammar."""
        return any(re.search(rf" {name}(?:s|es|in|n|en|rn)? ", said) for name in names for said in self._said)

    def unsaid(self, text: str) -> list[str]:
        """The names and addresses of a text that were not said; names may be joined by commas and "and"."""
        found = [each for each in ADDRESS.findall(text) if not self.has_address(each)]
        rest = ADDRESS.sub(",", text)
        if "@" in rest:  # what is no whole address may become one
            return [*found, rest.strip()]
        parts = [part.strip() for part in _SEPARATORS.split(rest)]
        return found + [part for part in parts if not GLUE.fullmatch(part) and not self._has_name(part)]

    def _has_name(self, name: str) -> bool:
        # A name in letters that no word is made of would be taken for none at all.
        return bool(words(name)) and self.has_words(name)
