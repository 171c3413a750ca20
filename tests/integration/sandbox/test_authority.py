import json

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import OnBehalfOfCredential
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.sandbox.world import World

CHANNEL = "https://api.botframework.com/.default"


def credential(world: World, assertion: str, secret: str = "") -> OnBehalfOfCredential:
    return OnBehalfOfCredential(
        tenant_id=world["TENANT_ID"],
        client_id=world["SSO_APP_ID"],
        client_secret=secret or world["SSO_APP_SECRET"],
        user_assertion=assertion,
        authority=world["AUTHORITY"],
        disable_instance_discovery=True,
        connection_verify=world["CA_FILE"],
    )


def megan_assertion(world: World) -> str:
    return world.sandbox.mint.user_token(world.sandbox.tenant.people["megan"])


async def test_azure_identity_gets_a_token_per_resource_for_the_person(world: World) -> None:
    async with credential(world, megan_assertion(world)) as azure:
        for scope in (world["GRAPH_SCOPE"], world["DYNAMICS_SCOPE"], world["SAP_FACADE_SCOPE"]):
            token = (await azure.get_token(scope)).token
            claims = jwt.decode(token, options={"verify_signature": False})
            assert claims["aud"] == scope.removesuffix("/.default")
            assert claims["oid"] == world.sandbox.tenant.people["megan"].id
            assert claims["azp"] == world["SSO_APP_ID"]


async def test_azure_identity_says_what_entra_says(world: World) -> None:
    async with credential(world, megan_assertion(world), secret="wrong") as azure:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await azure.get_token(world["GRAPH_SCOPE"])


async def test_keys_and_metadata_verify_a_token(world: World) -> None:
    url = f"{world['AUTHORITY']}/{world['TENANT_ID']}/v2.0/.well-known/openid-configuration"
    _, metadata = await world.ask("GET", url, ssl=world.tls)
    _, keys = await world.ask("GET", metadata["jwks_uri"], ssl=world.tls)
    key = jwt.PyJWK(keys["keys"][0])
    claims = jwt.decode(
        await world.graph("megan"),
        key,
        algorithms=["RS256"],
        audience="https://graph.microsoft.com",
        issuer=metadata["issuer"],
    )
    assert claims["tid"] == world["TENANT_ID"]


async def test_the_bot_gets_its_own_token(world: World) -> None:
    claims = jwt.decode(await world.bot_token(), options={"verify_signature": False})
    assert (claims["aud"], claims["appid"]) == ("https://api.botframework.com", world["APP_ID"])
    assert claims["idtyp"] == "app"


@pytest.mark.parametrize(
    ("changed", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, 400, "unauthorized_client", 700016),
        ({"scope": "https://nobody.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "openid"}, 400, "invalid_scope", 70011),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 1002012),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
async def test_refusals_have_entras_shape(
    world: World, changed: dict[str, str], status: int, error: str, code: int
) -> None:
    form = {"client_id": world["APP_ID"], "client_secret": world["APP_SECRET"], "scope": CHANNEL}
    got, answer = await world.authority(**{**form, "grant_type": "client_credentials", **changed})
    assert (got, answer["error"], answer["error_codes"]) == (status, error, [code])
    assert answer["error_description"].startswith(f"AADSTS{code}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(answer)
    assert world["APP_SECRET"] not in json.dumps(answer)


async def test_an_unknown_tenant_is_refused(world: World) -> None:
    url = f"{world['AUTHORITY']}/00000000-0000-4000-8000-000000000000/oauth2/v2.0/token"
    status, answer = await world.ask("POST", url, data={}, ssl=world.tls)
    assert (status, answer["error_codes"]) == (400, [90002])


async def test_on_behalf_of_refuses_foreign_expired_and_other_assertions(world: World) -> None:
    scope = world["GRAPH_SCOPE"]
    good = megan_assertion(world)
    claims = jwt.decode(good, options={"verify_signature": False})
    ours, kid = world.sandbox.keys.authority.private, {"kid": world.sandbox.keys.authority.kid}
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assertions = {
        "garbage": 50027,
        jwt.encode(claims, foreign, algorithm="RS256", headers=kid): 50013,
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers=kid): 50027,
        jwt.encode({**claims, "exp": claims["iat"] - 1}, ours, algorithm="RS256", headers=kid): 500133,
        jwt.encode({**claims, "aud": "api://another"}, ours, algorithm="RS256", headers=kid): 500131,
        jwt.encode({**claims, "iss": "https://evil"}, ours, algorithm="RS256", headers=kid): 50013,
        await world.bot_token(): 500131,
        await world.graph("megan"): 500131,
    }
    for assertion, code in assertions.items():
        status, answer = await world.on_behalf_of(assertion, scope)
        assert (status, answer["error_codes"]) == (400, [code])
    assert (await world.on_behalf_of(good, scope))[0] == 200


async def test_only_the_sign_in_registration_acts_for_people(world: World) -> None:
    other = {"client_id": world["APP_ID"], "client_secret": world["APP_SECRET"]}
    status, answer = await world.on_behalf_of(megan_assertion(world), world["GRAPH_SCOPE"], **other)
    assert (status, answer["error_codes"]) == (400, [500131])


async def test_a_refresh_token_serves_its_own_client_until_sign_out(world: World) -> None:
    scope = f"{world['GRAPH_SCOPE']} offline_access openid"
    _, first = await world.on_behalf_of(megan_assertion(world), scope)
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "scope": world["GRAPH_SCOPE"]}
    sso = {"client_id": world["SSO_APP_ID"], "client_secret": world["SSO_APP_SECRET"]}
    status, second = await world.authority(**again, **sso)
    assert status == 200
    assert (await world.ask("GET", f"{world['GRAPH_URL']}/me", second["access_token"]))[0] == 200
    bot = {"client_id": world["APP_ID"], "client_secret": world["APP_SECRET"]}
    assert (await world.authority(**again, **bot))[0] == 400
    world.sandbox.sessions.sign_out("megan")
    assert (await world.authority(**again, **sso))[1]["error"] == "invalid_grant"
