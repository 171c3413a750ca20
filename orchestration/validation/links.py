"""Links in what goes out: only to allowed hosts, whatever way they are written; pictures from elsewhere never.

A mail or message is plain text, yet what a reader sees in it depends on the program: some read Markdown, all make
links of bare addresses. So both are looked for: Markdown by a parser, since `[a][b]`, `<https://...>` and entities can
be nested and defined elsewhere, and bare addresses by their look, since they belong to no language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestration.validation.hosts import is_top_level, shown_host
from orchestration.validation.text import visible

Allows = Callable[[str], bool]

# Longer texts are not parsed: what could be a link in Markdown loses its brackets instead.
LONGEST_PARSED = 40_000
_PASSES = 4
_HOSTED = r"(?:https?|wss?|ftps?|file):"
_END = r"[^\s<>\"]"
_BARE = re.compile(
    rf"""
      (?<![a-z0-9])(?:[a-z][a-z0-9+.-]{{0,30}}):(?://|\\\\){_END}*      # any scheme with a host
    | (?<![a-z0-9]){_HOSTED}{_END}+                   # these have one, however many slashes there are
    | (?<![a-z0-9])(?:javascript|vbscript|mailto|msteams|onenote|sip|callto|search|search-ms|ms-[a-z]+):{_END}+
    | (?<![a-z0-9])data:[a-z]+/[a-z0-9.+-]+[;,]{_END}*
    | (?<![a-z0-9.])www\d{{0,3}}\.{_END}+
    | (?<![\\])\\\\(?=[\w.?@$:-]+[\\/]){_END}*                            # a share: opening it sends a password's hash
    | (?<![\w:/\\])[/\\]{{2}}(?:[\w-]+\.)+{_END}+                         # whatever scheme the program uses itself
    | (?<![\w@./-])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?[/?\#]{_END}*
    | (?<![\w@./-])(?:[\w-]{{1,63}}\.)+(?P<top>[a-z][a-z0-9-]{{1,62}})\.?(?::\d+)?[/?\#]{_END}*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HINT = re.compile(r"[/\\\[<?#]|:\S|www", re.IGNORECASE)  # of most texts this says that there is nothing to look for
_WITH_HOST = re.compile(rf"^{_HOSTED}[/\\]*", re.IGNORECASE)
_TRAILING = ".,;:!?'*_)]}"
_NO_MARKDOWN = str.maketrans({"[": "(", "]": ")", "<": "‹", ">": "›"})


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    # As they are written, and also those that this parser would not make links of: others do.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


_MARKDOWN = _parser()


def without_links(text: str, allows: Allows) -> str:
    """The text as it may go out: visible, and each link elsewhere as what it says, with its host named.

    Args:
        text: Plain text or Markdown, several lines.
        allows: Whether a link may lead to an address.
    """
    text = visible(text)
    if not _HINT.search(text):
        return text
    for _ in range(_PASSES):
        if not strays(text, allows):
            return text
        if len(text) > LONGEST_PARSED:
            break
        text = _without_bare(_without_markdown(text, allows), allows)
    # Nested so that each pass bares another: whoever writes so is not owed any formatting.
    text = text.translate(_NO_MARKDOWN) if len(text) <= LONGEST_PARSED or _may_be_markdown(text) else text
    while (fewer := _without_bare(text, allows)) != text:
        text = fewer
    return text


def strays(text: str, allows: Allows) -> list[str]:
    """Addresses that a reader of the text could follow and may not, and those of pictures."""
    found = [match.group() for match in _bare(text) if not _may_stay(match.group(), allows)]
    if not _may_be_markdown(text):
        return found
    if len(text) > LONGEST_PARSED:
        return [*found, "(too long to be parsed)"]
    return [*found, *_marked_up(text, allows)]


def _bare(text: str) -> Iterator[re.Match[str]]:
    """What programs make links of; `report.pdf?` is none, since there is no such top-level domain."""
    place = 0
    while match := _BARE.search(text, place):
        if match["top"] and not is_top_level(match["top"]):
            place = match.end("top")
            continue
        yield match
        place = match.end()


def _may_be_markdown(text: str) -> bool:
    return ("[" in text and "]" in text) or "<" in text


def _marked_up(text: str, allows: Allows) -> Iterator[str]:
    for token in _inline(_MARKDOWN.parse(text)):
        for child in token.children or ():
            if child.type == "image":
                yield str(child.attrGet("src") or "")
            elif child.type == "link_open" and not allows(href := str(child.attrGet("href") or "")):
                yield href


def _inline(tokens: list[Token]) -> Iterator[Token]:
    return (token for token in tokens if token.type == "inline")


def _without_markdown(text: str, allows: Allows) -> str:
    """Paragraphs that hold a link elsewhere or a picture are written anew; all others stay as they are."""
    if not _may_be_markdown(text):
        return text
    lines = text.split("\n")
    for token in reversed(list(_inline(_MARKDOWN.parse(text)))):
        children = token.children or []
        strange = any(
            child.type == "image" or (child.type == "link_open" and not allows(str(child.attrGet("href") or "")))
            for child in children
        )
        if not strange or token.map is None:
            continue
        first, last = token.map
        # What stands before the paragraph's own words, such as a bullet or a quote's sign, stays before them.
        start = lines[first].rfind(token.content.split("\n")[0])
        lines[first:last] = (lines[first][: max(start, 0)] + _again(children, allows)).split("\n")
    return "\n".join(lines)


def _again(children: list[Token], allows: Allows) -> str:
    """The tokens of a paragraph as text, with what links say in place of links elsewhere."""
    parts: list[str] = []
    endings: list[tuple[str, bool]] = []  # of links: what follows, and whether what they say is left out
    for token in children:
        if token.type == "link_open":
            href = str(token.attrGet("href") or "")
            if allows(href):
                parts.append("[")
                endings.append((f"]({href})", False))
            else:
                bare = token.info == "auto"  # says nothing but its address
                # `Alex Wilber <alex@contoso.com>`: whom something goes to is never hidden.
                mail = href.removeprefix("mailto:") if bare and href.startswith("mailto:") else ""
                instead = f"({mail})" if mail and not set(mail) & set(":?") else removed(href)
                endings.append((instead if bare else f" {instead}", bare))
        elif token.type == "link_close":
            parts.append(endings.pop()[0])
        elif token.type == "image":
            parts.append(f"{token.content} {removed(str(token.attrGet('src') or ''), 'picture from')}".lstrip())
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "code_inline":
            parts.append(f"{token.markup}{token.content}{token.markup}")
        elif not endings or not endings[-1][1]:
            parts.append(token.content or token.markup)
    return "".join(parts)


def _without_bare(text: str, allows: Allows) -> str:
    parts, place = [], 0
    for match in _bare(text):
        found = match.group()
        if not _may_stay(found, allows):
            end = len(found.rstrip(_TRAILING))
            parts += [text[place : match.start()], removed(found[:end]), found[end:]]
            place = match.end()
    return "".join([*parts, text[place:]])


def _may_stay(found: str, allows: Allows) -> bool:
    address = found.rstrip(_TRAILING)
    return allows(address if "://" in address else f"https://{address.removeprefix('//')}")


def removed(url: str, what: str = "link to") -> str:
    """What stands in place of a link or picture: where it would have led, in words."""
    # The port of a share stands after an @, where others have the name of a user.
    url = url.replace("@", ":") if url.startswith("\\\\") else _WITH_HOST.sub("//", url)
    host = shown_host(url)
    return f"({what} {host} removed)" if host else "(link removed)"
