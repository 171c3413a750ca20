import pytest

from connectors.sandbox.guard import AZURE_SETTINGS, refuse_in_the_cloud
from orchestration.errors import Refused


@pytest.mark.parametrize("name", AZURE_SETTINGS)
def test_the_sandbox_does_not_start_where_azure_is(name: str) -> None:
    with pytest.raises(Refused, match=name):
        refuse_in_the_cloud({name: "x", "PATH": "/bin"})


def test_the_sandbox_starts_on_a_developers_machine() -> None:
    refuse_in_the_cloud({"PATH": "/bin", "IDENTITY_ENDPOINT": "", "AZURE_TENANT_ID": "mine"})
