import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.sandbox import __main__ as program
from connectors.sandbox.data import load
from orchestration.errors import InvalidContent

CONTOSO = program.CONTOSO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of contoso with small ledgers, to be spoilt."""
    copy = tmp_path / "tenant"
    shutil.copytree(CONTOSO, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for table in ("sap/A_SupplierInvoice.csv", "dynamics/VendorInvoiceHeaders.csv"):
        lines = (copy / table).read_text().splitlines()[:4]
        (copy / table).write_text("\n".join(lines) + "\n")
    return copy


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def set_cell(file: Path, row: int, column: str, value: str) -> None:
    """`row` as a spreadsheet counts."""
    with file.open(newline="") as source:
        rows = list(csv.reader(source))
    rows[row - 1][rows[0].index(column)] = value
    with file.open("w", newline="") as target:
        csv.writer(target).writerows(rows)


def problems(folder: Path) -> list[str]:
    with pytest.raises(InvalidContent) as caught:
        load(folder)
    return [line.strip() for line in caught.value.message.splitlines()[1:]]


def test_contoso_loads_with_five_people_their_managers_and_two_sites() -> None:
    tenant = load(CONTOSO)
    assert set(tenant.people) == {"megan", "alex", "lee", "adele", "diego"}
    assert tenant.people["megan"].manager == "lee"
    assert not tenant.people["adele"].sap
    assert "diego" not in tenant.sites["Finance"].libraries[0].readers
    assert tenant.sites["Finance"].libraries[0].writers == {"megan", "alex", "lee"}


Spoil = Callable[[Path], None]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda f: set_cell(f / "people.csv", 3, "id", "17"), "people.csv, row 3, column id: '17' is not a GUID"),
        (lambda f: set_cell(f / "people.csv", 3, "key", "megan"), "people.csv, row 3, column key: 'megan' is already"),
        (lambda f: set_cell(f / "people.csv", 2, "sap", "maybe"), "people.csv, row 2, column sap: 'maybe' is neither"),
        (
            lambda f: set_cell(f / "people.csv", 2, "manager", "leo"),
            "people.csv, row 2, column manager: 'leo' is nobody",
        ),
        (
            lambda f: set_cell(f / "people.csv", 4, "manager", "megan"),
            "people.csv, row 4, column manager: lee is their",
        ),
        (lambda f: set_cell(f / "people.csv", 2, "name", ""), "people.csv, row 2, column name: the cell is empty"),
        (lambda f: set_cell(f / "groups.csv", 3, "members", "alex; bob"), "groups.csv, row 3, column members: 'bob'"),
        (
            lambda f: set_cell(f / "sharepoint/sites.csv", 2, "readers", "Everyone"),
            "sharepoint/sites.csv, row 2, column readers: 'Everyone' is neither a group",
        ),
        (
            lambda f: set_cell(f / "sharepoint/sites.csv", 2, "library", "Papers"),
            "sharepoint/sites.csv, row 2, column library: there is no folder sharepoint/Finance/Papers",
        ),
        (
            lambda f: (f / "sharepoint/Legal/Drafts").mkdir(),
            "sharepoint/Legal/Drafts: the folder is no library of sites.csv",
        ),
        (
            lambda f: set_cell(f / "sap/A_SupplierInvoice.csv", 3, "InvoiceGrossAmount", "1,250.00"),
            "sap/A_SupplierInvoice.csv, row 3, column InvoiceGrossAmount: '1,250.00' is not a number",
        ),
        (
            lambda f: set_cell(f / "sap/A_SupplierInvoice.csv", 4, "DocumentDate", "31.10.2026"),
            "sap/A_SupplierInvoice.csv, row 4, column DocumentDate: '31.10.2026' is not a date",
        ),
        (
            lambda f: set_cell(f / "sap/A_SupplierInvoice.csv", 2, "IsReversed", "x"),
            "sap/A_SupplierInvoice.csv, row 2, column IsReversed: 'x' is neither true nor false",
        ),
        (
            lambda f: set_cell(f / "dynamics/VendorInvoiceHeaders.csv", 4, "HeaderReference", "VIN-0048212"),
            "dynamics/VendorInvoiceHeaders.csv, row 4, column dataAreaId, HeaderReference: dataAreaId 1010, Header",
        ),
        (
            lambda f: set_cell(f / "dynamics/VendorInvoiceHeaders.csv", 2, "HeaderReference", ""),
            "dynamics/VendorInvoiceHeaders.csv, row 2, column dataAreaId, HeaderReference: a key column is empty",
        ),
        (
            lambda f: replace(f / "sap/A_SupplierInvoice.csv", "FiscalYear", "Year"),
            "sap/A_SupplierInvoice.csv, row 1, column FiscalYear: the column is missing",
        ),
        (
            lambda f: replace(f / "groups.csv", ",megan; alex", ",megan, alex"),
            "groups.csv, row 2: 5 cells where the header has 4",
        ),
        (
            lambda f: (f / "people.csv").write_text((f / "people.csv").read_text().replace(",", ";")),
            "people.csv, row 1: columns are separated by semicolons; use commas",
        ),
        (lambda f: (f / "people.csv").write_bytes(b"key\n\xff\n"), "people.csv: not UTF-8 (byte 4)"),
        (lambda f: (f / "people.csv").write_text(""), "people.csv, row 1: the file is empty"),
        (lambda f: (f / "groups.csv").unlink(), "groups.csv: the file is missing"),
        (lambda f: (f / "sap/Orders.csv").write_text("a\n1\n"), "sap/Orders.csv: no table of this name in fields.yml"),
        (lambda f: (f / "sap/fields.yml").unlink(), "sap/fields.yml: the file is missing"),
        (lambda f: replace(f / "sap/fields.yml", ": date", ": day"), "sap/fields.yml: Invalid enum value 'day'"),
        (
            lambda f: replace(f / "tenant.yml", "domain:", "domian:"),
            "tenant.yml: Object contains unknown field `domian`",
        ),
        (lambda f: replace(f / "tenant.yml", "33333333-", "3-"), "tenant.yml: apps.sso.id: '3-"),
    ],
)
def test_every_problem_names_its_file_row_and_column(folder: Path, spoil: Spoil, named: str) -> None:
    spoil(folder)
    found = problems(folder)
    assert any(line.startswith(named) for line in found), found


def test_all_problems_are_named_at_once(folder: Path) -> None:
    set_cell(folder / "people.csv", 2, "sap", "maybe")
    set_cell(folder / "groups.csv", 3, "members", "bob")
    set_cell(folder / "sap/A_SupplierInvoice.csv", 3, "InvoiceGrossAmount", "a lot")
    assert len(problems(folder)) == 3


def test_a_flood_of_problems_is_cut_and_counted(folder: Path) -> None:
    file = folder / "groups.csv"
    file.write_text(file.read_text() + "".join(f"x{n},Group {n},,\n" for n in range(30)))
    found = problems(folder)
    assert len(found) == 21
    assert found[-1] == "... and 10 more"


def test_a_byte_order_mark_and_blank_lines_do_no_harm(folder: Path) -> None:
    file = folder / "people.csv"
    file.write_text("\ufeff" + file.read_text() + "\n,,,,,,,,,,\n")
    assert len(load(folder).people) == 5


def test_a_missing_folder_is_said_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent, match=r"--data the folder that holds tenant\.yml"):
        load(tmp_path / "nowhere")


def test_a_library_may_be_open_to_everybody(folder: Path) -> None:
    set_cell(folder / "sharepoint/sites.csv", 4, "readers", "everyone")
    library = load(folder).sites["Projects"].libraries[0]
    assert library.everyone
    assert library.readers == {"megan", "alex", "lee", "adele", "diego"}
    assert library.writers == {"adele", "megan"}
    assert not load(folder).sites["Finance"].libraries[0].everyone
