"""Every write that ships says how a person undoes it."""

from __future__ import annotations

from connectors.graph.client import GraphClient, GraphSettings
from connectors.graph.workers import workers


def test_every_write_says_how_a_person_undoes_it() -> None:
    client = GraphClient(GraphSettings(url="http://127.0.0.1:9/v1.0", scope="x"), None)  # type: ignore[arg-type]
    writes = [each for each in workers(client) if each.capability.effect == "write"]
    assert len(writes) >= 6
    assert [each.name for each in writes if not each.compensation.endswith(".")] == []
