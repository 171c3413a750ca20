"""Cells of workbooks and tables that go out: a text stays a text."""

from __future__ import annotations

# What begins a formula or a command in Excel and its like, also in the wide forms of East Asian keyboards.
_SIGNS = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠", "−")


def may_be_formula(text: str) -> bool:
    """Whether a program might take a cell's text for a formula, also when somebody edits it later."""
    return text.lstrip(" \u00a0\n'\"").startswith(_SIGNS) or text.startswith(_SIGNS)
