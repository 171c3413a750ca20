"""Single sign-on as Teams does it, signing out in the middle of everything, and what attackers would send."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.wire import OAUTH_CARD
from orchestration.errors import SignInNeeded
from tests.integration.sign_in.conftest import Product

pytestmark = pytest.mark.timeout(120)
GRAPH = "https://graph.microsoft.com/.default"
SYSTEMS = ("graph", "sap", "dynamics", "facade")


def as_teams(product: Product) -> None:
    """The chats are of a client that knows OAuth cards."""
    notifier = product.tandem._dialog._notifier
    notifier.signing_in.oauth_cards = lambda _: True


async def oauth_card(product: Product, key: str = "megan") -> tuple[str, dict[str, Any]]:
    number = await product.sees(key, OAUTH_CARD)
    return number, product.playgrounds[key].messages[number]["attachments"][0]["content"]


async def offer(product: Product, key: str, token: str, id_: str, connection: str = "tandem") -> tuple[int, Any]:
    value = {"id": id_, "connectionName": connection, "token": token}
    return await product.send(key, "invoke", name="signin/tokenExchange", value=value)


def exchanges(product: Product) -> list[int]:
    return [line["status"] for line in product.lines() if line["path"].endswith("/exchange")]


def user_token(product: Product, key: str, **claims: object) -> str:
    made = jwt.decode(
        product.sandbox.mint.user_token(product.sandbox.tenant.people[key]), options={"verify_signature": False}
    )
    keys = product.sandbox.keys.authority
    return jwt.encode({**made, **claims}, keys.private, algorithm="RS256", headers={"kid": keys.kid})


def began(line: dict[str, Any]) -> datetime:
    """When a request of the access log came in; it is written when it is answered."""
    return datetime.fromisoformat(line["time"]) - timedelta(milliseconds=line["ms"])


async def test_teams_signs_a_person_in_silently_whatever_number_of_clients_they_have(product: Product) -> None:
    as_teams(product)
    await product.send("alex", "installationUpdate", action="add")
    await product.begin("megan")
    number, card = await oauth_card(product)
    assert card["connectionName"] == "tandem"
    assert card["tokenExchangeResource"]["uri"] == f"api://botid-{product.settings.sso_app_id}"
    assert card["buttons"][0]["type"] == "signin"
    assert "/token-service/sign-in?state=" in card["buttons"][0]["value"]
    id_ = card["tokenExchangeResource"]["id"]
    answers = await asyncio.gather(*(offer(product, "megan", user_token(product, "megan"), id_) for _ in range(4)))
    assert answers == [(200, {"id": id_, "connectionName": "tandem"})] * 4
    assert exchanges(product) == [200]
    await product.sees("alex", "Send decisions")
    assert "Please sign in" in card["text"]
    await product.until(lambda: "You are signed in" in product.playgrounds["megan"].text(number), "it still asks")


async def test_an_exchange_that_fails_is_answered_with_412_and_the_link_of_the_card_works(product: Product) -> None:
    as_teams(product)
    await product.send("alex", "installationUpdate", action="add")
    await product.begin("megan")
    number, card = await oauth_card(product)
    status, body = await offer(product, "megan", "garbage", card["tokenExchangeResource"]["id"])
    assert status == 412
    assert body["failureDetail"]
    assert await product.sign_in("megan", number) == 200
    await product.sees("alex", "Send decisions")


async def test_a_silent_sign_in_that_did_not_suffice_is_not_tried_in_circles(product: Product) -> None:
    as_teams(product)
    product.sandbox.hurdles.put("revoked", 3600.0, "megan")
    await product.begin("megan")
    _, card = await oauth_card(product)
    product.sandbox.hurdles.put("confirm", 3600.0, "megan")  # which no silent sign-in mends
    id_ = card["tokenExchangeResource"]["id"]
    assert (await offer(product, "megan", user_token(product, "megan"), id_))[0] == 200
    await product.asked("megan", "wants to confirm that it is you")
    cards = [m for m in product.playgrounds["megan"].messages.values() if OAUTH_CARD in str(m)]
    assert len(cards) <= 1


@pytest.mark.parametrize("code", ["resourcematchfailed", "installedappnotfound", "somethingnew"])
async def test_a_silent_failure_is_told_and_followed_by_the_page(product: Product, code: str) -> None:
    as_teams(product)
    await product.send("alex", "installationUpdate", action="add")
    await product.begin("megan")
    await oauth_card(product)
    assert (await product.send("megan", "invoke", name="signin/failure", value={"code": code}))[0] == 200
    told = {"resourcematchfailed": "whoever runs Tandem", "installedappnotfound": "add it again", "somethingnew": code}
    await product.sees("megan", told[code])
    card = await product.asked("megan", "Please sign in")
    await product.sign_in("megan", card)
    await product.sees("alex", "Send decisions")


async def test_forged_and_foreign_offers_sign_nobody_in(product: Product) -> None:
    await product.begin("megan")
    await product.asked("megan")
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    mine = jwt.decode(user_token(product, "megan"), options={"verify_signature": False})
    bad = {
        "another person's": user_token(product, "alex"),
        "another tenant's": user_token(
            product, "megan", tid="99999999-9999-4999-8999-999999999999", iss="https://evil"
        ),
        "for another audience": user_token(product, "megan", aud="https://graph.microsoft.com"),
        "over": user_token(product, "megan", exp=int(time.time()) - 60),
        "of another key": jwt.encode(mine, foreign, algorithm="RS256", headers={"kid": "sandbox-authority"}),
        "unsigned": jwt.encode(mine, "", algorithm="none"),
        "a shared secret's": jwt.encode(mine, "x" * 40, algorithm="HS256"),
        "garbage": "a.b.c",
        "empty": "",
    }
    for number, (name, token) in enumerate(bad.items()):
        assert ((await offer(product, "megan", token, f"bad-{number}"))[0], name) == (412, name)
    good = user_token(product, "megan")
    assert (await offer(product, "megan", good, "bad-x", connection="another"))[0] == 412
    assert not product.sandbox.sessions.is_signed_in("megan", "tandem")
    assert not product.sandbox.sessions.is_signed_in("alex", "tandem")
    with pytest.raises(SignInNeeded):
        await product.identity.token(product.person("megan"), GRAPH)
    assert [line for line in product.lines() if line["system"] in SYSTEMS] == []


@pytest.mark.parametrize("kind", ["stranger", "tenant"])
async def test_a_token_service_that_trades_for_somebody_else_signs_nobody_in(product: Product, kind: str) -> None:
    await product.begin("megan")
    await product.asked("megan")
    put = product.sandbox.hurdles.put

    def stays(person: str, *, page: bool) -> None:
        """Even a new sign-in brings the wrong one."""

    product.sandbox.hurdles.signed_in = stays  # type: ignore[method-assign]
    put(kind, 3600.0, "megan")
    assert (await offer(product, "megan", user_token(product, "megan"), "o1"))[0] == 412
    assert not product.sandbox.sessions.is_signed_in("megan", "tandem"), "it was kept"
    card = await product.asked("megan")
    await product.sign_in("megan", card)
    await product.sees("megan", "belongs to another account than yours")
    assert [line for line in product.lines() if line["system"] in SYSTEMS] == []


async def test_another_persons_code_signs_nobody_in_and_is_not_used_up(product: Product) -> None:
    await product.begin("megan")
    number = (await product.asked("megan"), product.playgrounds["megan"])
    state = number[1].text(number[0]).split("sign-in?state=")[1].split("'")[0].split('"')[0]
    code = product.sandbox.token_service.allowed(state)
    await product.send("alex", "invoke", name="signin/verifyState", value={"state": code})
    await product.sees("alex", "did not sign you in")
    for key in ("alex", "megan"):
        assert not product.sandbox.sessions.is_signed_in(key, "tandem")
    await product.send("megan", "invoke", name="signin/verifyState", value={"state": code})
    await product.until(lambda: product.sandbox.sessions.is_signed_in("megan", "tandem"), "her own code was used up")


async def test_an_offer_is_not_taken_again_after_sign_out(product: Product) -> None:
    await product.send("megan", text="hi")
    token = user_token(product, "megan")
    assert (await offer(product, "megan", token, "o1"))[0] == 200
    await product.send("megan", text="sign out")
    await product.sees("megan", "You are signed out")
    assert (await offer(product, "megan", token, "o1"))[0] == 412
    assert (await offer(product, "megan", user_token(product, "megan"), "o2"))[0] == 412
    assert exchanges(product) == [200]
    assert not product.sandbox.sessions.is_signed_in("megan", "tandem")


async def test_after_a_sign_out_the_page_is_asked_for_and_not_teams(product: Product) -> None:
    as_teams(product)
    await product.send("megan", text="sign out")
    await product.begin("megan")
    await product.asked("megan", "Please sign in")
    assert not [m for m in product.playgrounds["megan"].messages.values() if OAUTH_CARD in str(m)]


@pytest.mark.parametrize("down", [False, True])
async def test_sign_out_ends_what_is_under_way_at_its_next_call(product: Product, down: bool) -> None:
    product.sandbox.sessions.sign_in("megan", "tandem")
    await product.send("alex", "installationUpdate", action="add")
    for system in ("sap", "dynamics", "graph"):
        product.sandbox.faults.break_system(system, 60, latency_seconds=0.6)
    await product.begin("megan")
    await product.until(
        lambda: any(line["system"] in SYSTEMS for line in product.lines()), "nothing was under way within time"
    )
    if down:
        product.tandem._dialog._outbound._adapter.bot_framework_authentication._inner._oauth_url = "http://localhost:9"
    await product.send("megan", text="sign out")
    await product.sees("megan", "You are signed out here" if down else "You are signed out:")
    out = datetime.now(UTC)
    await product.waits("megan")
    # What was on its way is answered; nothing that begins afterwards carries her token to anybody.
    later = [line for line in product.lines() if began(line) > out and line["system"] in (*SYSTEMS, "authority")]
    assert [line for line in later if line["person"] == "megan" or line["token"]] == []
    with pytest.raises(SignInNeeded, match="not signed in"):
        await product.identity.token(product.person("megan"), GRAPH)
    if down:
        return
    product.sandbox.faults.mend()
    await product.sign_in("megan", await product.asked("megan"))
    await product.sees("alex", "Send decisions")


async def test_one_persons_sign_out_does_not_touch_anothers_run(product: Product) -> None:
    for key in ("megan", "lee"):
        product.sandbox.sessions.sign_in(key, "tandem")
    await product.send("alex", "installationUpdate", action="add")
    product.sandbox.faults.break_system("sap", 60, latency_seconds=0.3)
    await asyncio.gather(product.begin("megan"), product.begin("lee", "August"))
    await product.send("megan", text="sign out")
    await product.waits("megan")
    await product.sees("alex", "Lee Gu")
    oids = {line["token"]["for"] for line in product.lines() if line["system"] in SYSTEMS and line["token"]}
    assert product.person("lee").id in oids
    for line in product.lines():
        if line["system"] in SYSTEMS and line["token"]:
            assert line["token"]["for"] == product.person(line["person"]).id
    (run,) = await product.engine.runs(person=product.person("lee").id)
    assert not run.awaiting_sign_in
