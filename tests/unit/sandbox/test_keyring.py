"""What the sandbox keeps secret."""

from __future__ import annotations

import json
from pathlib import Path

from connectors.sandbox.keys import Keyring


def test_a_state_folder_of_before_gets_the_secrets_that_are_new_and_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"app": "a", "sso": "b", "sap": "c", "control": "d"}))

    first = Keyring(tmp_path).secrets
    second = Keyring(tmp_path).secrets

    assert (first.app, first.sso, first.sap, first.control) == ("a", "b", "c", "d")
    assert len(first.model) > 20
    assert second == first
    assert file.stat().st_mode & 0o077 == 0
