"""Each person is spoken to in their own language, whoever else takes part in a run."""

from __future__ import annotations

import pytest

from bot import inbound as i
from bot.inbound import read
from bot.outbound import Member
from orchestration.core.commands import CancelRun
from orchestration.sign_in import Need
from tests.support.cards.schema import problems
from tests.support.chat import ALEX, MEGAN, TENANT, Bubble, Desk, activity, buttons, everything
from tests.unit.bot.test_groups import mentioned, there, thread

GERMAN, ENGLISH = {"locale": "de-DE"}, {"locale": "en-US"}
GOAL = "count the stock for October 2026"


async def begun(desk: Desk, megan: dict[str, str], alex: dict[str, str]) -> tuple[Bubble, Bubble]:
    """Megan's card of a run and Alex's question; only their first activities say their languages."""
    await desk.send(MEGAN, "installationUpdate", action="add", **megan)
    await desk.send(ALEX, "installationUpdate", action="add", **alex)
    await desk.say(MEGAN, GOAL)
    plan = desk.last(MEGAN)
    await desk.press(MEGAN, "Starten" if megan == GERMAN else "Start")
    question = await desk.sees(ALEX, "Entscheidungen senden" if alex == GERMAN else "Send decisions")
    return plan, question


async def test_a_german_is_greeted_in_german_with_words_to_press_that_are_understood(desk: Desk) -> None:
    await desk.send(MEGAN, "installationUpdate", action="add", **GERMAN)
    welcome, starters = desk.chat(MEGAN)
    assert "Hallo Megan" in welcome.says
    assert welcome.message.summary.startswith("Hallo!")
    assert len(starters.message.suggested) == 3
    for text in starters.message.suggested:
        assert isinstance(read(activity(MEGAN, text=text)).intent, i.Command), f"{text!r} is no word of ours"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Hilfe", "help"),
        ("Was kannst du?", "help"),
        ("Guten Morgen!", "hello"),
        ("Status", "status"),
        ("meine Vorgänge", "status"),
        ("Meine Genehmigungen", "approvals"),
        ("was wartet auf mich?", "approvals"),
        ("Abbrechen.", "cancel"),
        ("anmelden", "sign in"),
        ("Abmelden", "sign out"),
    ],
)
def test_german_words_are_understood(text: str, word: i.Word) -> None:
    assert read(activity(MEGAN, text=text)).intent == i.Command(word)


async def test_help_names_german_words_that_are_understood(desk: Desk) -> None:
    await desk.say(MEGAN, "Hilfe", **GERMAN)
    for text in ("Status", "Meine Genehmigungen", "Abbrechen", "Abmelden", "Hilfe"):
        assert text in desk.last(MEGAN).says
        assert isinstance(read(activity(MEGAN, text=text)).intent, i.Command)


async def test_two_people_of_one_run_each_read_their_own_language_up_to_the_end(desk: Desk) -> None:
    plan, question = await begun(desk, GERMAN, ENGLISH)
    assert "Choose a rule for each kind" in question.says
    await desk.until(lambda: "Wartet auf Alex Wilber" in plan.says, "the German card does not say who is asked")
    assert "Vorgang abbrechen" in buttons(plan.card)

    decided = everything(await desk.press(ALEX, "Send decisions", **{"rule:amount": "right"}))
    assert "Decided" in decided
    gate = await desk.sees(MEGAN, "Zulassen")
    assert "Es wird nichts geschrieben, wenn Sie es nicht zulassen." in gate.says
    assert problems(gate.card) == []
    assert "Zugelassen" in everything(await desk.press(MEGAN, "Zulassen"))
    await desk.sees(MEGAN, "Counted 7.")
    await desk.until(lambda: "Abgeschlossen" in plan.says, "the progress card has no last update")
    assert "entschieden durch Alex Wilber" in plan.says
    for bubble in desk.chat(ALEX):
        assert "Sie" not in bubble.says.replace("Siciliani", "")


async def test_the_other_way_round_as_well_and_on_updates_of_copies(desk: Desk) -> None:
    plan, question = await begun(desk, ENGLISH, GERMAN)
    assert "Wenn Sie nichts tun, wird gewartet" in question.says
    await desk.until(lambda: "Waiting for Alex Wilber" in plan.says, "the English card does not say who is asked")
    run = await desk.run()
    await desk.engine.send(run.run_id, CancelRun(by=MEGAN))
    await desk.until(lambda: "Keine Antwort mehr nötig" in question.says, "the German copy is not brought to its end")
    await desk.until(lambda: "Cancelled" in plan.says, "the English card does not tell")
    assert question.message.summary.startswith("Nicht mehr nötig")


async def test_languages_survive_a_restart(desk: Desk) -> None:
    plan, question = await begun(desk, GERMAN, ENGLISH)
    await desk.until(lambda: "Wartet auf Alex Wilber" in plan.says, "the card does not say who is asked")
    await desk.restart()
    await desk.press(ALEX, "Send decisions", on=question, **{"rule:amount": "right"})
    await desk.sees(MEGAN, "Zulassen")


