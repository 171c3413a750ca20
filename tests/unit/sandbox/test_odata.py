from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.odata import ODataError, run
from connectors.sandbox.tables import Table

ROWS = [
    {"Id": "1", "Name": "Adler & Voss", "Day": date(2026, 9, 30), "Amount": Decimal("10.00"), "Paid": True, "Note": ""},
    {"Id": "2", "Name": "O'Brien", "Day": date(2026, 10, 1), "Amount": Decimal("1250.00"), "Paid": False, "Note": "x"},
    {"Id": "3", "Name": "Kestrel", "Day": date(2026, 10, 31), "Amount": Decimal("0.01"), "Paid": False, "Note": ""},
    {"Id": "4", "Name": "kestrel", "Day": None, "Amount": None, "Paid": None, "Note": ""},
]
FIELDS = {"Id": "string", "Name": "string", "Day": "date", "Amount": "decimal", "Paid": "boolean", "Note": "string"}
TABLE = Table("Invoices", "S", ("Id",), FIELDS, frozenset({"Note"}), ROWS)  # type: ignore[arg-type]


def ids(text: str, version: int = 4, **options: str) -> str:
    found = run(TABLE, {"$filter": text, **options}, version, 100)  # type: ignore[arg-type]
    return "".join(str(row["Id"]) for row in found.rows)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("Id eq '2'", 4, "2"),
        ("Id ne '2'", 4, "134"),
        ("Name eq 'O''Brien'", 2, "2"),
        ("Amount gt 10", 4, "2"),
        ("Amount ge 10.00M", 2, "12"),
        ("Amount lt 1", 4, "3"),
        ("Amount eq null", 4, "4"),
        ("Amount ne null", 4, "123"),
        ("Paid eq true", 4, "1"),
        ("Day ge datetime'2026-10-01T00:00:00'", 2, "23"),
        ("Day le datetime'2026-10-31T00:00:00'", 2, "123"),
        ("Day ge 2026-10-01T00:00:00Z and Day lt 2026-11-01T00:00:00Z", 4, "23"),
        ("Day le 2026-10-31T00:00:00Z", 4, "12"),  # noon of the 31st is later: the trap is real
        ("Day ge 2026-10-01", 4, "23"),
        ("Id eq '1' or Id eq '2' and Paid eq true", 4, "1"),
        ("(Id eq '1' or Id eq '2') and Paid eq false", 4, "2"),
        ("not (Id eq '1') and not startswith(Name,'o')", 4, "34"),
        ("startswith(Name,'KES')", 4, "34"),
        ("endswith(Name,'voss')", 4, "1"),
        ("contains(Name, '&')", 4, "1"),
        ("substringof('rien', Name) eq true", 2, "2"),
    ],
)
def test_filters_as_the_real_services_do(text: str, version: int, expected: str) -> None:
    assert ids(text, version) == expected


@pytest.mark.parametrize(
    ("text", "version", "named"),
    [
        ("Foo eq 1", 4, "has no property 'Foo'"),
        ("Note eq 'x'", 4, "'Note' cannot be filtered"),
        ("Id eq 1", 4, "text in single quotes"),
        ("Amount eq 'x'", 4, "a number to compare Amount with"),
        ("Day ge '2026-10-01'", 2, "a date like datetime'2026-10-01T00:00:00'"),
        ("Day ge datetime'2026-10-01T00:00:00'", 4, "a date like 2026-10-01T00:00:00Z"),
        ("Day ge 2026-10-01T00:00:00Z", 2, "a date like datetime'"),
        ("Day ge datetime'2026-13-01T00:00:00'", 2, "is not a date"),
        ("Id eq '1' and", 4, "expected a property or a function, but it ends"),
        ("(Id eq '1'", 4, "expected ')', but it ends"),
        ("Id eq '1')", 4, "expected the end, but there is ')' at position 10"),
        ("Id is '1'", 4, "expected one of eq, ne, gt, ge, lt, le after Id, but there is 'is' at position 4"),
        ("Id eq '1' # x", 4, "cannot read '# x' at position 11"),
        ("Id eq 'open", 4, "cannot read"),
        ("contains(Name,'x')", 2, "there is no function 'contains'"),
        ("substringof('x',Name)", 4, "there is no function 'substringof'"),
        ("startswith('x',Name)", 4, "takes (Property, 'text')"),
        ("startswith(Amount,'1')", 4, "needs text, and 'Amount' is decimal"),
    ],
)
def test_a_bad_filter_is_refused_and_named(text: str, version: int, named: str) -> None:
    with pytest.raises(ODataError) as caught:
        ids(text, version)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"$select": "Id,Foo"}, "'Foo'"),
        ({"$orderby": "Foo"}, "'Foo'"),
        ({"$orderby": "Id up"}, "after Id"),
        ({"$top": "-1"}, "$top must be a whole number"),
        ({"$skiptoken": "abc"}, "$skiptoken"),
    ],
)
def test_bad_options_are_named(options: dict[str, str], named: str) -> None:
    with pytest.raises(ODataError) as caught:
        run(TABLE, options, 4, 10)
    assert named in str(caught.value)


def test_order_by_two_fields_keeps_nulls_first() -> None:
    page = run(TABLE, {"$orderby": "Day desc,Id"}, 4, 10)
    assert [row["Id"] for row in page.rows] == ["3", "2", "1", "4"]
    assert [row["Id"] for row in run(TABLE, {"$orderby": "Amount"}, 4, 10).rows] == ["4", "3", "1", "2"]


@given(
    count=st.integers(0, 40),
    size=st.integers(1, 50),
    top=st.none() | st.integers(0, 50),
    skip=st.none() | st.integers(0, 50),
)
def test_following_the_pages_visits_every_wanted_row_once(
    count: int, size: int, top: int | None, skip: int | None
) -> None:
    table = Table("T", "", ("N",), {"N": "integer"}, frozenset(), [{"N": n} for n in range(count)])
    options = {**({"$top": str(top)} if top is not None else {}), **({"$skip": str(skip)} if skip is not None else {})}
    seen: list[object] = []
    token: int | None = None
    while True:
        page = run(table, options if token is None else {**options, "$skiptoken": str(token)}, 4, size)
        assert len(page.rows) <= size
        assert page.count == count
        seen += [row["N"] for row in page.rows]
        token = page.next_skip
        if token is None:
            break
    begin = skip or 0
    assert seen == list(range(count))[begin : None if top is None else begin + top]
