"""Where labels come from: files in the sandbox with labels of their own, of their library, and without any."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.graph import GraphClient, SharePointFiles, workers
from connectors.sap import ExportSettings, export_worker
from orchestration.capabilities import Worker
from orchestration.core.label import Source
from tests.integration.connectors.conftest import Sandbox
from tests.support.surroundings import Listening


class Reader:
    """Calls reading workers and keeps what they note."""

    def __init__(self, sandbox: Sandbox, graph: GraphClient) -> None:
        self._sandbox = sandbox
        self._offered: dict[str, Worker] = {each.capability.name: each for each in workers(graph)}
        export = ExportSettings(site="Finance", path="SAP exports/Supplier invoices.csv")
        self._offered["export"] = export_worker(export, SharePointFiles(graph))

    async def __call__(self, name: str, by: str = "megan", **arguments: Any) -> list[Source]:
        around, worker = Listening(), self._offered[name]
        await worker.call(worker.input_type(**arguments), self._sandbox.task(by, around=around))
        return around.noted


@pytest.fixture
def read(sandbox: Sandbox, graph: GraphClient) -> Reader:
    return Reader(sandbox, graph)


async def test_a_file_has_its_own_label(read: Reader, sandbox: Sandbox) -> None:
    [source] = await read("files.read", site="Procurement", path="Contracts/Framework agreement Nordwind 2027.docx")
    assert (source.title, source.system, source.label, source.outside, source.reader) == (
        "Framework agreement Nordwind 2027.docx",
        "SharePoint",
        "confidential",
        False,
        sandbox.person("megan").id,
    )
    assert source.link.startswith("https://") or source.link.startswith("http://localhost")


async def test_the_most_sensitive_files_are_labelled_so(read: Reader) -> None:
    [source] = await read("files.read", by="lee", site="Finance", path="Restricted/Salary bands 2027.docx")
    assert source.label == "highly_confidential"


async def test_a_file_without_a_label_has_its_librarys(read: Reader) -> None:
    [source] = await read("files.read", by="lee", site="Legal", path="Contracts/Retention of contracts.txt")
    assert source.label == "confidential"


async def test_a_file_without_any_label_is_internal(read: Reader) -> None:
    [source] = await read("files.read", site="Finance", path="Accounts Payable/Reconciliations/Read me.txt")
    assert source.label == "internal"


async def test_every_hit_of_a_search_is_noted_with_its_label(read: Reader) -> None:
    found = await read("files.search", words="Nordwind")
    assert found
    assert {each.label for each in found if each.title.startswith("Framework agreement")} == {"confidential"}


async def test_the_export_of_sap_is_as_sensitive_as_sap_whatever_the_file_says(read: Reader) -> None:
    [source] = await read("export", month="2026-10", company="1010")
    assert (source.title, source.label) == ("Supplier invoices.csv", "confidential")


async def test_a_mail_from_outside_is_noted_as_such(read: Reader) -> None:
    found = await read("mail.search", most=100)
    assert {each.outside for each in found if each.title} == {False, True}
    assert all(each.reader and each.system == "Outlook" for each in found)
