"""A file carries the key of the write that made it, and nothing else about it changes."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
import xlsxwriter
from openpyxl.packaging.custom import StringProperty

from connectors.graph.stamp import key_of, stamp
from orchestration.errors import InvalidContent


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        assert len(package.namelist()) == len(set(package.namelist()))
        return {name: package.read(name) for name in package.namelist()}


def by_openpyxl(**properties: str) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet["A1"] = "Reconciliation"
    for name, value in properties.items():
        made.custom_doc_props.append(StringProperty(name=name, value=value))
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def by_xlsxwriter() -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
        made.add_worksheet("Summary").write(0, 0, "Reconciliation")
        made.set_custom_property("Owner", "Megan")
    return content.getvalue()


@pytest.mark.parametrize("content", [by_openpyxl(), by_openpyxl(Owner="Megan"), by_xlsxwriter()])
def test_the_key_can_be_read_back_by_us_and_by_others(content: bytes) -> None:
    stamped = stamp(content, "run-1/upload <&> 'ü'")
    assert key_of(stamped) == "run-1/upload <&> 'ü'"
    book = openpyxl.load_workbook(io.BytesIO(stamped))
    assert book.custom_doc_props["TandemKey"].value == "run-1/upload <&> 'ü'"
    assert book.worksheets[0]["A1"].value == "Reconciliation"


def test_everything_else_stays_as_it_was() -> None:
    content = by_openpyxl(Owner="Megan")
    before, after = parts(content), parts(stamp(content, "key"))
    assert {name for name in after if before.get(name) != after[name]} == {"docProps/custom.xml"}
    book = openpyxl.load_workbook(io.BytesIO(stamp(content, "key")))
    assert book.custom_doc_props["Owner"].value == "Megan"


def test_a_new_key_takes_the_place_of_the_old() -> None:
    twice = stamp(stamp(by_xlsxwriter(), "first"), "second")
    assert key_of(twice) == "second"
    assert b"first" not in parts(twice)["docProps/custom.xml"]


def test_the_same_content_and_key_give_the_same_bytes() -> None:
    content = by_xlsxwriter()
    assert stamp(content, "key") == stamp(content, "key")


@pytest.mark.parametrize("content", [b"", b"text", by_openpyxl(), by_openpyxl(Owner="Megan")])
def test_a_file_without_a_key_has_none(content: bytes) -> None:
    assert key_of(content) == ""


def test_what_is_no_office_file_is_not_stamped() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x")
    for content in (b"text", packed.getvalue()):
        with pytest.raises(InvalidContent, match="not an Office file"):
            stamp(content, "key")
    assert key_of(packed.getvalue()) == ""
