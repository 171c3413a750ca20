from pathlib import Path

import pytest

from connectors.sandbox.__main__ import CONTOSO
from connectors.sandbox.data import Tenant, load
from connectors.sandbox.drive import Drive, DriveError
from connectors.sandbox.drives import Drives

REPORT = "Accounts Payable/Reconciliations/report.xlsx"


@pytest.fixture(scope="module")
def tenant() -> Tenant:
    return load(CONTOSO)


def finance(drives: Drives) -> Drive:
    return drives.of_site("Finance")[0]


def put(
    drives: Drives, tenant: Tenant, path: str, content: bytes, behavior: str = "replace", tag: str | None = None
) -> str:
    drive = finance(drives)
    item, _ = drives.upload(drive, drive.root, path, content, tenant.people["megan"], behavior, tag)
    return item.etag


def read(drives: Drives, path: str) -> bytes:
    item = finance(drives).at(finance(drives).root, path)
    assert item.source is not None
    return item.source.read_bytes()


def test_uploads_and_their_tags_survive_a_restart(tenant: Tenant, tmp_path: Path) -> None:
    first = Drives(tenant, tmp_path)
    put(first, tenant, REPORT, b"one")
    tag = put(first, tenant, REPORT, b"two")
    again = Drives(tenant, tmp_path)
    item = finance(again).at(finance(again).root, REPORT)
    assert (item.etag, item.size, item.version, read(again, REPORT)) == (tag, 3, 2, b"two")
    assert [write.replaced for write in again.writes] == [False, True]
    assert put(again, tenant, REPORT, b"three", tag=tag) != tag


def test_an_upload_that_a_kill_cut_short_is_as_if_it_never_was(tenant: Tenant, tmp_path: Path) -> None:
    put(Drives(tenant, tmp_path), tenant, REPORT, b"one")
    journal = tmp_path / "writes.jsonl"
    journal.write_bytes(journal.read_bytes() * 2)
    journal.write_bytes(journal.read_bytes()[:-40])
    assert len(Drives(tenant, tmp_path).writes) == 1


def test_names_are_found_whatever_their_case(tenant: Tenant, tmp_path: Path) -> None:
    drives = Drives(tenant, tmp_path)
    put(drives, tenant, REPORT, b"one")
    with pytest.raises(DriveError) as caught:
        put(drives, tenant, REPORT.upper(), b"two", "fail")
    assert (caught.value.status, caught.value.code) == (409, "nameAlreadyExists")
    assert read(drives, REPORT.lower()) == b"one"


def test_rename_finds_the_next_free_name(tenant: Tenant, tmp_path: Path) -> None:
    drives = Drives(tenant, tmp_path)
    for content in (b"one", b"two", b"three"):
        put(drives, tenant, REPORT, content, "rename")
    assert read(drives, REPORT) == b"one"
    assert read(drives, "Accounts Payable/Reconciliations/report 1.xlsx") == b"two"
    assert read(drives, "Accounts Payable/Reconciliations/report 2.xlsx") == b"three"


def test_a_tag_of_the_past_is_refused_and_nothing_is_written(tenant: Tenant, tmp_path: Path) -> None:
    drives = Drives(tenant, tmp_path)
    old = put(drives, tenant, REPORT, b"one")
    put(drives, tenant, REPORT, b"two")
    with pytest.raises(DriveError) as caught:
        put(drives, tenant, REPORT, b"three", tag=old)
    assert caught.value.status == 412
    assert read(drives, REPORT) == b"two"
    assert len(drives.writes) == 2


@pytest.mark.parametrize("name", ['a"b', "a:b", "a*", " a", "a ", "a.", "~$a.xlsx", "x" * 256])
def test_names_that_sharepoint_does_not_take_are_refused(tenant: Tenant, tmp_path: Path, name: str) -> None:
    with pytest.raises(DriveError) as caught:
        put(Drives(tenant, tmp_path), tenant, f"Accounts Payable/{name}", b"x")
    assert caught.value.status == 400


def test_a_folder_is_not_overwritten_by_a_file(tenant: Tenant, tmp_path: Path) -> None:
    with pytest.raises(DriveError) as caught:
        put(Drives(tenant, tmp_path), tenant, "Accounts Payable/Reconciliations", b"x")
    assert caught.value.status == 409


def test_missing_folders_are_made(tenant: Tenant, tmp_path: Path) -> None:
    drives = Drives(tenant, tmp_path)
    put(drives, tenant, "New/Folder/file.txt", b"x")
    assert read(Drives(tenant, tmp_path), "new/folder/FILE.txt") == b"x"


def test_the_data_folder_is_never_written(tenant: Tenant, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in CONTOSO.rglob("*") if "__pycache__" not in path.parts)
    put(Drives(tenant, tmp_path), tenant, "Accounts Payable/Supplier invoice register 2026.xlsx", b"gone")
    after = sorted((path, path.stat().st_mtime_ns) for path in CONTOSO.rglob("*") if "__pycache__" not in path.parts)
    assert before == after
