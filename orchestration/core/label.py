"""How sensitive something is, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from orchestration.errors import Invalid

Label = Literal["public", "internal", "confidential", "highly_confidential"]
LABELS: tuple[Label, ...] = ("public", "internal", "confidential", "highly_confidential")
UNLABELLED: Label = "internal"  # what nobody has labelled is the company's own


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was read outside.

    Attributes:
        title: What people call it, such as a file's name.
        system: Where it is, such as "SharePoint".
        link: Opens it; empty if nothing does.
        label: How sensitive it is there.
        reader: Id of the person as whom it was read.
        outside: Somebody outside the company wrote it, or may have: what it says is never taken as a wish of ours.
    """

    title: str
    system: str
    link: str = ""
    label: Label = UNLABELLED
    reader: str = ""
    outside: bool = False


def label_named(text: str) -> Label:
    """The label of this name.

    Raises:
        Invalid: There is none.
    """
    for each in LABELS:
        if each == text:
            return each
    raise Invalid(f"{text!r} is no label: it is one of {', '.join(LABELS)}")


def highest(labels: Iterable[Label]) -> Label:
    """The most sensitive of several labels; `public` of none."""
    return max(labels, key=LABELS.index, default="public")


def within(label: Label, ceiling: Label) -> bool:
    """Whether something with this label may go where `ceiling` is the most that may."""
    return LABELS.index(label) <= LABELS.index(ceiling)