async def test_who_changes_the_language_of_teams_reads_the_new_one_from_then_on(desk: Desk) -> None:
    await desk.say(MEGAN, "status", **GERMAN)
    assert "Ihre Vorgänge" in desk.last(MEGAN).says
    await desk.say(MEGAN, "status", **ENGLISH)
    assert "Your runs" in desk.last(MEGAN).says
    await desk.say(MEGAN, "status")
    assert "Your runs" in desk.last(MEGAN).says


@pytest.mark.parametrize("locale", ["fr-FR", "", "xx", "de\u202e-DE/../.."])
async def test_an_unknown_language_is_english(desk: Desk, locale: str) -> None:
    await desk.say(MEGAN, "status", locale=locale)
    assert "Your runs" in desk.last(MEGAN).says


async def test_refusals_of_the_core_are_told_in_german_by_their_code(desk: Desk) -> None:
    _, question = await begun(desk, GERMAN, ENGLISH)
    pressed = buttons(question.card)["Send decisions"]
    status, body = await desk.execute(MEGAN, pressed["verb"], {**pressed["data"], "rule:amount": "right"})
    assert (status, body["value"]) == (200, "Das dürfen Sie nicht tun. Es wurde nichts geändert.")


async def test_an_answer_that_comes_late_is_told_so_in_the_language_of_who_gave_it(desk: Desk) -> None:
    _, question = await begun(desk, ENGLISH, GERMAN)
    asked = dict(buttons(question.card)["Entscheidungen senden"]["data"])
    await desk.press(ALEX, "Entscheidungen senden", on=question, **{"rule:amount": "right"})
    _, body = await desk.execute(ALEX, "approval.decide", {**asked, "rule:amount": "left"}, question.id)
    assert "Ihre erste Antwort gilt; diese hat nichts geändert." in everything(body)


async def test_a_guest_is_refused_in_german(desk: Desk) -> None:
    desk.outbound.members[MEGAN.id] = Member(MEGAN, guest=True, tenant=TENANT)
    await desk.say(MEGAN, GOAL, **GERMAN)
    assert "Sie sind hier Gast" in desk.last(MEGAN).says


async def test_a_foreign_tenant_is_refused_in_the_language_of_the_activity(desk: Desk) -> None:
    there = {"id": "a:megan", "conversationType": "personal", "tenantId": "99999999-9999-4999-8999-999999999999"}
    await desk.say(MEGAN, GOAL, conversation=there, channelData={}, **GERMAN)
    assert "Ich arbeite für eine andere Organisation" in desk.last(MEGAN).says


async def test_in_a_group_it_is_the_language_of_who_said_the_goal(desk: Desk) -> None:
    for person, locale in ((MEGAN, GERMAN), (ALEX, ENGLISH)):
        await desk.send(person, "installationUpdate", action="add", **locale)
    await desk.send(MEGAN, **mentioned(), **GERMAN)
    status = thread(desk)[0]
    await desk.until(lambda: "Ein Plan für Megan Bowen liegt bereit" in status.says, "the group is not told in German")
    await desk.press(MEGAN, "Starten")
    await desk.sees(ALEX, "Send decisions")
    await desk.until(lambda: "und eine Entscheidung steht aus" in status.says, "the group is not told of the question")
    await desk.send(ALEX, **mentioned("<at>Tandem</at> help"), **ENGLISH)
    assert "Mention me" in thread(desk)[-1].says


async def test_questions_about_a_goal_and_their_answers_are_german(desk: Desk) -> None:
    await desk.say(MEGAN, "count the stock", **GERMAN)
    question = desk.last(MEGAN)
    assert "Noch eine Frage" in question.says
    await desk.press(MEGAN, "Oktober 2026", on=question)
    assert "Ihre Antwort: Oktober 2026" in question.says
    await desk.say(MEGAN, "abbrechen")
    assert "Abgebrochen" in desk.last(MEGAN).says


async def test_the_sign_in_is_asked_for_in_german(desk: Desk) -> None:
    needs = [Need("consent", "There is no consent.", "SAP")]
    desk.notifier.signing_in._needs = lambda _: needs
    desk.tokens.signed_in.clear()
    await desk.say(MEGAN, GOAL, **GERMAN)
    await desk.press(MEGAN, "Starten")
    card = await desk.sees(MEGAN, "Die Einwilligung fehlt")
    assert "Tandem hat keine Einwilligung, bei SAP für Sie zu handeln." in card.says
    assert "There is no consent" not in card.says


async def test_a_group_press_that_does_not_say_its_language_is_answered_in_that_of_the_own_chat(desk: Desk) -> None:
    await desk.send(MEGAN, "installationUpdate", action="add", **GERMAN)
    value = {"action": {"type": "Action.Execute", "verb": "run.start", "data": {"run_id": "x"}}}
    _, body = await desk.send(MEGAN, "invoke", name="adaptiveCard/action", value=value, **there())
    assert (
        body["value"]
        == "Diese Schaltfläche funktioniert nur in Ihrem persönlichen Chat mit mir. Es wurde nichts geändert."
    )
