"""What somebody is about to allow is shown whole."""

from __future__ import annotations

from bot.cards.layout import contents, facts

MAIL = [("To", "Alex Wilber"), ("Cc", ""), ("Subject", "Close"), ("Text", "Hello,\n\n[x](https://x.example)\nMegan")]


def shown(pairs: list[tuple[str, str]]) -> list[dict[str, object]]:
    return [each.model_dump(by_alias=True, exclude_none=True) for each in contents(pairs)]


def test_short_values_are_lines_and_a_longer_text_keeps_its_own_in_a_box() -> None:
    lines, heading, box = shown(MAIL)
    assert [fact["title"] for fact in lines["facts"]] == ["To", "Subject"]  # type: ignore[index, attr-defined]
    assert heading["text"] == "Text"
    assert box["type"] == "Container"
    said = [(row["inlines"][0]["text"], row["spacing"]) for row in box["items"]]  # type: ignore[attr-defined]
    assert said == [("Hello,", "None"), ("[x](https://x.example)", "Medium"), ("Megan", "None")]


def test_many_recipients_are_shown_to_the_last() -> None:
    everybody = ", ".join(f"person.number{i}@contoso.example" for i in range(40))
    _, box = shown([("To", everybody)])
    assert everybody.endswith("number39@contoso.example")
    assert everybody in str(box)


def test_a_text_without_end_says_how_much_is_left_out() -> None:
    _, box = shown([("Text", "line\n" * 200)])
    assert "and 140 more lines not shown here" in str(box)


def test_a_value_that_is_empty_has_no_line() -> None:
    assert facts([("Files", ""), ("Mail", " ")]) == []
    assert contents([("Cc", "")]) == []
