from tests.integration.sandbox.world import World


async def test_a_colleague_reads_and_answers_a_mail_in_the_browser(world: World) -> None:
    to = [{"emailAddress": {"address": "alex.wilber@contoso.example"}}]
    body = {"message": {"subject": "<b>Which day?</b>", "toRecipients": to, "body": {"content": "<script>x</script>"}}}
    assert (await world.api("megan", "POST", "/me/sendMail", json=body))[0] == 202
    _, inbox = await world.api("alex", "GET", "/me/mailFolders/inbox/messages?$top=1")
    url = inbox["value"][0]["webLink"]
    origin = {"Origin": world.sandbox.named_url}
    _, page = await world.ask("GET", url)
    assert "who are you?" in page
    assert "Which day" not in page
    back = {"person": "alex", "back": url.removeprefix(world.sandbox.named_url)}
    status, page = await world.ask("POST", f"{world.sandbox.named_url}/mail", data=back, headers=origin)
    assert status == 200
    assert "&lt;script&gt;" in page
    assert "<script>x" not in page
    assert (await world.ask("POST", url, data={"text": "Thursday."}))[0] == 403
    status, page = await world.ask("POST", url, data={"text": "Thursday."}, headers=origin)
    assert (status, "Megan Bowen" in page) == (200, True)
    _, answers = await world.api("megan", "GET", "/me/mailFolders/inbox/messages?$top=1")
    assert answers["value"][0]["subject"] == "RE: <b>Which day?</b>"
    await world.ask("POST", f"{world.sandbox.named_url}/mail", data={**back, "person": "diego"}, headers=origin)
    assert (await world.ask("GET", url))[0] == 404
