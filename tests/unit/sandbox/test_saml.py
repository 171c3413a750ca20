from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import Person, load
from connectors.sandbox.keys import SigningKey
from connectors.sandbox.saml import AssertionRefused, issue, verify

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HERE = "http://127.0.0.1:56201/sap/bc/sec/oauth2/token"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SigningKey, SigningKey]:
    folder: Path = tmp_path_factory.mktemp("keys")
    return SigningKey(folder / "a.pem", "a"), SigningKey(folder / "b.pem", "b")


@pytest.fixture
def megan() -> Person:
    return load(CONTOSO).people["megan"]


def test_an_assertion_names_its_person(keys: tuple[SigningKey, SigningKey], megan: Person) -> None:
    made = issue(megan, keys[0], HERE, NOW)
    assert verify(made, keys[0], HERE, NOW + timedelta(minutes=4)) == "megan.bowen@contoso.example"


def test_an_assertion_of_another_issuer_is_refused(keys: tuple[SigningKey, SigningKey], megan: Person) -> None:
    with pytest.raises(AssertionRefused, match="trusted issuer"):
        verify(issue(megan, keys[1], HERE, NOW), keys[0], HERE, NOW)


@pytest.mark.parametrize("minutes", [-1, 5, 60])
def test_an_assertion_is_refused_outside_its_time(
    keys: tuple[SigningKey, SigningKey], megan: Person, minutes: int
) -> None:
    with pytest.raises(AssertionRefused, match="not valid at this time"):
        verify(issue(megan, keys[0], HERE, NOW), keys[0], HERE, NOW + timedelta(minutes=minutes))


def test_an_assertion_for_another_system_is_refused(keys: tuple[SigningKey, SigningKey], megan: Person) -> None:
    with pytest.raises(AssertionRefused, match="another system"):
        verify(issue(megan, keys[0], "http://elsewhere/token", NOW), keys[0], HERE, NOW)


def test_nothing_of_an_assertion_can_be_changed_or_added(keys: tuple[SigningKey, SigningKey], megan: Person) -> None:
    made = issue(megan, keys[0], HERE, NOW)
    signature = made[made.index(b"<ds:Signature") : made.index(b"</ds:Signature>") + len(b"</ds:Signature>")]
    wrapped = b"<x>" + made + b"</x>"
    changes = [
        made.replace(b"megan.bowen", b"lee.gu"),
        made.replace(signature, b""),
        made.replace(signature, signature + signature),
        wrapped,
        made + b"<!-- more -->",
    ]
    for changed in changes:
        assert changed != made
        with pytest.raises(AssertionRefused):
            verify(changed, keys[0], HERE, NOW)
