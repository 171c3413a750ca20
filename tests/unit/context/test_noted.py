from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.context.flow import Flow
from orchestration.context.noted import MOST_KEPT, Noted
from orchestration.core.label import LABELS, Label, Source, highest, label_named, within
from orchestration.errors import Invalid

LABEL = st.sampled_from(LABELS)


@given(given_=LABEL, tainted=st.booleans(), noted=st.lists(st.tuples(LABEL, st.booleans())), default=LABEL)
def test_nothing_a_worker_notes_lowers_the_label_or_the_taint_of_its_arguments(
    given_: Label, tainted: bool, noted: list[tuple[Label, bool]], default: Label
) -> None:
    notes = Noted()
    for label, outside in noted:
        notes.add(Source("x", "y", label=label, outside=outside))
    label, taint = notes.result(Flow(["entry"], given_, tainted), default)
    assert label == highest([given_, *([each for each, _ in noted] or [default])])
    assert taint == (tainted or any(outside for _, outside in noted))


def test_of_many_sources_the_first_few_are_kept_and_the_labels_of_all_count() -> None:
    notes = Noted()
    for number in range(MOST_KEPT + 5):
        notes.add(Source(f"file {number}", "SharePoint"))
    notes.add(Source("the last one", "SharePoint", label="highly_confidential", outside=True))
    assert len(notes.sources) == MOST_KEPT
    assert notes.result(Flow([]), "internal") == ("highly_confidential", True)


def test_the_same_source_twice_is_one_with_the_stricter_word_about_it() -> None:
    notes = Noted()
    notes.add(Source("file", "SharePoint", "link", label="confidential"))
    notes.add(Source("file", "SharePoint", "link", label="public", outside=True))
    assert notes.sources == [Source("file", "SharePoint", "link", label="confidential", outside=True)]


def test_a_title_as_long_as_a_mail_is_cut() -> None:
    notes = Noted()
    notes.add(Source("x" * 10_000, "Outlook"))
    assert len(notes.sources[0].title) == 120


def test_what_is_public_and_alone_stays_public() -> None:
    notes = Noted()
    notes.add(Source("price list", "SharePoint", label="public"))
    assert notes.result(Flow([]), "internal") == ("public", False)


@given(LABEL, LABEL)
def test_a_label_is_within_a_ceiling_exactly_if_it_is_not_above_it(label: Label, ceiling: Label) -> None:
    assert within(label, ceiling) == (highest([label, ceiling]) == ceiling)


def test_a_label_that_does_not_exist_is_named_with_those_that_do() -> None:
    assert label_named("confidential") == "confidential"
    with pytest.raises(Invalid, match=r"'secret' is no label: it is one of public, internal"):
        label_named("secret")
