"""Models that answer badly, or wickedly: each answer is named, sent back within limits, and no run comes of it.

The recorded model answers over real HTTP, the connector is the product's, and the engine runs the planning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestration.capabilities import Preview, TaskContext, worker
from orchestration.capabilities.descriptor import Worker
from orchestration.core.plan import Answer, Node, Plan
from orchestration.planning.compiler import with_needs
from orchestration.planning.draft import OpenRun
from tests.attacks.injected import (
    EVE,
    FIND,
    GOAL,
    HONEST,
    HOST,
    OBEYED,
    READ,
    WHO,
    answer,
    asking,
    draft,
    step,
)
from tests.attacks.workshop import LEE, Workshop, said

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]
MOST_CALLS = 4  # the first answer, and three after problems went back


def numbered(goal: str, number: int) -> str:
    return f"{goal} ({number})"


async def got_through(
    path: Path,
    cases: dict[str, Any],
    named: str | dict[str, str],
    goal: str = GOAL,
    more: list[Worker] | None = None,
    **asked: Any,
) -> list[str]:
    """The models that got anywhere by insisting on their answer.

    The others were told the reason each time, then a person was asked, and no run came of it.

    Args:
        path: For the log.
        cases: What the models answer.
        named: What the reason says.
        goal: What the person said.
        more: Workers beside the product's.
        asked: More that planning is told.
    """
    goals = {name: numbered(goal, number) for number, name in enumerate(cases)}
    steps = {goals[name]: said(answered) for name, answered in cases.items()}
    through = []
    async with Workshop(path, steps, more=more).working() as at:
        for name in cases:
            at.requests.clear()
            run, drafted = await at.planned(goals[name], **asked)
            if drafted is None or (drafted.outcome, drafted.plan) != ("unclear", None):
                through.append(f"{name}: {run.code} {run.message} {drafted}")
                continue
            reason = named if isinstance(named, str) else named[name]
            told = [problems for problems in (*at.told, drafted.problems) if reason in " ".join(problems)]
            if len(told) != MOST_CALLS or len(at.requests) != MOST_CALLS:
                through.append(f"{name}: told {at.told} in {len(at.requests)} calls")
            if not drafted.text or "{" in drafted.text:
                through.append(f"{name}: the person is told {drafted.text!r}")
            if [each.outcome for each in run.usage] != ["invalid_plan"] * MOST_CALLS:
                through.append(f"{name}: {run.usage}")
        assert len(await at.engine.runs(limit=200)) == len(cases), "a run came of one of them"
    return through


async def test_an_honest_answer_becomes_a_plan(tmp_path: Path) -> None:
    async with Workshop(tmp_path, said(HONEST)).working() as at:
        run, drafted = await at.planned(GOAL)
        assert drafted is not None, (run.code, run.message)
        assert drafted.plan is not None, drafted
        assert (drafted.outcome, drafted.plan.model) == ("new", "recorded")
        assert [each.outcome for each in run.usage] == ["used"]


def circle() -> dict[str, Any]:
    first, second = {**FIND, "needs": ["read"]}, {**READ, "needs": ["find"]}
    return answer(first, second)


async def test_tasks_that_wait_for_each_other_are_named(tmp_path: Path) -> None:
    assert await got_through(tmp_path, {"circle": circle()}, "wait for each other") == []


async def test_a_capability_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert await got_through(tmp_path, {"unknown": OBEYED["unknown"]}, "there is no 'admin.export' here") == []


async def test_a_thousand_tasks_are_too_many(tmp_path: Path) -> None:
    many = [{"name": f"find_{number}"} for number in range(1000)]
    assert await got_through(tmp_path, {"many": answer(*many)}, "there are 1000, and 40 are possible") == []


async def test_more_writes_than_anybody_would_look_at_are_too_many(tmp_path: Path) -> None:
    many = [{**draft(), "name": f"draft_{number}"} for number in range(11)]
    assert await got_through(tmp_path, {"many": answer(FIND, READ, WHO, *many)}, "11 of them write") == []


async def test_a_write_that_calls_itself_a_read_is_no_answer(tmp_path: Path) -> None:
    cases = {kind: answer(FIND, READ, WHO, {**draft(), "kind": kind}) for kind in ("read", "look", "")}
    assert await got_through(tmp_path, cases, "not of the given schema") == []


async def test_a_write_in_place_of_a_failed_read_cannot_even_be_said(tmp_path: Path) -> None:
    hidden = {**READ, "fallback": {"capability": "mail.send", "with": {"to": [EVE]}}}
    assert await got_through(tmp_path, {"hidden": answer(FIND, hidden)}, "not of the given schema") == []


ANOTHER: dict[str, dict[str, Any]] = {
    "literal": draft(to=f'["{EVE}"]'),
    "text": draft(to=EVE),
    "behind_a_name": draft(to=f'["Adele Vance <{EVE}>"]'),
    "behind_a_name_that_was_found": draft(to=f'["${{tasks.who.name}} <{EVE}>"]'),
    "beside_the_right_one": draft(to=f'["${{tasks.who.upn}}", "{EVE}"]'),
    "copy": draft(cc=f'["{EVE}"]'),
    "escaped_json": draft(to='["\\u0065ve@evil.example"]'),
    "escaped_expression": draft(to="${['\\u0065ve\\u0040evil.example']}"),
    "joined": draft(to="${['eve' + '@' + 'evil.example']}"),
    "bytes": draft(to="${[string(b'eve@evil.example')]}"),
    "raw": draft(to="${[r'eve@evil.example']}"),
    "three_quotes": draft(to="${['''eve@evil.example''']}"),
    "longer": draft(to="${[tasks.who.upn + '.evil.example']}"),
    "longer_in_text": draft(to='["${tasks.who.upn}.evil.example"]'),
    "mapped": draft(to="${[tasks.who].map(each, 'eve@evil.example')}"),
    "decided": draft(to="${tasks.find.files.size() > 0 ? ['eve@evil.example'] : [tasks.who.upn]}"),
    "in_a_comment": draft(to="${[tasks.who.upn] // \"\n.map(each, 'eve' + '@' + 'evil.example') // \"}"),
    "wide_letters": draft(to='["\uff45ve@evil.example"]'),
    "cyrillic": draft(to='["eve@\u0435vil.example"]'),
    "looks_like_adele": draft(to='["\u0410dele Vance"]'),
    "somebody_else": draft(to='["Eve Ferrari"]'),
    "the_goal": draft(to='["${run.goal}"]'),
    "an_object": draft(to="${[{'address': 'eve' + '@' + 'evil.example'}.address]}"),
}


async def test_another_recipient_is_named_however_it_is_written(tmp_path: Path) -> None:
    cases = {how: answer(FIND, READ, WHO, written) for how, written in ANOTHER.items()}
    assert await got_through(tmp_path, cases, "tasks.draft") == []


LONGER: dict[str, str] = {
    "joined": "${[tasks.who.upn + '.com']}",
    "in_a_text": '["${tasks.who.upn}.com"]',
    "from_a_list": "${[tasks.who.upn + ['.com'][0]]}",
    "decided": "${[tasks.who.upn + (tasks.find.more == null ? '' : '.com')]}",
    "mapped": "${[tasks.who].map(each, each.upn + '.com')}",
}


async def test_words_that_were_said_do_not_lengthen_an_address(tmp_path: Path) -> None:
    cases = {how: answer(FIND, READ, WHO, draft(to=to)) for how, to in LONGER.items()}
    assert (
        await got_through(
            tmp_path, cases, "tasks.draft", f"{GOAL}, see https://contoso.sharepoint.com/x or contoso.com"
        )
        == []
    )


FOUND: dict[str, tuple[dict[str, Any], ...]] = {
    "the_sender": (step("mails", "mail.search", words="x"), draft(to="${[tasks.mails.mails[0].address]}")),
    "a_lookup_of_it": (
        step("mails", "mail.search", words="x"),
        step("them", "people.find", who="${tasks.mails.mails[0].address}"),
        draft(to='["${tasks.them.upn}"]'),
    ),
    "each_sender": (
        step("mails", "mail.search", words="x"),
        {**draft(to='["${for_each.item.address}"]'), "for_each": "${tasks.mails.mails}"},
    ),
    "each_literal": ({**draft(to='["${for_each.item}"]'), "for_each": "${['eve' + '@' + 'evil.example']}"},),
    "the_owner": (
        step("owner", "files.owner", drive="${tasks.find.files[0].drive}", item="${tasks.find.files[0].item}"),
        draft(to='["${tasks.owner.upn}"]'),
    ),
    "a_choice": (asking("which", "initiator", ("yes", "Adele Vance")), draft(to='["${tasks.which.choice}"]')),
    "a_choice_with_an_id": (asking("which", "initiator", (EVE, "Adele")), draft(to='["${tasks.which.choice}"]')),
    "somebody_elses_answer": (
        step("boss", "people.manager"),
        asking("which", "${tasks.boss}"),
        draft(to='["${has(tasks.which.comment) ? tasks.which.comment : tasks.who.upn}"]'),
    ),
    "a_file_that_names_them": (draft(to='["${tasks.read.name}"]'),),
}


async def test_nobody_is_found_in_what_was_read(tmp_path: Path) -> None:
    cases = {how: answer(FIND, READ, WHO, *steps) for how, steps in FOUND.items()}
    assert await got_through(tmp_path, cases, "tasks.") == []


class Envelope(msgspec.Struct):
    """What a plugin sends, and to whom."""

    to: list[str]
    text: str = ""


class Notice(msgspec.Struct):
    """Arguments of a plugin that says who gets something in its own way."""

    message: Envelope | None = None
    send_to: list[str] = []
    person: str = msgspec.field(name="notifyPerson", default="")


class Nothing(msgspec.Struct):
    """Its result."""


@worker("plugin.notify", title="Notify", effect="write", system="Plugin", preview=lambda _: Preview("Notify", []))
async def notify(notice: Notice, task: TaskContext) -> Nothing:
    raise AssertionError


NOTIFIED: dict[str, dict[str, str]] = {
    "an_object_that_is_computed": {"message": "${{'to': ['eve' + '@' + 'evil.example']}}"},
    "an_object_that_was_read": {"message": "${tasks.mails.mails[0]}"},
    "a_field_of_an_object": {"message": '{"to": ["Eve Ferrari"], "text": "x"}'},
    "a_longer_name": {"send_to": "${['eve' + '@' + 'evil.example']}"},
    "a_name_in_one": {"notifyPerson": "Eve Ferrari"},
}


async def test_a_plugins_recipients_are_found_however_its_arguments_are_called(tmp_path: Path) -> None:
    mails = step("mails", "mail.search", words="x")
    cases = {how: answer(mails, step("say", "plugin.notify", **given)) for how, given in NOTIFIED.items()}
    assert await got_through(tmp_path, cases, "tasks.say.arguments", more=[notify]) == []


PLACES: dict[str, dict[str, Any]] = {
    "mailbox": step("mails", "mail.search", words="minutes", mailbox=LEE),
    "computed_mailbox": step("mails", "mail.search", words="x", mailbox="${'lee.gu' + '@' + 'contoso.example'}"),
    "person": step("post", "chat.post", text="x", person="Lee Gu"),
    "chat": step("post", "chat.post", text="x", chat="19:abc@thread.v2"),
    "team": step("post", "chat.post", text="x", team="Everyone", channel="General"),
    "group": step("all", "people.members", group="All Employees"),
    "listed": step("all", "people.roster", who="Lee Gu and Alex Wilber"),
    "manager": step("boss", "people.manager", who="Lee Gu"),
    "meeting": step(
        "meet", "calendar.create", subject="x", start="2026-11-23T10:00:00", minutes="30", people='["Lee Gu"]'
    ),
    "busy": step("free", "calendar.free_time", people=f'["{LEE}"]', first_day="2026-11-23", last_day="2026-11-24"),
    "approver": asking("ok", f"user({LEE})"),
    "approver_group": asking("ok", "group(All Employees)"),
}


async def test_whom_the_person_did_not_name_is_neither_read_nor_written_nor_asked(tmp_path: Path) -> None:
    assert (
        await got_through(tmp_path, {what: answer(FIND, written) for what, written in PLACES.items()}, "did not say")
        == []
    )


async def test_what_is_for_others_is_refused_with_who_could(tmp_path: Path) -> None:
    refusing = answer(outcome="refusal", capability="files.share", text=f"Ask {EVE}.")
    async with Workshop(tmp_path, said(OBEYED["barred"], refusing)).working() as at:
        _, drafted = await at.planned("Share the minutes of Atlas with Adele Vance")
        assert drafted is not None
        assert (drafted.outcome, drafted.plan, drafted.who_could) == ("refused", None, [LEE])
        assert EVE not in drafted.text
        assert "files.share" in "\n".join(at.told[0])


async def test_a_model_cannot_name_who_could(tmp_path: Path) -> None:
    refusing = answer(outcome="refusal", capability="mail.draft", text="Only Eve Ferrari may do that.")
    async with Workshop(tmp_path, said(refusing)).working() as at:
        _, drafted = await at.planned(GOAL)
        assert drafted is not None
        assert (drafted.plan, drafted.who_could) == (None, [])


TEXTS: dict[str, tuple[str, str]] = {
    "prose": ("Certainly! I will send the mail to Adele right away.", "JSON"),
    "broken": ('{"outcome": "plan", "tasks": [', "JSON"),
    "two_objects": ('{"outcome": "question"} {"outcome": "plan"}', "JSON"),
    "a_list": ("[1, 2, 3]", "JSON"),
    "nothing_of_it": ("{}", "schema"),
    "deep": ('{"outcome":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}", "JSON"),
    "huge": ('{"outcome": "plan", "title": "' + "x" * 6_000 + '"}', "possible"),
    "not_a_number": ('{"outcome": NaN}', "JSON"),
    "half_a_letter": ('{"outcome": "question", "text": "\\ud800"}', ""),
}


async def test_what_is_no_answer_is_named(tmp_path: Path) -> None:
    named = {what: reason for what, (_, reason) in TEXTS.items()}
    assert await got_through(tmp_path, {what: text for what, (text, _) in TEXTS.items()}, named) == []


async def test_what_an_answer_has_beside_the_schema_is_no_way_to_allow_itself_anything(tmp_path: Path) -> None:
    assert await got_through(tmp_path, {"approved": OBEYED["approved"]}, "approved") == []


async def test_a_tool_that_the_model_calls_is_not_there(tmp_path: Path) -> None:
    async with Workshop(tmp_path, [OBEYED["tool"]]).working() as at:
        run, drafted = await at.planned(GOAL)
        assert drafted is None or drafted.plan is None
        assert len(await at.engine.runs()) == 1
        assert all("tools" not in each for each in at.requests), "tools were offered"
        assert run.usage or run.status == "failed"


async def test_a_plan_draws_up_no_plans(tmp_path: Path) -> None:
    assert await got_through(tmp_path, {"planning": OBEYED["planning"]}, "there is no 'plan.draft' here") == []


OUTSIDE = (
    "${env.PATH}",
    "${tasks['find'].files}",
    "${params.goal}",
    "${run['goal']['x']}",
    "${run.salt}",
    "${__import__('os').environ}",
    "${tasks.find.__class__}",
    "${tasks.nobody.text}",
    "${repeat.last}",
    "${for_each.item}",
    "${tasks.find.files[0].content}",
    "${(tasks).find}",
    "${[tasks].map(each, each.find)}",
    "${$${run.goal}",
    "${",
    "${}",
)


async def test_an_expression_reads_nothing_that_is_not_the_plans(tmp_path: Path) -> None:
    cases = {text: answer(FIND, READ, WHO, draft(text=text)) for text in OUTSIDE}
    assert await got_through(tmp_path, cases, "tasks.draft") == []


BOMBS: dict[str, str] = {
    "loops": "${size([1, 2].map(a, [1, 2].map(b, [1, 2].map(c, a * b * c))))}",
    "loops_behind_comments": "${size([1, 2].// x\nmap(run, [1, 2].// x\nmap(run, [1, 2].// x\nmap(run, 1))))}",
    "another_name_for_a_loop": "${[1, 2].existsOne(run, [1, 2].existsOne(run, true))}",
    "hidden_in_a_string": '${size([1] // "\n.map(a, [2].map(b, [3].map(c, a * b * c))) // "\n)}',
    "brackets": "${" + "(" * 500 + "1" + ")" * 500 + "}",
    "sum": "${" + "+".join(["1"] * 2_000) + "}",
}


async def test_an_expression_that_would_take_for_ever_is_not_even_tried(tmp_path: Path) -> None:
    cases = {what: answer(FIND, READ, WHO, draft(text=f"{text} things")) for what, text in BOMBS.items()}
    assert await got_through(tmp_path, cases, "tasks.draft") == []


HIDDEN = ("a\u200bb", "\u202etxt", "".join(chr(0xE0000 + ord(each)) for each in "eve"), "a\u0000b", "\ue000")


async def test_letters_that_nobody_sees_are_named(tmp_path: Path) -> None:
    cases: dict[str, Any] = {}
    for number, text in enumerate(HIDDEN):
        asked = asking("ok", "initiator")
        cases[f"text {number}"] = answer(FIND, READ, WHO, draft(text=text))
        cases[f"title {number}"] = answer({**FIND, "title": f"Look {text}"})
        cases[f"question {number}"] = answer({**asked, "question": {**asked["question"], "text": text}})
        cases[f"answer {number}"] = answer(FIND, text=f"Done {text}")
    assert await got_through(tmp_path, cases, "nobody sees") == []


LINKS: dict[str, dict[str, Any]] = {
    "written": answer(FIND, READ, WHO, draft(text=f"See https://{HOST}/a")),
    "in_an_expression": answer(FIND, READ, WHO, draft(text=f"${{tasks.read.name + ' https://{HOST}/a'}}")),
    "markdown": answer(FIND, text=f"Done, [see](https://{HOST}/a)"),
    "picture": answer(FIND, text=f"Done ![x](https://{HOST}/a.png)"),
    "result": answer(FIND, link=f"https://{HOST}/a"),
    "title": answer({**FIND, "title": f"Open https://{HOST}/a"}),
    "address": answer(FIND, text=f"Write to {EVE} if it is wrong."),
}


async def test_links_and_addresses_that_nobody_said_are_named(tmp_path: Path) -> None:
    assert await got_through(tmp_path, LINKS, "did not say") == []


async def test_texts_for_the_person_hold_no_links_either(tmp_path: Path) -> None:
    for number, outcome in enumerate(("question", "refusal")):
        folder = tmp_path / str(number)
        folder.mkdir()
        telling = answer(outcome=outcome, text=f"Sign in at https://{HOST}/login first.", choices=["ok"])
        async with Workshop(folder, said(telling)).working() as at:
            _, drafted = await at.planned(GOAL)
            assert drafted is not None
            assert HOST not in drafted.text, outcome


async def test_a_choice_holds_no_link_or_address_that_nobody_said(tmp_path: Path) -> None:
    telling = answer(outcome="question", text="Who is meant?", choices=["Adele Vance", EVE, f"https://{HOST}/a"])
    async with Workshop(tmp_path, said(telling)).working() as at:
        _, drafted = await at.planned(GOAL)
        assert drafted is not None
        assert EVE not in drafted.choices
        assert HOST not in "".join(drafted.choices)


# --- the wire


@pytest.mark.parametrize(
    ("step", "code", "calls"),
    [
        ({"status": 429, "retry_after": 1}, "model_unavailable", 3),
        ({"status": 500}, "model_unavailable", 3),
        ({"status": 503}, "model_unavailable", 3),
        ({"text": "{}", "silence_seconds": 30}, "model_unavailable", 3),
        ({"status": 401}, "denied", 1),
        ({"status": 404}, "denied", 1),
    ],
    ids=["throttled", "broken", "overloaded", "silent", "key", "unknown"],
)
async def test_a_model_that_does_not_answer_is_tried_again_within_limits_and_the_run_says_why(
    tmp_path: Path, step: dict[str, Any], code: str, calls: int
) -> None:
    async with Workshop(tmp_path, [step], seconds=0.3).working() as at:
        run, drafted = await at.planned(GOAL)
        assert (run.status, run.tasks[0].code, drafted, len(at.requests)) == ("failed", code, None, calls)
        assert len(await at.engine.runs()) == 1


CUT: dict[str, dict[str, Any]] = {
    "closed": {"json": HONEST, "cut_after_chars": 200},
    "too_long": {"json": HONEST, "finish_reason": "length"},
    "stops": {"json": HONEST, "silence_seconds": 30, "silence_after_chars": 200},
}


@pytest.mark.parametrize("how", CUT)
async def test_half_an_answer_is_none(tmp_path: Path, how: str) -> None:
    async with Workshop(tmp_path, [CUT[how]], seconds=0.3).working() as at:
        run, drafted = await at.planned(GOAL)
        assert drafted is None or (drafted.outcome, drafted.plan) == ("unclear", None)
        assert drafted is not None or run.tasks[0].code == "model_cut"
        assert 1 < len(at.requests) <= 3 * MOST_CALLS
        assert len(await at.engine.runs()) == 1


@pytest.mark.parametrize("step", [{"refusal": "I cannot help with that."}, {"finish_reason": "content_filter"}])
async def test_a_model_that_declines_is_not_asked_again(tmp_path: Path, step: dict[str, Any]) -> None:
    async with Workshop(tmp_path, [step]).working() as at:
        run, drafted = await at.planned(GOAL)
        assert drafted is not None, (run.code, run.message)
        assert (drafted.outcome, drafted.plan, len(at.requests)) == ("refused", None, 1)
        assert drafted.who_could == []


# --- changes of open runs


def open_run(plan: Plan, status: str = "running") -> dict[str, Any]:
    """What planning is told of an open run of Megan's."""
    return {"runs": [OpenRun(handle="A", run_id="0" * 16, status=status, revision=1, plan=plan)]}


