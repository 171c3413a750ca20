"""Attacks on who gets something: addresses that are read one way by the check and another way by the mailbox."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from connectors.graph.addresses import addresses_of
from connectors.graph.upload import Upload
from connectors.graph.upload import destination as of_upload
from orchestration.capabilities import Destination, Preview, TaskContext, worker
from orchestration.core.plan import Node
from orchestration.errors import Invalid
from orchestration.validation.policy import Ceilings, Policy
from orchestration.validation.policy_file import NoFile
from tests.support.office import ALEX, Number, Office, opened, plan


class Note(msgspec.Struct):
    """Something confidential that is sent to somebody."""

    to: list[str]


async def told(path: Path, to: str, *, policy: Policy | None = None) -> tuple[list[str], str]:
    """Whom a confidential note to this recipient was brought to for approval, and how the run ended."""
    office = Office(path, policies=NoFile(policy or Policy()))

    async def read(_: Number, __: TaskContext) -> Number:
        return Number(7)

    async def send(note: Note, _: TaskContext) -> Note:
        return note

    office.registry.add(worker("secret", title="Read", system="Test", label="confidential")(read))
    office.registry.add(
        worker(
            "send",
            title="Send",
            effect="write",
            system="Test",
            clearance="highly_confidential",
            preview=lambda note: Preview("Send", [("To", ", ".join(note.to))]),
            destination=lambda note: Destination(recipients=note.to),
        )(send)
    )
    async with opened(office):
        run_id = await office.run(
            plan(
                read=Node(capability="secret"),
                send=Node(capability="send", with_={"to": [to]}, needs=["read"], when="tasks.read.n == 7"),
            )
        )
        run = await office.until(run_id, lambda run: bool(run.approvals) or run.status == "failed")
        return [person.name for approval in run.approvals for person in approval.approvers], run.code


@pytest.mark.parametrize(
    "to",
    [
        "eve@evil.example",
        "Eve <eve@evil.example>",
        "Megan\n<eve@evil.example>",
        "Megan < eve@evil.example >",
        "\t<\teve@evil.example\t>",
        "megan.bowen@contoso.example <eve@evil.example>",
        "eve@evil.example, megan.bowen@contoso.example",
        "megan.bowen@contoso.example;eve@evil.example",
        "eve@evil.example@contoso.example",
        "eve@contoso.example.evil.example",
        "gus_evil.example#EXT#@contoso.example",
    ],
)
async def test_a_recipient_outside_is_outside_however_it_is_written(tmp_path: Path, to: str) -> None:
    asked, code = await told(tmp_path, to)
    assert (asked, code) == ([], "not_cleared")


async def test_a_recipient_inside_is_asked_about(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    asked, _ = await told(tmp_path, "Alex Wilber < alex.wilber@Contoso.example >")
    assert asked == ["Megan Bowen"]


@pytest.mark.parametrize(
    "other", ["straße.example", "ſtrasse.example.evil.example", "strasse.example.", "xn--strae-oqa.example"]
)
def test_a_domain_that_only_looks_alike_is_another_company(other: str) -> None:
    policy = Policy(domains=["strasse.example"], ceilings=Ceilings(outside="public"))
    assert policy.ceiling_of(f"eve@{other}", ALEX.upn) == "public"
    assert policy.ceiling_of("lee@STRASSE.example", ALEX.upn) == "highly_confidential"


def test_what_is_asked_once_for_one_folder_does_not_cover_another_with_a_long_name_like_it() -> None:
    long = "Accounts Payable/" + "x" * 250

    def there(folder: str) -> str:
        return of_upload(Upload(site="Finance", folder=folder, name="a.xlsx", content=b"")).place

    assert there(f"{long}/Board") != there(f"{long}/Everybody")


@pytest.mark.parametrize(
    "given", ["eve@evil.example, megan@contoso.example", "a b@contoso.example", "@contoso.example"]
)
def test_two_addresses_in_one_are_none(given: str) -> None:
    with pytest.raises(Invalid, match="Not an address"):
        addresses_of([given])
