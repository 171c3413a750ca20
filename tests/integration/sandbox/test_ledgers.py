import base64
from typing import Any

import msgspec
import pytest

from connectors.sandbox.__main__ import CONTOSO
from tests.integration.sandbox.world import World

SERVICE = "/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV"
OCTOBER_V2 = "DocumentDate ge datetime'2026-10-01T00:00:00' and DocumentDate lt datetime'2026-11-01T00:00:00'"
OCTOBER_V4 = "InvoiceDate ge 2026-10-01T00:00:00Z and InvoiceDate lt 2026-11-01T00:00:00Z"


async def sap(world: World, query: str = "", person: str = "megan", **params: str) -> tuple[int, Any]:
    url = f"{world['SAP_URL']}{SERVICE}/A_SupplierInvoice{query}"
    return await world.ask("GET", url, await world.sap(person), params=params)


async def dynamics(world: World, query: str = "", person: str = "megan", **params: str) -> tuple[int, Any]:
    url = f"{world['DYNAMICS_URL']}/data/VendorInvoiceHeaders{query}"
    return await world.ask("GET", url, await world.dynamics(person), params=params)


async def test_a_month_of_sap_invoices_comes_in_pages(world: World) -> None:
    params = {
        "$filter": OCTOBER_V2,
        "$select": "SupplierInvoice,DocumentDate,InvoiceGrossAmount",
        "$inlinecount": "allpages",
    }
    _, answer = await sap(world, **params)
    results, pages = list(answer["d"]["results"]), 1
    while "__next" in answer["d"]:
        _, answer = await world.ask("GET", answer["d"]["__next"], await world.sap("megan"))
        results += answer["d"]["results"]
        pages += 1
    assert pages == 3
    assert len({entry["SupplierInvoice"] for entry in results}) == len(results) == int(answer["d"]["__count"])
    assert results[0]["DocumentDate"].startswith("/Date(17")
    assert all(isinstance(entry["InvoiceGrossAmount"], str) for entry in results)
    assert set(results[0]) == {"__metadata", "SupplierInvoice", "DocumentDate", "InvoiceGrossAmount"}


async def test_a_sap_invoice_by_its_key(world: World) -> None:
    line = (CONTOSO / "sap/A_SupplierInvoice.csv").read_text().splitlines()[1].split(",")
    _, answer = await sap(world, f"(SupplierInvoice='{line[0]}',FiscalYear='2026')")
    assert answer["d"]["SupplierInvoiceIDByInvcgParty"] == line[6]
    assert answer["d"]["IsReversed"] is False
    assert (await sap(world, "(SupplierInvoice='1',FiscalYear='2026')"))[0] == 404
    assert (await sap(world, f"(SupplierInvoice='{line[0]}')"))[0] == 400


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"$filter": "Foo eq 'x'"}, "'Foo'"),
        ({"$filter": "IsReversed eq true"}, "'IsReversed' cannot be filtered"),
        ({"$expand": "to_Items"}, "'$expand'"),
        ({"$format": "xml"}, "$format"),
        ({"$inlinecount": "some"}, "$inlinecount"),
    ],
)
async def test_sap_names_what_it_does_not_take(world: World, params: dict[str, str], named: str) -> None:
    status, answer = await sap(world, **params)
    assert status == 400
    assert named in answer["error"]["message"]["value"]
    assert answer["error"]["message"]["lang"] == "en"


async def test_sap_refuses_everything_but_its_own_tokens(world: World) -> None:
    url = f"{world['SAP_URL']}{SERVICE}/A_SupplierInvoice"
    facade = await world.token("megan", world["SAP_FACADE_SCOPE"])
    for token in (None, "garbage", await world.graph("megan"), facade):
        status, answer = await world.ask("GET", url, token)
        assert status == 401
        assert "error" in answer


async def test_a_person_without_the_system_is_refused(world: World) -> None:
    assert (await sap(world, person="adele"))[0] == 403
    assert (await dynamics(world, person="adele"))[0] == 200
    world.sandbox.tenant.people["adele"] = msgspec.structs.replace(world.sandbox.tenant.people["adele"], dynamics=False)
    assert (await dynamics(world, person="adele"))[0] == 403