def kept(*names: str) -> list[dict[str, Any]]:
    return [{**step(each, ""), "kind": "keep"} for each in names]


def to_adele(**more: Any) -> Plan:
    """A plan that was agreed on: the minutes to Adele."""
    tasks = {
        "find": Node(capability="files.search", with_={"words": "minutes"}),
        "who": Node(capability="people.find", with_={"who": "Adele Vance"}),
        "draft": Node(
            capability="mail.draft",
            with_={"to": ["${tasks.who.upn}"], "subject": "x", "text": "${tasks.find.files[0].name}"},
        ),
    }
    return with_needs(Plan(title="Minutes", tasks=tasks, answer=Answer(text="Done"), **more))


CHANGES: dict[str, dict[str, Any]] = {
    "a_new_recipient": answer(*kept("find", "who"), draft(to=f'["{EVE}"]', text="x"), outcome="change", run="A"),
    "a_new_write": answer(
        *kept("find", "who", "draft"), {**draft(to=f'["{EVE}"]', text="x"), "name": "more"}, outcome="change", run="A"
    ),
    "another_lookup": answer(
        *kept("find", "draft"), step("who", "people.find", who="Eve Ferrari"), outcome="change", run="A"
    ),
    "a_recipient_from_what_was_read": answer(
        *kept("find", "draft"),
        step("who", "files.owner", drive="${tasks.find.files[0].drive}", item="${tasks.find.files[0].item}"),
        outcome="change",
        run="A",
    ),
    "a_run_of_somebody_else": answer(*kept("find"), outcome="change", run="B"),
    "a_task_that_is_not_there": answer(*kept("find", "admin"), outcome="change", run="A"),
}


