"""Tells what a person says from what they only quote: what a thing is called, or what somebody else wrote."""

from __future__ import annotations

import re

# What opens a quotation => what closes it. An apostrophe within a word does neither.
_CLOSES = {
    "“": re.compile("”"),
    "„": re.compile("[“”]"),
    "«": re.compile("»"),
    "»": re.compile("«"),
    "‘": re.compile(r"’(?!\w)"),
    "‚": re.compile(r"[‘’](?!\w)"),
    '"': re.compile('"'),
    "'": re.compile(r"'(?!\w)"),
    "```": re.compile("```"),
    "`": re.compile("`"),
}
_OPENS = re.compile(r"```|[“„«»‘‚\"`]|(?<!\w)'")
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)


def without_quotations(text: str) -> tuple[list[str], list[str]]:
    """The passages that a person says, and those that they quote, in order; in time that grows with the text only.

    A quotation that is never closed is none.
    """
    text = _QUOTED_LINE.sub("“”", text)
    own: list[str] = []
    quoted: list[str] = []
    never: set[str] = set()  # what is closed nowhere further on
    begin = at = 0
    while opening := _OPENS.search(text, at):
        mark, at = opening.group(), opening.end()
        closing = None if mark in never else _CLOSES[mark].search(text, at)
        if closing is None:
            never.add(mark)
            continue
        own.append(text[begin : opening.start()])
        quoted.append(text[at : closing.start()].strip())
        begin = at = closing.end()
    return [*own, text[begin:]], quoted
