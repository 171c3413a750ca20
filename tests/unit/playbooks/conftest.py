"""A desk at which one playbook runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.office import opened
from tests.unit.playbooks.desk import Desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(Desk(tmp_path)) as office:
        assert isinstance(office, Desk)
        yield office
