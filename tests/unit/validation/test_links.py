"""No text that goes out leads anywhere but to allowed hosts, however the link is written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestration.validation.links import LONGEST_PARSED, strays, without_links
from orchestration.validation.policy import Policy

OWN = "https://contoso.sharepoint.com/sites/Finance/Report.xlsx"
POLICY = Policy(hosts=["contoso.sharepoint.com", "*.teams.example", "localhost:3000"])
EVIL = "https://evil.example/x?d=secret"


def out(text: str) -> str:
    return without_links(text, POLICY.allows)


@pytest.mark.parametrize(
    "text",
    [
        "Nothing to see here, 10:30, a/b, v1.2, 3 < 4 and 5 > 4.",
        f"The report: {OWN}, and more.",
        f"See [the report]({OWN}).",
        "Mail alex.wilber@contoso.com or call.",
        "[1] a footnote, and f(x)[0]",
        "C:\\Users\\me and \\d+",
        "  indented\n\n- a\n- b\n\n> quoted\n",
        "http://localhost:3000/sites/x",
        "Is it in report.pdf? Or in plan.docx#2, or 3.5/4?",
        "Read https: it is safe.",
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert out(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"See [the list]({EVIL}) now", "See the list (link to evil(.)example removed) now"),
        (f"[the list][1] here\n\n[1]: {EVIL}", "the list (link to evil(.)example removed) here"),
        (f"[1]\n\n[1]: <{EVIL}> 'title'", "1 (link to evil(.)example removed)"),
        (f"<{EVIL}>", "(link to evil(.)example removed)"),
        (f"Look: {EVIL}.", "Look: (link to evil(.)example removed)."),
        (f"![logo]({EVIL})", "logo (picture from evil(.)example removed)"),
        (f"![]({OWN})", "(picture from contoso(.)sharepoint(.)com removed)"),
        (f'<img src="{EVIL}">', '<img src="(link to evil(.)example removed)">'),
        (f"`{EVIL}`", "(link to evil(.)example removed)"),
        ("www.evil.com/a?b=c", "(link to www(.)evil(.)com removed)"),
        ("evil.com/leak?d=1", "(link to evil(.)com removed)"),
        ("//evil.com/leak", "(link to evil(.)com removed)"),
        ("\\\\evil.com\\share\\x", "(link to evil(.)com removed)"),
        ("file://evil.com/share", "(link to evil(.)com removed)"),
        ("[x](javascript:alert(1))", "x (link removed)"),
        ("javascript:alert(1)", "(link removed)"),
        ("data:text/html;base64,AAAA", "(link removed)"),
        ("mailto:eve@evil.com?body=secret", "(link removed)"),
        ("ms-word:ofe|u|https://evil.com/x.docx", "(link"),
        ("https://contoso.sharepoint.com@evil.com/x", "(link to evil(.)com removed)"),
        ("https://contoso.sharepoint.com\\@evil.com/x", "removed)"),
        ("https://contoso.sharepoint.com./x", "(link to contoso(.)sharepoint(.)com removed)"),
        ("https://contoso.sharepoint.com.evil.com/", "(link to contoso(.)sharepoint(.)com(.)evil(.)com removed)"),
        ("https://contoso.sharepoint.com:8443/", "(link to contoso(.)sharepoint(.)com removed)"),
        ("http://contoso.sharepoint.com/", "(link to contoso(.)sharepoint(.)com removed)"),
        ("https://cоntoso.sharepoint.com/", "(link to xn--cntoso-wqf(.)sharepoint(.)com removed)"),
        ("https://teams.example/", "(link to teams(.)example removed)"),
        ("https&#58;//evil.com/x", "evil(.)com removed)"),
        ("[a](https&#58;//evil.com)", "(link"),
        (f"{OWN}?next=https://evil.com", "(link to contoso(.)sharepoint(.)com removed)"),
        ("ht\u200btps://evil.com/x", "(link to evil(.)com removed)"),
        (f"\\[a]({EVIL}) [b]({EVIL})", "b (link to evil(.)example removed)"),
        (f"[{OWN}](https://evil.com)", f"{OWN} (link to evil(.)com removed)"),
        ("evil.com?d=secret", "(link to evil(.)com removed)"),
        ("evil.com#secret", "(link to evil(.)com removed)"),
        ("report.pdf?evil.com/leak", "report.pdf?(link to evil(.)com removed)"),
        ("evil.systems/leak?d=1", "(link to evil(.)systems removed)"),
        ("evil.email./leak", "(link to evil(.)email removed)"),
        ("1.2.3.4/leak", "(link to 1(.)2(.)3(.)4 removed)"),
        ("https:evil.systems/x", "(link to evil(.)systems removed)"),
        ("https:/evil.systems/x", "(link to evil(.)systems removed)"),
        ("<img src=https:evil.systems/x>", "<img src=(link to evil(.)systems removed)>"),
        ("<img src=/\\evil.systems/x>", "<img src=(link to evil(.)systems removed)>"),
        ("\\\\evil.com@SSL\\DavWWWRoot\\x", "(link to evil(.)com removed)"),
        ("\\\\evil.com@80\\share", "(link to evil(.)com removed)"),
    ],
)
def test_a_link_elsewhere_becomes_what_it_says_and_where_it_would_lead(text: str, left: str) -> None:
    shown = out(text)
    assert left in shown
    assert strays(shown, POLICY.allows) == []


def test_only_the_paragraph_with_the_link_is_written_anew() -> None:
    text = f"* keep *this* `code`\n- item [x]({EVIL})\n\n> and [y]({OWN})"
    assert out(text) == f"* keep *this* `code`\n- item x (link to evil(.)example removed)\n\n> and [y]({OWN})"


def test_a_long_text_loses_its_brackets_where_it_is_not_parsed() -> None:
    text = "word " * (LONGEST_PARSED // 4) + f"[a][b] and {OWN}\n\n[b]: {EVIL}"
    assert out(text).endswith(f"(a)(b) and {OWN}\n\n(b): (link to evil(.)example removed)")


PIECES = st.sampled_from(
    [
        "[",
        "]",
        "(",
        ")",
        "![",
        "](",
        "][",
        "]:",
        "<",
        ">",
        "`",
        "*",
        "_",
        "\\",
        "\n",
        "\n\n",
        "- ",
        "> ",
        "    ",
        " ",
        '"',
        "a",
        "[a]",
        "[a]: ",
        "https://",
        "http:",
        "//",
        "evil.com",
        "evil.systems",
        "a.pdf",
        "?",
        "#",
        "/x?d=1",
        EVIL,
        OWN,
        "www.",
        "javascript:",
        "data:a/b,",
        "&#58;",
        "&colon;",
        "&#x2f;",
        "%2f",
        "@",
        ":",
        ".",
        "\u200b",
        "\u202e",
        "\r",
        "\t",
        "|",
        "~",
        "<a href=",
        "<img src=",
        "contoso.sharepoint.com",
        "\\\\",
        "mailto:x@y.zz",
        "(.)",
        "(link to evil(.)com removed)",
        "xn--a.com/",
        "\ufe0f",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
@example("[a][(.)]\n\n[(.)]: x")
@example("[[a](b)](c)")
@example(f"[![x]({EVIL})]({OWN})")
def test_nothing_leads_elsewhere_however_it_is_nested(text: str) -> None:
    left = out(text)
    assert strays(left, POLICY.allows) == []
    assert out(left) == left
    for token in MarkdownIt("commonmark").parse(left):
        for child in token.children or []:
            assert child.type != "image"
            if child.type == "link_open":
                assert POLICY.allows(str(child.attrGet("href")))
