from aiohttp import ClientSession

from tests.integration.sandbox.world import World


async def test_a_link_from_a_chat_opens_the_file_for_who_may_read_it(world: World) -> None:
    drive = world.sandbox.drives.of_site("Finance")[0]
    url = f"{world['GRAPH_URL']}/drives/{drive.id}/root:/Accounts Payable/Reconciliations/A & B.txt:/content"
    _, made = await world.ask("PUT", url, await world.graph("megan"), data=b"done")
    link, origin = made["webUrl"], f"http://localhost:{world.sandbox.port_base + 1}"
    async with ClientSession() as browser:
        async with browser.get(link) as page:
            assert "who are you?" in await page.text()
        back = link.removeprefix(origin)
        form = {"person": "diego", "back": back}
        async with browser.post(f"{origin}/sites/sign-in", data=form, headers={"Origin": "http://evil"}) as page:
            assert page.status == 403
        async with browser.post(f"{origin}/sites/sign-in", data=form, headers={"Origin": origin}) as page:
            assert page.status == 403
            assert "Diego Siciliani has no access" in await page.text()
        form["person"] = "adele"
        async with browser.post(f"{origin}/sites/sign-in", data=form, headers={"Origin": origin}) as page:
            pass
        async with browser.get(link) as file:
            assert await file.read() == b"done"
            assert "attachment" in file.headers["Content-Disposition"]
        async with browser.get(f"{origin}/sites/Finance/Shared%20Documents/Accounts%20Payable/Reconciliations") as page:
            assert "A &amp; B.txt" in await page.text()
        async with browser.get(f"{origin}/sites/Finance/Shared%20Documents/nothing") as page:
            assert page.status == 404


async def test_the_visitor_is_sent_to_no_other_place(world: World) -> None:
    origin = f"http://localhost:{world.sandbox.port_base + 1}"
    form = {"person": "megan", "back": "//evil.example/"}
    async with world.http.post(f"{origin}/sites/sign-in", data=form, headers={"Origin": origin}) as page:
        assert page.status == 400
