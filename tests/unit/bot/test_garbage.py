from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bot import garbage


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("as_before")
def test_what_is_loaded_is_not_walked_any_more() -> None:
    before = [[number] for number in range(1000)]
    garbage.settle()
    walked = {id(each) for each in gc.get_objects()}
    assert not [each for each in before if id(each) in walked]
    assert gc.get_threshold() == garbage.THRESHOLDS
