import jwt
import pytest
from botbuilder.schema import Activity, ChannelAccount, ConversationAccount
from botframework.connector.auth import MicrosoftAppCredentials
from botframework.connector.auth._user_token_client_impl import _UserTokenClientImpl

from tests.integration.sandbox.world import World


class FixedToken(MicrosoftAppCredentials):
    """botframework's credentials with a token that is already there."""

    def __init__(self, app: str, token: str) -> None:
        super().__init__(app, "unused")
        self._fixed = token

    def get_access_token(self, force_refresh: bool = False) -> str:
        return self._fixed


async def test_botframeworks_own_client_signs_a_person_in(world: World) -> None:
    client = _UserTokenClientImpl(
        world["APP_ID"], FixedToken(world["APP_ID"], await world.bot_token()), world["TOKEN_SERVICE_URL"]
    )
    user = world.user_id("megan")
    activity = Activity(
        type="message",
        id="1",
        channel_id="msteams",
        service_url=world.windows[0]["service_url"],
        from_property=ChannelAccount(id=user, name="Megan Bowen"),
        recipient=ChannelAccount(id="28:bot"),
        conversation=ConversationAccount(id="a:megan"),
    )
    assert await client.get_user_token(user, "tandem", "msteams", None) is None
    link = (await client.get_sign_in_resource("tandem", activity, None)).sign_in_link
    assert (await world.press(link, "megan"))[0] == 200
    invoke = world.bot.seen[-1][3]
    token = await client.get_user_token(user, "tandem", "msteams", invoke["value"]["state"])
    assert token.connection_name == "tandem"
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["aud"] == f"api://botid-{world['SSO_APP_ID']}"
    assert claims["scp"] == "access_as_user"
    assert (await client.get_token_status(user, "msteams", None))[0].has_token
    await client.sign_out_user(user, "tandem", "msteams")
    assert await client.get_user_token(user, "tandem", "msteams", None) is None


async def test_the_bot_hears_of_the_sign_in_as_teams_tells_it(world: World) -> None:
    await world.press(await world.sign_in_link("megan"), "megan")
    _, path, headers, invoke = world.bot.seen[-1]
    assert path == "/api/messages"
    assert (invoke["type"], invoke["name"]) == ("invoke", "signin/verifyState")
    assert invoke["value"]["state"].isdigit()
    assert len(invoke["value"]["state"]) == 6
    assert invoke["from"]["aadObjectId"] == world.sandbox.tenant.people["megan"].id
    assert invoke["conversation"] == {"id": "a:megan"}
    assert invoke["serviceUrl"] == world.windows[0]["service_url"]
    claims = jwt.decode(
        headers["Authorization"].removeprefix("Bearer "),
        world.sandbox.keys.channel.public,
        algorithms=["RS256"],
        audience=world["APP_ID"],
        issuer="https://api.botframework.com",
    )
    assert claims["serviceurl"] == invoke["serviceUrl"]


async def test_a_code_is_for_one_person_and_one_use(world: World) -> None:
    await world.press(await world.sign_in_link("megan"), "megan")
    code = world.bot.seen[-1][3]["value"]["state"]
    assert (await world.get_token("alex", code=code))[0] == 404
    assert (await world.get_token("megan", code="12"))[0] == 404
    assert (await world.get_token("megan", code=code))[0] == 200
    world.sandbox.sessions.sign_out("megan")
    assert (await world.get_token("megan", code=code))[0] == 404


async def test_the_same_token_comes_back_until_it_is_expired(world: World) -> None:
    token = await world.sign_in("megan")
    assert (await world.get_token("megan"))[1]["token"] == token
    world.sandbox.sessions.expire("megan")
    assert (await world.on_behalf_of(token, world["GRAPH_SCOPE"]))[1]["error_codes"] == [500133]
    status, answer = await world.get_token("megan")
    assert status == 200
    assert answer["token"] != token
    assert (await world.on_behalf_of(answer["token"], world["GRAPH_SCOPE"]))[0] == 200


async def test_after_sign_out_no_token_is_worth_anything(world: World) -> None:
    token = await world.sign_in("megan")
    _, answer = await world.on_behalf_of(token, world["GRAPH_SCOPE"])
    world.sandbox.sessions.sign_out("megan")
    assert (await world.get_token("megan"))[0] == 404
    assert (await world.on_behalf_of(token, world["GRAPH_SCOPE"]))[1]["error_codes"] == [50173]
    assert (await world.ask("GET", f"{world['GRAPH_URL']}/me", answer["access_token"]))[0] == 401


async def test_another_person_than_the_windows_is_refused(world: World) -> None:
    link = await world.sign_in_link("megan")
    status, page = await world.press(link, "alex")
    assert status == 403
    assert "only Megan Bowen can answer it" in page
    assert world.bot.seen == []
    assert (await world.press(link, "megan"))[0] == 200


async def test_the_page_names_who_asks_and_for_whom(world: World) -> None:
    status, page = await world.ask("GET", await world.sign_in_link("megan"))
    assert status == 200
    assert "<strong>Tandem</strong> asks to act for you, <strong>Megan Bowen</strong>" in page
    assert "Sign in as Megan Bowen" in page
    assert "<script" not in page


async def test_a_sign_in_link_works_once(world: World) -> None:
    link = await world.sign_in_link("megan")
    assert (await world.press(link, "megan"))[0] == 200
    assert (await world.press(link, "megan"))[0] == 410
    assert (await world.ask("GET", link))[0] == 410


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_another_sites_form_signs_nobody_in(world: World, origin: str) -> None:
    assert (await world.press(await world.sign_in_link("megan"), "megan", Origin=origin))[0] == 403
    assert world.bot.seen == []


async def test_a_bot_that_does_not_take_the_sign_in_is_said(world: World) -> None:
    world.bot.status = 500
    status, page = await world.press(await world.sign_in_link("megan"), "megan")
    assert status == 502
    assert "it answered with status 500" in page


async def test_only_the_bot_talks_to_the_token_service(world: World) -> None:
    url = f"{world['TOKEN_SERVICE_URL']}/api/usertoken/GetToken"
    params = {"userId": world.user_id("megan"), "connectionName": "tandem"}
    await world.sign_in("megan")
    form = {"client_id": world["SSO_APP_ID"], "client_secret": world["SSO_APP_SECRET"]}
    scope = "https://api.botframework.com/.default"
    _, other = await world.authority(**form, grant_type="client_credentials", scope=scope)
    for token in (None, "garbage", await world.graph("megan"), other["access_token"]):
        assert (await world.ask("GET", url, token, params=params))[0] == 401


async def test_a_client_token_can_be_exchanged_for_its_own_person_only(world: World) -> None:
    url = f"{world['TOKEN_SERVICE_URL']}/api/usertoken/exchange"
    bot = await world.bot_token()
    token = world.sandbox.mint.user_token(world.sandbox.tenant.people["megan"])
    about = {"connectionName": "tandem", "channelId": "msteams"}
    alex = await world.ask("POST", url, bot, params={**about, "userId": world.user_id("alex")}, json={"token": token})
    assert alex[0] == 400
    megan = await world.ask("POST", url, bot, params={**about, "userId": world.user_id("megan")}, json={"token": token})
    assert megan[0] == 200
