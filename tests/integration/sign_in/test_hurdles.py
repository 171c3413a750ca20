"""Whatever stands between a person and a token becomes a wait that says which it is, and afterwards the run goes on."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Any

import pytest

from connectors.sandbox.control import mend_system, put_hurdle
from orchestration.errors import Invalid
from tests.integration.sign_in.conftest import Product

pytestmark = pytest.mark.timeout(120)
HOUR = 3600.0


async def signed_in(product: Product, key: str = "megan") -> None:
    """As somebody who signed in some time ago."""
    product.sandbox.sessions.sign_in(key, "tandem")
    await product.send("alex", "installationUpdate", action="add")


async def goes_on(product: Product) -> None:
    """Alex is asked, so all three systems were read."""
    await product.sees("alex", "Send decisions")
    (run,) = await product.engine.runs(person=product.person("megan").id)
    assert not run.awaiting_sign_in
    assert [task.code for task in run.tasks if task.code] == []


# What the token service hands out instead of the person's own good token; what the card says; the reason's name.
ODD = [
    ("lost", "needs you to sign in", "signed_out"),
    ("stranger", "belongs to somebody else", "other_person"),
    ("tenant", "belongs to somebody else", "other_person"),
    ("unsigned", "it cannot be verified", "unreadable"),
    ("expired", "Your sign-in has expired", "expired"),
    ("revoked", "it was ended, as after a new password", "revoked"),
]


@pytest.mark.parametrize(("kind", "said", "why"), ODD)
async def test_a_token_that_is_none_or_not_hers_waits_for_her_to_sign_in(
    product: Product, kind: str, said: str, why: str
) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put(kind, HOUR, "megan")
    await product.begin("megan")
    card = await product.asked("megan", said)
    assert {need.why for need in product.identity.needs(product.person("megan"))} == {why}
    systems = [line for line in product.lines() if line["system"] in ("graph", "sap", "dynamics", "facade")]
    assert systems == [], "nothing was done with that token anywhere"
    await product.sign_in("megan", card)
    await goes_on(product)
    await product.until(lambda: "You are signed in" in product.playgrounds["megan"].text(card), "the card still asks")


async def test_a_token_made_for_another_system_is_the_operators_matter_and_reaches_nobody(product: Product) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("audience", HOUR, "megan")
    await product.begin("megan")
    await product.sees("megan", "the operator must give the OAuth connection the scope access_as_user")
    assert [line for line in product.lines() if line["system"] in ("graph", "sap", "dynamics", "facade")] == []


async def test_days_later_the_token_service_is_asked_again_and_has_nothing(product: Product) -> None:
    await signed_in(product)
    await product.begin("megan")
    await goes_on(product)
    product.sandbox.hurdles.put("lost", HOUR, "megan")
    await product.decide()
    await product.press("megan", await product.sees("megan", "Nothing is written unless you allow it"), "Allow")
    card = await product.asked("megan", "Please sign in")
    assert product.sandbox.drives.writes == []
    await product.sign_in("megan", card)
    await product.sees("megan", "Open the workbook")
    assert [write.person for write in product.sandbox.drives.writes] == ["megan"]


@pytest.mark.parametrize(("at", "named"), [("graph", "Microsoft 365"), ("sap", "SAP"), ("dynamics", "Dynamics 365")])
async def test_missing_consent_names_the_system_and_the_page_and_the_run_goes_on_after_it(
    product: Product, at: str, named: str
) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("consent", HOUR, "", at)
    await product.begin("megan")
    card = await product.asked("megan", f"Tandem has no consent to act for you at {named}")
    text = product.playgrounds["megan"].text(card)
    link = re.search(r"https://localhost:\d+/[\w-]+/adminconsent\?client_id=[\w-]+", text)
    assert link is not None
    assert "Consent is missing" in text

    answer = await product.press("megan", card, "Try again")  # too early: the same is said anew
    assert "trying it again" in answer["value"]
    await product.until(lambda: _cards(product, "no consent") >= 2, "the card does not come again")

    trust = ssl.create_default_context(cafile=product.settings.ca_file)
    origin = link.group().split("/", 3)
    async with product.http.post(link.group(), headers={"Origin": "https://evil.example"}, ssl=trust) as refused:
        assert refused.status == 403
    async with product.http.post(link.group(), headers={"Origin": "/".join(origin[:3])}, ssl=trust) as given:
        assert given.status == 200
    await product.press("megan", await product.asked("megan", "no consent"), "Try again")
    await goes_on(product)


async def test_a_second_step_that_entra_demands_is_taken_on_the_page(product: Product) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("confirm", HOUR, "megan", "graph")
    await product.begin("megan")
    card = await product.asked("megan", "wants to confirm that it is you before Microsoft 365 opens")
    assert "tell your administrator" in product.playgrounds["megan"].text(card)
    await product.sign_in("megan", card)
    await goes_on(product)


async def test_a_device_that_is_not_let_in_is_said_with_what_to_do(product: Product) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("blocked", HOUR, "megan", "dynamics")
    await product.begin("megan")
    card = await product.asked("megan", "AADSTS53003")
    assert "a device that your organisation manages" in product.playgrounds["megan"].text(card)
    product.sandbox.hurdles.clear()
    await product.press("megan", card, "Try again")
    await goes_on(product)


async def test_graphs_challenge_for_a_newer_token_needs_nobody(product: Product) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("challenge", HOUR, "megan", "graph")
    await product.begin("megan")
    await goes_on(product)
    refused = [line for line in product.lines() if line["system"] == "graph" and line["status"] == 401]
    assert refused, "there was no challenge"
    assert _cards(product, "Please sign in") == 0
    many = len(refused)
    await product.decide()
    await product.press("megan", await product.sees("megan", "Nothing is written unless you allow it"), "Allow")
    await product.sees("megan", "Open the workbook")
    later = [line for line in product.lines() if line["system"] == "graph" and line["status"] == 401]
    assert len(later) == many, "the token of before the challenge was used again"


async def test_graphs_challenge_for_a_second_step_is_brought_to_the_person(product: Product) -> None:
    await signed_in(product)
    product.sandbox.hurdles.put("step-up", HOUR, "megan", "graph")
    await product.begin("megan")
    card = await product.asked("megan", "wants to confirm that it is you before Microsoft 365 opens")
    await product.sign_in("megan", card)
    await goes_on(product)


async def test_the_desk_puts_hurdles_up_and_takes_them_away(product: Product) -> None:
    async def desk(call: Any, *asked: Any) -> Any:
        return await asyncio.to_thread(call, *asked)

    state = product.sandbox.state
    broken = await desk(put_hurdle, state, "consent", 60.0, "megan", "graph")
    assert list(broken["broken"]) == ["sign-in consent megan graph"]
    for wrong in (("nothing", 60.0), ("consent", 0.0), ("consent", 60.0, "nobody"), ("consent", 60.0, "", "moon")):
        with pytest.raises(Invalid):
            await desk(put_hurdle, state, *wrong)
    assert (await desk(mend_system, state))["broken"] == {}


def _cards(product: Product, text: str) -> int:
    chat = product.playgrounds["megan"]
    return sum(text in chat.text(number) for number in chat.messages)
