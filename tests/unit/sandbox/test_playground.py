from pathlib import Path

import msgspec
import pytest
import yaml

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import Tenant, load
from connectors.sandbox.playground import FILE, config, write_config


def shrunk(tenant: Tenant, *keys: str) -> Tenant:
    return msgspec.structs.replace(tenant, people={key: tenant.people[key] for key in keys})


@pytest.mark.parametrize("keys", [("megan",), ("megan", "alex"), ("megan", "alex", "lee", "adele", "diego")])
def test_there_are_exactly_five_other_users_with_different_ids(keys: tuple[str, ...]) -> None:
    tenant = shrunk(load(CONTOSO), *keys)
    made = config(tenant, tenant.people["megan"])
    ids = [made["currentUser"]["id"], *(user["id"] for user in made["users"])]
    assert len(ids) == len(set(ids)) == 6
    team = made["team"]
    chats = [made["personalChat"]["id"], made["groupChat"]["id"], team["id"], *(c["id"] for c in team["channels"])]
    assert len(chats) == len(set(chats))


def test_two_windows_have_two_people_and_two_personal_chats(tmp_path: Path) -> None:
    tenant = load(CONTOSO)
    made = {}
    for key in ("megan", "alex"):
        folder = write_config(tmp_path / key, tenant, tenant.people[key])
        made[key] = yaml.safe_load((folder / FILE).read_text())
        assert made[key]["currentUser"]["aadObjectId"] == tenant.people[key].id
    assert made["megan"]["personalChat"] != made["alex"]["personalChat"]
    assert made["megan"]["groupChat"] == made["alex"]["groupChat"]
