"""The sandbox's authority and SAP's sign-in, through the identity that production uses."""

from __future__ import annotations

import asyncio

import pytest

from connectors.identity import Identity
from connectors.sap import SapClient
from orchestration.core.run import Person
from orchestration.errors import Refused, SignInNeeded, Unavailable
from tests.integration.connectors.conftest import Sandbox, TokenService

GRAPH = "https://graph.microsoft.com/.default"
LEAVING = "lee"  # whose sign-in may be ended: no other test needs it


async def test_a_person_gets_a_token_for_each_system(sandbox: Sandbox, identity: Identity) -> None:
    person = sandbox.person("megan")
    tokens = await asyncio.gather(
        identity.token(person, GRAPH),
        identity.token(person, sandbox.settings["TANDEM_DYNAMICS_SCOPE"]),
        identity.sap_token(person),
    )
    assert len(set(tokens)) == 3


async def test_a_wrong_secret_is_the_operators_matter(sandbox: Sandbox) -> None:
    made = Identity(sandbox.identity_settings(client_secret="wrong"), TokenService(sandbox))
    with pytest.raises(Refused, match="AADSTS7000215"):
        await made.token(sandbox.person("megan"), GRAPH)
    await made.close()


async def test_a_wrong_sap_secret_is_the_operators_matter(sandbox: Sandbox) -> None:
    made = Identity(sandbox.identity_settings(sap_client_secret="wrong"), TokenService(sandbox))
    with pytest.raises(Refused, match="TANDEM_SAP_CLIENT_ID"):
        await made.sap_token(sandbox.person("megan"))
    await made.close()


async def test_an_unknown_system_is_the_operators_matter(sandbox: Sandbox, identity: Identity) -> None:
    with pytest.raises(Refused, match="AADSTS500011"):
        await identity.token(sandbox.person("megan"), "https://nowhere.example/.default")


async def test_another_persons_sign_in_is_none(sandbox: Sandbox) -> None:
    tokens = TokenService(sandbox)

    class Mixed:
        async def assertion(self, person: Person) -> str | None:
            return await tokens.assertion(sandbox.person("alex"))

    made = Identity(sandbox.identity_settings(), Mixed())
    with pytest.raises(SignInNeeded, match="Sign in as Megan Bowen"):
        await made.token(sandbox.person("megan"), GRAPH)
    await made.close()


async def test_tokens_that_expired_over_there_are_replaced_without_asking_anybody(
    sandbox: Sandbox, identity: Identity, sap: SapClient
) -> None:
    before = await sap.invoices("2026-10", "1010", sandbox.person(LEAVING))
    sandbox.control("expire", person=LEAVING)
    assert await sap.invoices("2026-10", "1010", sandbox.person(LEAVING)) == before


async def test_a_sign_in_ended_between_question_and_exchange_asks_to_sign_in(sandbox: Sandbox) -> None:
    tokens = TokenService(sandbox)
    stale = await tokens.assertion(sandbox.person(LEAVING))
    sandbox.control("expire", person=LEAVING)

    class Stale:
        async def assertion(self, person: Person) -> str | None:
            return stale

    made = Identity(sandbox.identity_settings(), Stale())
    with pytest.raises(SignInNeeded, match="no longer accepted"):
        await made.token(sandbox.person(LEAVING), GRAPH)
    await made.close()


async def test_an_authority_that_is_broken_is_unavailable_and_back_when_mended(
    sandbox: Sandbox, identity: Identity
) -> None:
    person = sandbox.person("megan")
    # The bot's own token comes from there as well; after this it has one.
    await identity.token(person, sandbox.settings["TANDEM_DYNAMICS_SCOPE"])
    sandbox.control("break", system="authority", seconds=60, times=1)
    with pytest.raises(Unavailable, match=r"\(503\)") as caught:
        await identity.token(person, GRAPH)
    assert caught.value.retry_after is not None
    assert await identity.token(person, GRAPH)
