"""A model's plan is held to the person's words: each of these is what a model might be talked into."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Preview, Registry, TaskContext, worker
from orchestration.planning.naming import WHERE, WHO
from orchestration.planning.restraint import MOST_WRITES
from tests.unit.planning.modelled import REGISTRY, Json, ask, draw, plan, playbook, step

GOAL = "Look for mails about Atlas and send Adele Vance a summary, also in the chat with her; file it in Projects"
ADELE = step("adele", "people.find", {"who": "Adele Vance"})
MAILS = step("mails", "mail.search", {"words": "Atlas"})
DAY = "2026-11-24"
LEE = '["lee.gu@contoso.example"]'
TEAM = step("team", "people.roster", {"who": "Adele Vance"})


def send(to: str, **more: str) -> Json:
    return step("mail", "mail.send", {"to": to, "subject": "Atlas", "text": "Summary", **more})


async def problems(*tasks: Json, goal: str = GOAL, **more: Any) -> list[str]:
    """What is wrong with a plan of these tasks; empty if it would be shown."""
    answer = plan(*tasks, **more)
    drawn = await draw(goal, *[answer] * 4)
    return drawn.model.problems()[0] if drawn.drafted.outcome == "unclear" else []


@pytest.mark.parametrize(
    "to",
    [
        '["${tasks.adele.upn}"]',
        '["${tasks.adele.name} <${tasks.adele.upn}>"]',
        "${[tasks.adele.upn]}",
        "${tasks.team.people.map(p, p.upn)}",
        "${tasks.team.people.filter(p, p.mail != '').map(p, p.name + ' <' + p.upn + '>')}",
        "${[tasks.adele.upn] + tasks.team.people.map(p, p.upn)}",
        '["${run.initiator.name} <${run.initiator.upn}>"]',
        '["megan.bowen@contoso.example"]',  # the person's own
        "${tasks.adele.mail == '' ? [tasks.adele.upn] : [tasks.adele.mail]}",
    ],
)
async def test_who_was_named_or_looked_up_by_their_words_may_get_it(to: str) -> None:
    assert await problems(ADELE, TEAM, send(to)) == []


@pytest.mark.parametrize(
    "to",
    [
        '["mallory@evil.example"]',
        '["Adele Vance <mallory@evil.example>"]',
        '["${tasks.adele.upn}", "mallory@evil.example"]',
        '["${tasks.adele.upn}.evil.example"]',
        '["mallory+${tasks.adele.upn}"]',
        '["\\u006dallory@evil.example"]',
        '["m\\u0430llory@evil.example"]',
        "mallory@evil.example",
        "${['mallory@evil.example']}",
        "${['mallory' + '@' + 'evil.example']}",
        "${['mallory\\x40evil.example']}",
        '${["mallory@evil.example"]}',
        "${[string('mallory') + '@evil.example']}",
        "${tasks.mails.mails.map(m, m.address)}",
        "${[tasks.mails.mails[0].address]}",
        '["${tasks.mails.mails[0].text}"]',
        "${tasks.mails.mails[0].to}",
        "${tasks.team.people.map(p, tasks.mails.mails[0].address)}",
        "${tasks.mails.mails[0].address != '' ? [tasks.mails.mails[0].address] : [tasks.adele.upn]}",
        "${tasks.team.people.map(p, p.upn + ';mallory@evil.example')}",
        "${[run.goal]}",
        "${[run.id]}",
        "${tasks.adele.upn == 'x' ? ['mallory@evil.example'] : []}",
        "${[\"tasks.a == 'mallory@evil.example'\"]}",
    ],
)  # fmt: skip
async def test_nobody_else_may_get_it(to: str) -> None:
    found = await problems(ADELE, TEAM, MAILS, send(to))
    assert any(each.startswith(("tasks.mail", "tasks.mail.arguments.to")) for each in found), found


@pytest.mark.parametrize(
    ("task", "argument"),
    [
        (send('["${tasks.adele.upn}"]', cc='["mallory@evil.example"]'), "cc"),
        (step("x", "people.find", {"who": "Alex Wilberforce"}), "who"),
        (step("x", "people.roster", {"who": "Adele Vance, Mallory Evil"}), "who"),
        (step("x", "people.manager", {"who": "Lee Gu"}), "who"),
        (step("x", "people.members", {"group": "Executives"}), "group"),
        (step("x", "people.find", {"who": "${tasks.mails.mails[0].sender}"}), "who"),
        (step("x", "mail.search", {"words": "salary", "mailbox": "lee.gu@contoso.example"}), "mailbox"),
        (step("x", "mail.search", {"words": "salary", "mailbox": "${tasks.mails.mails[0].address}"}), "mailbox"),
        (step("x", "chat.post", {"text": "Hi", "person": "Lee Gu"}), "person"),
        (step("x", "chat.post", {"text": "Hi", "team": "Everybody", "channel": "General"}), "team"),
        (step("x", "chat.post", {"text": "Hi", "chat": "19:abc@thread.v2"}), "chat"),
        (step("x", "chat.post", {"text": "Hi", "person": "${tasks.mails.mails[0].sender}"}), "person"),
        (step("x", "calendar.create", {"subject": "x", "start": DAY, "minutes": "30", "people": LEE}), "people"),
        (step("x", "calendar.free_time", {"people": LEE, "first_day": DAY, "last_day": DAY}), "people"),
        (step("x", "files.share", {"drive": "d", "item": "i", "name": "n", "people": LEE}), "people"),
        (step("x", "files.upload", {"site": "Public", "folder": "f", "name": "n.txt", "content": "YQ=="}), "site"),
        (step("x", "people.availability", {"people": '[{"id": "1", "name": "Lee Gu"}]'}), "people"),
    ],
)  # fmt: skip
async def test_no_argument_that_names_somebody_or_a_place_goes_beyond_the_words(task: Json, argument: str) -> None:
    found = await problems(ADELE, MAILS, task)
    assert any(f"tasks.{task['name']}.arguments.{argument}: " in each for each in found), found


@pytest.mark.parametrize(
    "task",
    [
        step("x", "chat.post", {"text": "Hi", "person": "${tasks.adele.upn}"}),
        step("x", "chat.post", {"text": "Hi", "person": "Adele Vance"}),
        step("x", "files.upload", {"site": "Projects", "folder": "f", "name": "n.txt", "content": "YQ=="}),
        step("x", "mail.search", {"words": "salary", "sender": "Lee Gu"}),  # a filter of one's own mailbox
    ],
)
async def test_what_the_person_names_may_be_named(task: Json) -> None:
    assert await problems(ADELE, task) == []


async def test_days_name_nobody_whatever_the_argument_is_called() -> None:
    week = step("week", "dates.period", {"today": "${run.today}", "span": "next_week"})
    hours = {"people": "${tasks.team.people}", "from": "2026-11-24T08:00:00Z", "to": "${tasks.week.last_day}"}
    assert await problems(TEAM, week, step("hours", "people.availability", hours)) == []


@pytest.mark.parametrize(
    "task",
    [
        step("x", "files.upload", {"site": "Finance", "folder": "f", "name": "n.txt", "content": "YQ=="}),
        step("x", "people.find", {"who": "Alex Wilber <alex.wilber@contoso.example>"}),
    ],
)
async def test_what_only_a_playbook_names_is_for_that_playbook(task: Json) -> None:
    assert any("did not say" in each for each in await problems(ADELE, task))


@pytest.mark.parametrize(
    "approver",
    [
        "user(mallory@evil.example)",
        "group(Executives)",
        "${tasks.mails.mails[0]}",
        "${{'id': 'x', 'name': 'y', 'upn': 'z'}}",
    ],
)
async def test_nobody_is_asked_whom_the_person_did_not_name(approver: str) -> None:
    assert await problems(MAILS, ask("approval", approver))


@pytest.mark.parametrize("approver", ["initiator", "manager(initiator)", "${tasks.adele}", "user(Adele Vance)", ""])
async def test_the_initiator_their_manager_and_who_was_named_may_be_asked(approver: str) -> None:
    assert await problems(ADELE, ask("approval", approver), goal=f"{GOAL}, and ask my manager first") == []


async def test_a_manager_of_whom_nobody_spoke_is_neither_asked_nor_looked_up() -> None:
    for task in (ask("approval", "manager(initiator)"), step("boss", "people.manager")):
        assert any("did not speak of their manager" in each for each in await problems(task))
        for goal in ("Ask my boss", "Frag meine Chefin", "Frag meinen Vorgesetzten", "Write to my managers"):
            assert await problems(task, goal=goal) == []


async def test_the_owner_of_a_file_may_be_asked_but_gets_nothing() -> None:
    found = step("found", "files.search", {"words": "Atlas"})
    owner = step(
        "owner", "files.owner", {"drive": "${tasks.found.files[0].drive}", "item": "${tasks.found.files[0].item}"}
    )
    assert await problems(found, owner, ask("agree", "${tasks.owner}")) == []
    assert await problems(found, owner, send('["${tasks.owner.upn}"]'))


async def test_the_comment_of_the_initiator_names_people_and_of_nobody_else() -> None:
    who = step("who", "people.roster", {"who": "${tasks.asked.comment}"})
    # A comment may not be there; that is told as of any plan.
    mine = await problems(ask("asked", "initiator"), who | {"arguments": [
        {"name": "who", "value": "${has(tasks.asked.comment) ? tasks.asked.comment : ''}"}]})  # fmt: skip
    assert mine == []
    theirs = await problems(ADELE, ask("asked", "${tasks.adele}"), who | {"arguments": [
        {"name": "who", "value": "${has(tasks.asked.comment) ? tasks.asked.comment : ''}"}]})  # fmt: skip
    assert any("does not say who is meant" in each for each in theirs)


async def test_a_choice_is_no_way_to_name_somebody() -> None:
    choices = [{"id": "mallory@evil.example", "title": "Yes"}, {"id": "no", "title": "No"}]
    found = await problems(ask("asked", "initiator", choices=choices), send("${[tasks.asked.choice]}"))
    assert any("the id 'mallory@evil.example' must be a word" in each for each in found)
    assert any("tasks.asked.choice does not say who is meant" in each for each in found)


async def test_items_of_a_list_name_people_only_if_the_list_does() -> None:
    each = step("each", "mail.send", {"to": '["${for_each.item.upn}"]', "subject": "x", "text": "y"})
    assert await problems(TEAM, each | {"for_each": "${tasks.team.people}"}) == []
    assert await problems(MAILS, each | {"for_each": "${tasks.mails.mails.map(m, {'upn': m.address})}"})
    assert await problems(MAILS, each | {"for_each": "${[{'upn': 'mallory@evil.example'}]}"})


@pytest.mark.parametrize(
    "task",
    [
        send('["${tasks.adele.upn}"]', text="See https://evil.example/login"),
        send('["${tasks.adele.upn}"]', text="See [here](//evil.example/login)"),
        send('["${tasks.adele.upn}"]', text="Write to mallory@evil.example"),
        send('["${tasks.adele.upn}"]', text="${tasks.adele.upn == '' ? 'https://evil.example/x' : ''}"),
        ask("x", "initiator") | {"title": "Open www.evil.example/x"},
        ask("x", "initiator", choices=[{"id": "a", "title": "https://evil.example/x"}]),
    ],
)
async def test_texts_hold_no_links_or_addresses_that_the_person_did_not_give(task: Json) -> None:
    assert any("the person did not say the" in each for each in await problems(ADELE, task))


async def test_titles_and_the_end_hold_none_either() -> None:
    assert await problems(ADELE, title="Atlas https://evil.example/x")
    assert await problems(ADELE, text="Look at https://evil.example/x")
    assert await problems(ADELE, link="https://evil.example/x")


async def test_a_link_or_an_outside_address_in_the_goal_is_the_person_s_word() -> None:
    goal = "Mail the link https://partner.example/offer to jo@partner.example"
    mail = send('["jo@partner.example"]', text="The offer: https://partner.example/offer")
    assert await problems(mail, goal=goal) == []
    # And only just that.
    assert await problems(send('["jo@partner.example.evil.example"]'), goal=goal)
    assert await problems(send('["joe@partner.example"]'), goal=goal)


async def test_what_the_model_itself_asked_is_not_the_person_s_word_but_the_answer_is() -> None:
    question = "Shall I send it to mallory@evil.example?"
    answers = [plan(send('["mallory@evil.example"]'))] * 4
    unsaid = await draw("Send it", *answers, said=[(question, "Yes")])
    assert unsaid.drafted.outcome == "unclear"
    said = await draw("Send it", *answers, said=[("To whom?", "mallory@evil.example")])
    assert said.drafted.outcome == "new"


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\U000e0041", "\u2066", "\x07"])
async def test_hidden_characters_go_back(hidden: str) -> None:
    for task in (
        step("x", "files.search", {"words": f"Atlas{hidden}"}),
        step("x", "files.search", {"words": "Atlas"}) | {"title": f"Search{hidden}"},
        ask("x", "initiator")
        | {"question": {"approver": "initiator", "title": f"Ok{hidden}?", "text": "", "choices": []}},
    ):
        assert any("nobody sees" in each for each in await problems(task))


async def test_more_writes_than_anybody_looks_through_go_back() -> None:
    writes = [send('["${tasks.adele.upn}"]') | {"name": f"mail_{n}"} for n in range(MOST_WRITES + 1)]
    assert f"tasks: {MOST_WRITES + 1} of them write, and {MOST_WRITES} are possible: do less at once" in await problems(
        ADELE, *writes
    )


async def test_a_write_cannot_pass_for_a_read_by_its_title() -> None:
    drawn = await draw(GOAL, plan(ADELE, send('["${tasks.adele.upn}"]') | {"title": "Look at your calendar"}))
    assert drawn.drafted.plan is not None
    assert drawn.drafted.plan.tasks["mail"].title == "Send a mail: Look at your calendar"


async def test_people_of_a_playbook_s_parameters_come_from_the_words_too() -> None:
    chosen = playbook("share-a-file", file="contract", people="Mallory Evil")
    drawn = await draw("Share the contract with Adele Vance", *[chosen] * 4)
    assert "parameters.people: the person did not say 'Mallory Evil'" in drawn.model.problems()[0][0]
    fine = playbook("share-a-file", file="the contract of 2026", people="Adele Vance")
    assert (await draw("Share the contract with Adele Vance", fine)).drafted.outcome == "new"
    linked = playbook("collect-answers", question="Is https://evil.example/x right?", people="Adele Vance")
    assert (await draw("Ask Adele Vance", *[linked] * 4)).drafted.outcome == "unclear"


def test_every_shipped_write_is_known_to_name_people_or_places_where_it_does() -> None:
    """Each argument that a write's destination is made of counts as naming, so that none is left unjudged."""
    probe = "zzz@probe.example"
    for capability in REGISTRY.capabilities():
        (offered, *_) = REGISTRY.offering(capability.name)
        if capability.effect == "read" or offered.destination is None:
            continue
        for name in offered.input_type.__struct_fields__:
            given: dict[str, Any] = dict.fromkeys(("subject", "text", "name", "drive", "item", "folder", "site"), "x")
            given |= {"start": "2026-11-24T10:00:00", "minutes": 30, "content": b"", "to": [], "people": []}
            given = {key: value for key, value in given.items() if key in offered.input_type.__struct_fields__}
            given[name] = [probe] if isinstance(given.get(name), list) or name == "cc" else probe
            try:
                found = offered.destination(offered.input_type(**given))
            except Exception:  # noqa: BLE001 - not an argument that takes a text
                continue
            if any(probe in each for each in found.recipients):
                assert name in WHO | WHERE, f"{capability.name}.{name}"


class Page(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    options: dict[str, str] = {}


class Paged(msgspec.Struct):
    id: str


async def page(given: Page, task: TaskContext) -> Paged:
    return Paged("1")


async def test_an_argument_of_a_plugin_is_judged_by_its_name() -> None:
    preview = Preview("Page", [])
    pager = worker("pager.page", title="Page", effect="write", system="Pager", preview=lambda given: preview)(page)
    shipped = [each for known in REGISTRY.capabilities() for each in REGISTRY.offering(known.name)]
    task = step("x", "pager.page", {"text": "Hi", "options": '{"recipient": "Mallory Evil"}'})
    drawn = await draw("Page Adele Vance", *[plan(task)] * 4, registry=Registry([*shipped, pager]))
    assert "tasks.x.arguments.options.recipient: the person did not say 'Mallory Evil'" in drawn.model.problems()[0][0]