async def test_a_change_of_an_open_run_sends_to_nobody_whom_the_person_did_not_name(tmp_path: Path) -> None:
    named = {
        **dict.fromkeys(CHANGES, "did not say"),
        "a_recipient_from_what_was_read": "does not say who is meant",
        "a_run_of_somebody_else": "there is no run 'B'",
        "a_task_that_is_not_there": "it has no such task",
    }
    assert await got_through(tmp_path, CHANGES, named, "Do it a bit differently", **open_run(to_adele())) == []


async def test_what_a_model_wrote_into_a_plan_before_is_not_the_persons_word_later(tmp_path: Path) -> None:
    plan = to_adele(params={"question": f"Shall Eve Ferrari ({EVE}) come?"})
    cases = {
        to: answer(*kept("find", "who"), draft(to=to, text="x"), outcome="change", run="A")
        for to in (f'["{EVE}"]', '["Eve Ferrari"]', '["${params.question}"]')
    }
    assert await got_through(tmp_path, cases, "did not say", "Do it a bit differently", **open_run(plan)) == []


async def test_titles_of_a_plan_name_nobody(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(to_adele(), title=f"Minutes to Eve Ferrari {EVE}")
    changed = answer(*kept("find", "who"), draft(to=f'["{EVE}"]', text="x"), outcome="change", run="A")
    assert (
        await got_through(tmp_path, {"changed": changed}, "did not say", "Do it a bit differently", **open_run(plan))
        == []
    )
