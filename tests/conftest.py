"""What every test shares."""

from __future__ import annotations

import os

import pytest

from connectors import wire


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by the folder they are in, so that no file can forget to."""
    for item in items:
        folders = item.path.parts
        if "e2e" in folders:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif "integration" in folders:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_this_machine() -> None:
    """No test meets a tenant, a proxy or a telemetry sink that the developer's shell happens to name."""
    foreign = ("TANDEM_", "AZURE_", "APPLICATIONINSIGHTS_", "OTEL_", "OPENAI_")
    for name in [name for name in os.environ if name.startswith(foreign) or name.lower().endswith("_proxy")]:
        del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _no_model_elsewhere() -> None:
    """No test asks a language model on another machine, whatever its settings say."""
    wire.ALLOW_MODEL_REQUESTS = False
