"""Every text has a German one that says the same about the same values, and the files are as the code is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from babel.messages.pofile import read_po

from bot.inbound import Command, read
from bot.language import LANGUAGES, extract, speaking
from bot.language.catalog import FOLDER
from tests.support.chat import MEGAN, activity

_VALUE = re.compile(r"\{\w*\}")


def translated() -> Iterator[tuple[str, str]]:
    """Each English text with its German one."""
    with (FOLDER / "de.po").open("rb") as file:
        for each in read_po(file, locale="de"):
            if not each.id:
                continue
            texts = [each.id] if isinstance(each.id, str) else each.id
            strings = [each.string] if isinstance(each.string, str) else each.string
            yield from zip(texts, strings, strict=True)


PAIRS = list(translated())


def test_no_text_is_without_a_translation() -> None:
    assert len(PAIRS) > 300
    assert extract.missing("de") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_as_the_code_is_and_hold_no_text_that_nobody_says(language: str) -> None:
    with (FOLDER / f"{language}.po").open("rb") as file:
        there = {each.id: each.string for each in read_po(file, locale=language) if each.id}
    wanted = {each.id: each.string for each in extract.updated(language) if each.id}
    assert there == wanted, "run python -m bot.language.extract"


def test_a_translation_names_the_same_values() -> None:
    different = [(one, other) for one, other in PAIRS if set(_VALUE.findall(one)) != set(_VALUE.findall(other))]
    assert different == []


def test_a_translation_is_a_sentence_where_the_text_is_one() -> None:
    for text, german in PAIRS:
        assert german == german.strip()
        ends = [re.sub(r"[“”„]", "", each)[-1:] in ".?!:…" for each in (text, german)]
        assert ends[0] == ends[1] or german.endswith(("Std.", "Min.")), (text, german)


def test_german_is_polite_and_quotes_as_germans_do() -> None:
    for _, german in PAIRS:
        assert not re.search(r"\b(du|dir|dich|dein\w*|euch|euer)\b", german, re.IGNORECASE), german
        assert not re.search(r"[\"”']", german) or "'UTC'" in german, german
        assert german.count("„") == german.count("“"), german


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_that_texts_tell_people_to_write_are_understood(language: str) -> None:
    texts = [text if language == "en" else german for text, german in PAIRS if "rite" in text]
    told = {word for text in texts for word in re.findall(r"(?:[Ww]rite|chreiben Sie[\w ]*) [“„']([^”“']+)[”“']", text)}
    assert len(told) >= 4
    with speaking(language):
        for word in told:
            assert isinstance(read(activity(MEGAN, text=word)).intent, Command), word
