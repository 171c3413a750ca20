"""What people see is all there is in a text, and untrusted text is never read as Markdown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestration.errors import Invalid
from orchestration.validation.cells import may_be_formula
from orchestration.validation.names import name_of, path_of
from orchestration.validation.text import clean, escaped, plain, visible, web_link


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("in\u200bvis\u00adible\u2060 \ufeffink", "invisible ink"),
        ("user\u202egpj.exe", "usergpj.exe"),
        ("\u2066a\u2069\u061cb\u200f", "ab"),
        ("tags\U000e0041\U000e0042\U000e007f", "tags"),
        ("bits\ufe0f\ufe0e\u200d\u200c\u200d", "bits"),
        ("l\u200de\u200ca\u200dk", "leak"),
        ("selectors\U000e0100\U000e01ef", "selectors"),
        ("fill\u3164er\u115f\u1160\uffa0\u2800", "filler"),
        ("half\ud800", "half"),
        ("private\ue000\U000f0000", "private"),
        ("a\x00b\x1b[31mc\x85d", "ab[31mcd"),
        ("one\r\ntwo\rthree\ttab", "one\ntwo\nthree\ttab"),
        ("👩\u200d👩\u200d👧 ❤\ufe0f 🏳\ufe0f\u200d🌈", "👩\u200d👩\u200d👧 ❤\ufe0f 🏳\ufe0f\u200d🌈"),
        ("نمی\u200cخواهم क्\u200dष", "نمی\u200cخواهم क्\u200dष"),
        ("Müller & Söhne – 100 €", "Müller & Söhne – 100 €"),
    ],
)
def test_only_what_can_be_seen_is_left(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text())
def test_nothing_invisible_is_ever_left(text: str) -> None:
    left = visible(text)
    assert visible(left) == left
    assert not [c for c in left if unicodedata.category(c) in ("Cc", "Cs", "Co") and c not in "\n\t"]
    assert not set(left) & set("\u200b\u2060\ufeff\u00ad\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert "\n" not in clean(text)
    assert len(clean(text, 50)) <= 50
    assert len(plain(text, 50)) <= 51


@given(st.text(alphabet="[]()!<>&#*_`~|\\/:.=+-0123456789 \nahtpswjavc\"'@", max_size=80))
def test_escaped_text_is_never_a_link_a_picture_or_formatting(text: str) -> None:
    kinds = {
        child.type
        for token in MarkdownIt("commonmark").parse(escaped(text))
        for child in [token, *(token.children or [])]
    }
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://bank.com@evil.example/",
        "https://evil.example./",
        "https://e\u200bvil.example/",
        "https://a b/",
        "http://evil.example/",
        "https:\\\\evil.example",
        "//evil.example",
        "https://",
        "https://x:99999/",
        "https://a%2eb.example/",
        "https://x.example/" + "a" * 3000,
    ],
)
def test_only_ordinary_addresses_are_links(url: str) -> None:
    assert web_link(url) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "..\\b",
        "a:b",
        "a*",
        'a"b',
        "a|b",
        " a",
        "a ",
        "a.",
        "~$a.docx",
        "con",
        "NUL.xlsx",
        "com1.txt",
        "LPT9",
        "desktop.ini",
        ".lock",
        "_vti_x",
        "x_vti_y",
        "invoice\u202exslx.exe",
        "a\u200b.xlsx",
        "a\nb",
        "a\x00",
        "a\tb",
        "x" * 256,
        "soft\u00adhyphen.xlsx",
    ],
)
def test_a_name_that_tricks_is_none(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be a name"):
        name_of(name)


@pytest.mark.parametrize("path", ["../x", "a/../b", "a/..", "/", "", "a/con/b", "..", "./a", "a\\..\\b", "a/ b"])
def test_a_path_never_leads_upwards(path: str) -> None:
    with pytest.raises(Invalid):
        path_of(path)


@given(st.text(max_size=40))
def test_a_path_that_is_taken_has_ordinary_parts(text: str) -> None:
    try:
        path = path_of(text)
    except Invalid:
        return
    assert all(part and part not in (".", "..") and name_of(part) == part for part in path.split("/"))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\n=1",
        "'=1",
        '"=1"',
        "＝1",
        "|x",
        "%x",
        "−1",
    ],
)
def test_what_a_program_might_run_is_known(text: str) -> None:
    assert may_be_formula(text)


@pytest.mark.parametrize("text", ["", "Nordwind", "1.5", "a=b", "2026-10", "(5)"])
def test_ordinary_texts_are_no_formulas(text: str) -> None:
    assert not may_be_formula(text)
