"""The whole product on a tenant in which somebody has planted things."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiohttp import web

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import load
from connectors.sandbox.server import Sandbox
from tests.attacks.planted import CELL, DOCUMENT, FILE_NAME, MAIL, NUMBER
from tests.integration.bot.conftest import Playground
from tests.integration.sign_in import conftest as whole
from tests.integration.sign_in.conftest import Product


def plant(tenant: Path) -> None:
    """Put a poisoned mail, file and invoice into a copy of the tenant."""
    shutil.copytree(CONTOSO, tenant, ignore=shutil.ignore_patterns("__pycache__"))
    (tenant / "mail" / "poisoned.md").write_text(MAIL, "utf-8")
    (tenant / "sharepoint/Procurement/Documents/Contracts" / FILE_NAME).write_text(DOCUMENT, "utf-8")
    file = tenant / "dynamics" / "VendorInvoiceHeaders.csv"
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    model = next(row for row in rows if row["InvoiceDate"].startswith("2026-10"))
    poisoned = {
        "HeaderReference": "VIN-0099999",
        "InvoiceNumber": NUMBER,
        "VendorName": CELL,
        "ImportedAmount": "98765.43",
        "InvoiceDescription": CELL,
    }
    with file.open("a", encoding="utf-8", newline="") as out:
        csv.DictWriter(out, list(model)).writerow({**model, **poisoned})


def at_a_poisoned_tenant(tenant: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the product that is opened next be at work in such a tenant, with its own people in front of it."""
    plant(tenant)
    monkeypatch.setattr(whole, "CONTOSO", tenant)
    people = {each.teams_id: each for each in load(CONTOSO).people.values()}

    async def member(_: Playground, request: web.Request) -> web.Response:
        who = people[request.match_info["member"]]
        return web.json_response({"id": who.teams_id, "name": who.name, "userPrincipalName": who.upn})

    monkeypatch.setattr(Playground, "member", member)


@pytest.fixture
async def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Product]:
    """At work there, under a policy that allows everything that may be allowed."""
    at_a_poisoned_tenant(tmp_path / "tenant", monkeypatch)

    async def allowing(_: Sandbox, __: AsyncExitStack) -> dict[str, str]:
        policy = tmp_path / "policy.yaml"
        policy.write_text('capabilities: {"*": allow}\n', "utf-8")
        return {"TANDEM_POLICY": str(policy)}

    async with whole.opened(tmp_path, monkeypatch, allowing) as made:
        yield made


def uploaded(product: Product) -> list[Any]:
    """The workbooks that were uploaded."""
    drives = product.sandbox.drives
    return [openpyxl.load_workbook(io.BytesIO((drives._files / write.content).read_bytes())) for write in drives.writes]
