"""Brings the language files up to date with the code: `python -m bot.language.extract`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.language.catalog import FOLDER
from bot.language.spoken import LANGUAGES

CODE = FOLDER.parent
_HEAD = """# What Tandem says. Empty means: as in the code.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
Texts = dict[str | tuple[str, str], list[str]]  # text, or the one for one and for many => files that use it


def texts() -> Texts:
    """Every text in the code of the bot.

    Raises:
        SystemExit: A text is put together where it is used, so that nobody could translate it.
    """
    found: Texts = {}
    for path in sorted(CODE.rglob("*.py")):
        for text in _of(path):
            found.setdefault(text, []).append(path.relative_to(CODE.parent).as_posix())
    return {text: sorted(set(places)) for text, places in found.items()}


def _of(path: Path) -> Iterator[str | tuple[str, str]]:
    code = path.read_text("utf-8")
    if "from bot.language import" not in code or path.parent == FOLDER:
        return
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        count = {"say": 1, "say_count": 2}.get(node.func.id, 0)
        given = [each.value for each in node.args[:count] if isinstance(each, ast.Constant)]
        if count and len(given) != count:
            raise SystemExit(f"{path}:{node.lineno}: write the whole text here, with {{names}} for what varies")
        if count:
            yield str(given[0]) if count == 1 else (str(given[0]), str(given[1]))


def updated(language: str) -> Catalog:
    """The file of a language as it should be: every text of the code, with the translations that are there."""
    path = FOLDER / f"{language}.po"
    with path.open("rb") as file:
        before = read_po(file, locale=language)
    after = Catalog(locale=language, fuzzy=False)
    for text, places in sorted(texts().items(), key=lambda each: str(each[0])):
        known = before.get(text if isinstance(text, str) else text[0])
        after.add(text, known.string if known else None, [(place, 0) for place in places])
    return after


def missing(language: str) -> list[str]:
    """Texts of the code that a language has no translation for, as far as it needs one."""
    return [str(each.id) for each in updated(language) if each.id and language != "en" and not _translated(each.string)]


def _translated(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)


def main() -> int:
    """Write the files; say what is not translated."""
    for language in LANGUAGES:
        catalog = updated(language)
        with (FOLDER / f"{language}.po").open("wb") as file:
            file.write(_HEAD.format(language=language).encode())
            write_po(file, catalog, width=120, omit_header=True, include_lineno=False)
        for text in missing(language):
            sys.stderr.write(f"{language}: {text}\n")
    return 1 if any(missing(language) for language in LANGUAGES) else 0


if __name__ == "__main__":
    sys.exit(main())
