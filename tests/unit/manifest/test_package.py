"""The Teams app package, against Microsoft's own schema."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.bootstrap import PLAYBOOKS
from bot.inbound import Command, read
from manifest import icons
from manifest.package import HERE, ICON_SIZES, Unfit, fill, package, placeholders, problems
from orchestration.planning.loader import load
from orchestration.planning.matching import Matcher
from tests.support.chat import MEGAN, activity

VALUES = {
    "DEVELOPER_NAME": 'Contoso "Ltd"',
    "DEVELOPER_PRIVACY_URL": "https://contoso.example/privacy",
    "DEVELOPER_TERMS_URL": "https://contoso.example/terms",
    "DEVELOPER_WEBSITE_URL": "https://contoso.example",
    "TANDEM_APP_ID": "22222222-2222-4222-8222-222222222222",
    "TANDEM_HOSTNAME": "tandem.contoso.example",
    "TANDEM_SSO_APP_ID": "33333333-3333-4333-8333-333333333333",
    "TEAMS_APP_ID": "44444444-4444-4444-8444-444444444444",
}
FILES = {name: (HERE / f"{name}.png").read_bytes() for name in ICON_SIZES}


@pytest.fixture
def manifest() -> dict[str, Any]:
    return json.loads(fill((HERE / "manifest.json").read_text("utf-8"), VALUES))


def test_teams_takes_the_manifest(manifest: dict[str, Any]) -> None:
    assert list(problems(manifest, FILES)) == []


def test_every_word_that_teams_offers_is_one_that_the_bot_listens_to(manifest: dict[str, Any]) -> None:
    offered = [each for offer in manifest["bots"][0]["commandLists"] for each in offer["commands"]]
    words = [each["title"] for each in offered if each.get("type") != "prompt"]
    assert {"help", "status", "my approvals", "cancel", "sign out"} <= set(words)
    for word in words:
        assert isinstance(read(activity(MEGAN, text=word)).intent, Command), f"{word!r} would be taken for a goal"


def test_every_prompt_that_teams_offers_is_understood(manifest: dict[str, Any]) -> None:
    offered = [each for offer in manifest["bots"][0]["commandLists"] for each in offer["commands"]]
    matcher = Matcher(load(PLAYBOOKS).values())
    for prompt in {each["prompt"] for each in offered if each.get("type") == "prompt"}:
        assert matcher.best(prompt), f"no playbook takes {prompt!r}"


def test_every_placeholder_is_known_here() -> None:
    assert placeholders((HERE / "manifest.json").read_text("utf-8")) == sorted(VALUES)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(Unfit, match="TANDEM_APP_ID has no value") as caught:
        package({**VALUES, "TANDEM_APP_ID": "", "TEAMS_APP_ID": ""})

    assert len(caught.value.problems) == 2


def test_a_value_that_is_no_app_id_is_refused() -> None:
    with pytest.raises(Unfit, match=r"bots/0/botId"):
        package({**VALUES, "TANDEM_APP_ID": "tandem"})


@pytest.mark.parametrize("domain", ["https://tandem.contoso.example", "*", "*.azurecontainerapps.io"])
def test_a_domain_that_lets_in_others_is_refused(manifest: dict[str, Any], domain: str) -> None:
    assert any("validDomains" in problem for problem in problems(manifest | {"validDomains": [domain]}, FILES))


def test_an_unknown_property_is_refused(manifest: dict[str, Any]) -> None:
    manifest["bots"][0]["suportsFiles"] = True

    assert any("suportsFiles" in problem for problem in problems(manifest, FILES))


def test_an_icon_of_the_wrong_size_is_refused(manifest: dict[str, Any]) -> None:
    assert list(problems(manifest, FILES | {"color": FILES["outline"]})) == [
        "icons/color is 32 by 32, and must be 192 by 192"
    ]


def test_the_package_holds_manifest_and_icons_at_its_root_and_is_the_same_each_time() -> None:
    made = package(VALUES)

    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.namelist() == ["manifest.json", "color.png", "outline.png"]
        assert json.loads(archive.read("manifest.json"))["developer"]["name"] == 'Contoso "Ltd"'
    assert package(VALUES) == made


def test_the_outline_is_white_on_transparent() -> None:
    with Image.open(HERE / "outline.png") as outline:
        colours = outline.convert("RGBA").getcolors() or []

    assert any(alpha == 0 for _, (*_, alpha) in colours)
    assert {tuple(rgb) for _, (*rgb, alpha) in colours if alpha} == {(255, 255, 255)}


@pytest.mark.parametrize("name", sorted(ICON_SIZES))
def test_the_icons_are_what_their_script_draws(name: str) -> None:
    drawn = {"color": icons.color, "outline": icons.outline}[name]().convert("RGBA")

    with Image.open(HERE / f"{name}.png") as kept:
        assert kept.convert("RGBA").tobytes() == drawn.tobytes()


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    given = [f"{name}={value}" for name, value in VALUES.items() if name != "TEAMS_APP_ID"]
    made = tmp_path / "tandem.zip"
    command = [sys.executable, "-m", "manifest.package", "--out", str(made)]

    refused = subprocess.run([*command, *given], check=False, capture_output=True, text=True)
    taken = subprocess.run(
        [*command, *given, f"TEAMS_APP_ID={VALUES['TEAMS_APP_ID']}"], check=False, capture_output=True
    )

    assert (refused.returncode, "TEAMS_APP_ID has no value" in refused.stderr) == (1, True)
    assert taken.returncode == 0
    assert zipfile.is_zipfile(made)