async def test_the_second_hop_checks_every_step(world: World) -> None:
    facade = f"{world['SAP_FACADE_URL']}/saml"
    for token in (None, await world.graph("megan")):
        assert (await world.ask("POST", facade, token, json={}))[0] == 401
    good = await world.assertion("megan")
    assert (await world.sap_grant(good))[0] == 200
    padded = base64.urlsafe_b64encode(base64.urlsafe_b64decode(good + "=="))
    assert (await world.sap_grant(padded.decode()))[0] == 200
    forged = base64.urlsafe_b64decode(good + "==").replace(b"megan.bowen", b"lee.gu")
    refused = {
        "invalid_grant": {"assertion": base64.urlsafe_b64encode(forged).decode()},
        "invalid_scope": {"scope": "ANOTHER_0001"},
        "unsupported_grant_type": {"grant_type": "password"},
    }
    for error, change in refused.items():
        status, answer = await world.sap_grant(**{"assertion": good, **change})
        assert (status, answer["error"]) == (400, error)
    world.settings["TANDEM_SAP_CLIENT_SECRET"] = "wrong"
    status, answer = await world.sap_grant(good)
    assert (status, answer["error"]) == (401, "invalid_client")


async def test_a_month_of_dynamics_invoices_comes_in_pages_with_exact_decimals(world: World) -> None:
    token = await world.dynamics("megan")
    url: str | None = f"{world['DYNAMICS_URL']}/data/VendorInvoiceHeaders"
    params: dict[str, str] | None = {"$filter": OCTOBER_V4, "cross-company": "true", "$count": "true"}
    amounts: dict[str, str] = {}
    while url:
        async with world.http.get(url, params=params, headers={"Authorization": f"Bearer {token}"}) as response:
            raw = await response.read()
        page = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        for entry in msgspec.json.decode(page["value"], type=list[dict[str, msgspec.Raw]]):
            amounts[msgspec.json.decode(entry["HeaderReference"])] = bytes(entry["ImportedAmount"]).decode()
        count = msgspec.json.decode(page["@odata.count"])
        url = msgspec.json.decode(page["@odata.nextLink"]) if "@odata.nextLink" in page else None
        params = None
    lines = (CONTOSO / "dynamics/VendorInvoiceHeaders.csv").read_text().splitlines()
    october = {cells[1]: cells[10] for cells in (line.split(",") for line in lines) if cells[6].startswith("2026-10")}
    assert amounts == october
    assert len(amounts) == count


async def test_dynamics_shows_other_companies_only_across_companies(world: World) -> None:
    rows = world.sandbox.tenant.dynamics["VendorInvoiceHeaders"].rows
    rows[0] = {**rows[0], "dataAreaId": "2020"}
    here = (await dynamics(world, "/$count"))[1]
    everywhere = (await dynamics(world, "/$count", **{"cross-company": "true"}))[1]
    assert int(everywhere) == int(here) + 1
    other = (await dynamics(world, **{"cross-company": "true", "$filter": "dataAreaId eq '2020'"}))[1]["value"]
    assert [row["HeaderReference"] for row in other] == [rows[0]["HeaderReference"]]


async def test_dynamics_gives_smaller_pages_on_request_and_names_what_it_does_not_take(world: World) -> None:
    url = f"{world['DYNAMICS_URL']}/data/VendorInvoiceHeaders"
    wish = {"Prefer": "odata.maxpagesize=7"}
    _, page = await world.ask("GET", url, await world.dynamics("megan"), headers=wish)
    assert len(page["value"]) == 7
    assert page["value"][0]["InvoiceDate"].endswith("T12:00:00Z")
    for params, named in (
        ({"$filter": "Foo eq 1"}, "'Foo'"),
        ({"$apply": "x"}, "'$apply'"),
        ({"cross-company": "x"}, "cross"),
    ):
        status, answer = await dynamics(world, **params)
        assert status == 400
        assert named in answer["error"]["innererror"]["message"]
    status, _ = await world.ask("GET", f"{world['DYNAMICS_URL']}/data/Nothing", await world.dynamics("megan"))
    assert status == 404
