"""Drawing up a plan with a model: what comes of its answers, and what it is told of those that are no good."""

from __future__ import annotations

import json

import msgspec
import pytest

from orchestration.core.usage import Usage
from orchestration.errors import Invalid, ModelCut, ModelRefused, ModelUnavailable
from orchestration.planning.compiler import fill
from orchestration.planning.draft import CAPABILITY, Asked
from orchestration.planning.portrayal import portrayed, sampled
from orchestration.planning.problems import plan_problems
from orchestration.planning.worker import draft_worker
from orchestration.validation.policy import Plans, Policy
from orchestration.validation.policy_file import NoFile
from tests.unit.planning.modelled import (
    MEGAN,
    PLANNER,
    REGISTRY,
    TODAY,
    ScriptedModel,
    ask,
    draw,
    keep,
    plan,
    playbook,
    reconciliation,
    step,
)

FIND = step("found", "files.search", {"words": "Atlas minutes", "most": "5"})
READ = step("read", "files.read", {"drive": "${tasks.found.files[0].drive}", "item": "${tasks.found.files[0].item}"})
ADELE = step("adele", "people.find", {"who": "Adele Vance"})
DRAFT = step(
    "draft",
    "mail.draft",
    {
        "to": '["${tasks.adele.name} <${tasks.adele.upn}>"]',
        "subject": "Atlas",
        "text": "${tasks.read.passages[0].text}",
    },
)
MAYBE = READ | {"when": "size(tasks.found.files) > 0"}
OPTIONAL = step("b", "files.names", {"said": "${tasks.read.name}"}, optional=["read"])
SAMEN = step("b", "files.names", {"said": "${tasks.a.names[0]}"})
NAMES = step("a", "files.names", {"said": "${tasks.b.names[0]}"})
LINK = "${tasks.draft == null ? '' : tasks.draft.link}"
MINUTES = plan(FIND, READ, ADELE, DRAFT, text="A draft was ${tasks.draft == null ? 'not ' : ''}made.", link=LINK)
GOAL = "Find the minutes of Atlas and draft a mail with them to Adele Vance"


async def test_a_plan_of_the_catalogue_s_capabilities_is_proposed_with_its_needs_and_signed() -> None:
    drawn = await draw(GOAL, MINUTES)
    made = drawn.drafted.plan
    assert drawn.drafted.outcome == "new"
    assert made is not None
    assert (made.model, made.planned_in, made.playbook) == ("scripted-1", "p1", "")
    assert made.tasks["draft"].needs == ["read", "adele"]
    assert made.tasks["found"].with_ == {"words": "Atlas minutes", "most": 5}  # typed by the schema
    assert made.tasks["draft"].with_["to"] == ["${tasks.adele.name} <${tasks.adele.upn}>"]
    assert plan_problems(made, REGISTRY) == []
    assert [usage.outcome for usage in drawn.usages] == ["used"]


async def test_choosing_a_playbook_fills_it_in_and_says_which_it_is() -> None:
    drawn = await draw("Did we pay anybody twice in October?", playbook("reconcile-supplier-invoices", month="2026-10"))
    assert drawn.drafted.plan is not None
    assert drawn.drafted.plan.playbook.startswith("reconcile-supplier-invoices@")
    assert drawn.drafted.plan.params["month"] == "2026-10"
    assert drawn.drafted.plan.model == "scripted-1"


async def test_what_a_playbook_lacks_is_asked_with_its_own_question() -> None:
    drawn = await draw("Did we pay anybody twice?", playbook("reconcile-supplier-invoices"))
    assert drawn.drafted.outcome == "question"
    assert drawn.drafted.text == "Which month shall be reconciled?"
    assert drawn.drafted.choices == ["October 2026", "September 2026", "August 2026"]


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        (playbook("pay-everybody"), "there is no 'pay-everybody'"),
        (playbook("reconcile-supplier-invoices", month="October"), "is not a month"),
        (playbook("reconcile-supplier-invoices", year="2026"), "has no 'year'"),
        (playbook("find-a-slot", people="Adele Vance", subject="x", week="2027"), "one of today, tomorrow"),
    ],
)
async def test_a_playbook_that_is_not_there_or_a_value_that_is_none_goes_back(chosen: dict, problem: str) -> None:  # type: ignore[type-arg]
    drawn = await draw("Meet Adele Vance in October", chosen, MINUTES | {"outcome": "refusal"})
    assert problem in drawn.model.problems()[0][0]


async def test_problems_go_back_three_times_and_then_the_person_is_told_what_is_unclear() -> None:
    wrong = plan(step("a", "mail.teleport"))
    drawn = await draw(GOAL, wrong, "Sorry!", '{"outcome": "pl', wrong)
    assert len(drawn.model.asked) == 4
    assert [usage.outcome for usage in drawn.usages] == ["invalid_plan"] * 4
    assert drawn.drafted.outcome == "unclear"
    assert drawn.drafted.plan is None
    assert "I cannot do here" in drawn.drafted.text
    assert "{" not in drawn.drafted.text
    assert drawn.drafted.problems
    assert "no JSON object" in drawn.model.problems()[1][0]
    # What it said is shown to it again, as its own words.
    assert [message.role for message in drawn.model.asked[3]] == ["system", "user"] + ["assistant", "user"] * 3


async def test_an_answer_that_is_mended_is_taken() -> None:
    drawn = await draw(GOAL, plan(step("a", "mail.teleport")), MINUTES)
    assert drawn.drafted.outcome == "new"
    assert [usage.outcome for usage in drawn.usages] == ["invalid_plan", "used"]


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ([NAMES, SAMEN], "wait for each other"),
        ([FIND, FIND], "there are two called 'found'"),
        ([step("Found", "files.search", {"words": "x"})], "lower-case letters"),
        ([step("a", "files.search", {"word": "x"})], "there is no 'word'"),
        ([step("a", "files.search")], "'words' is missing"),
        ([step("a", "files.search", {"words": "x", "most": "many"})], "must be JSON (integer"),
        ([step("a", "files.search", {"words": "${tasks.nobody.x}"})], "there is no task 'nobody'"),
        ([FIND, step("b", "files.names", {"said": "${tasks.found.titles}"})], "there is no 'titles'"),
        ([step("a", "files.search", {"words": "${system('x')}"})], "there is no function system"),
        ([step("a", "files.search", {"words": "${run.goal.split(' ')[0]}"})], "there is no function split"),
        ([FIND, MAYBE, OPTIONAL], "may have been skipped"),
        ([step("a", CAPABILITY, {"goal": "x", "today": "2026-11-23"})], "there is no 'plan.draft' here"),
        ([ask("a", "initiator") | {"question": None}], "needs one"),
        ([FIND | {"kind": "keep"}], "it has no such task"),
        ([FIND | {"needs": ["nobody"]}], "there is no task 'nobody'"),
    ],
)  # fmt: skip
async def test_a_graph_that_cannot_run_goes_back_in_words(tasks: list, problem: str) -> None:  # type: ignore[type-arg]
    drawn = await draw(GOAL, plan(*tasks), MINUTES)
    assert any(problem in each for each in drawn.model.problems()[0])
    assert drawn.drafted.outcome == "new"


async def test_a_task_for_every_item_of_a_list_keeps_what_it_gives() -> None:
    each = step(
        "texts", "files.read", {"drive": "${for_each.item.drive}", "item": "${for_each.item.item}"},
        for_each="${tasks.found.files}", on_failure="skip",
    )  # fmt: skip
    drawn = await draw(GOAL, plan(FIND, each, text="${tasks.texts.count} files"))
    assert drawn.drafted.plan is not None, drawn.model.problems()
    group = drawn.drafted.plan.tasks["texts"].for_each
    assert group is not None
    assert (group.items, group.on_failure, group.gives) == ("${tasks.found.files}", "keep", "${tasks.texts_each}")


async def test_a_question_to_a_person_in_the_plan_is_an_approval() -> None:
    choices = [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]
    tasks = [ask("boss", "manager(initiator)"), ask("mine", "initiator", choices=choices)]
    drawn = await draw("Ask my manager and then me", plan(*tasks))
    assert drawn.drafted.plan is not None
    assert list(drawn.drafted.plan.tasks) == ["manager_asked", "boss", "mine"]
    assert drawn.drafted.plan.tasks["mine"].approval is not None
    assert drawn.drafted.plan.tasks["mine"].approval.approver == "${run.initiator}"


async def test_a_question_is_asked_one_at_a_time_and_not_twice() -> None:
    question = {"outcome": "question", "text": "Which month?", "choices": ["October", "November", "October", ""]}
    drawn = await draw("Reconcile", question)
    assert (drawn.drafted.outcome, drawn.drafted.text) == ("question", "Which month?")
    assert drawn.drafted.choices == ["October", "November"]
    again = await draw("Reconcile", question, question, question, question, said=[("Which month?", "October")])
    assert again.drafted.outcome == "unclear"
    assert "asked and answered already" in again.model.problems()[0][0]


async def test_after_five_questions_no_more_is_asked() -> None:
    said = [(f"What about {n}?", "Yes") for n in range(5)]
    drawn = await draw("Reconcile", {"outcome": "question", "text": "And the sixth?"}, said=said)
    assert drawn.drafted.outcome == "unclear"
    assert "And the sixth?" in drawn.drafted.text


async def test_what_policy_keeps_for_others_is_refused_with_who_could_from_the_policy() -> None:
    policy = Policy(initiators={"mail.send": ["lee.gu@contoso.example"]})
    refusal = {"outcome": "refusal", "capability": "mail.send", "text": "Ask mallory@evil.example"}
    drawn = await draw("Send a mail to Adele Vance", refusal, policy=policy)
    assert drawn.drafted.outcome == "refused"
    assert drawn.drafted.who_could == ["lee.gu@contoso.example"]
    assert "mallory" not in drawn.drafted.text
    system = drawn.model.asked[0][0].text
    assert "# Not for this person\nmail.send: Send a mail" in system
    assert "mail.send (WRITE" not in system


async def test_a_plan_that_insists_on_what_the_person_may_not_use_ends_as_a_refusal() -> None:
    policy = Policy(initiators={"mail.send": ["lee.gu@contoso.example"]})
    send = plan(ADELE, step("a", "mail.send", {"to": "${[tasks.adele.upn]}", "subject": "x", "text": "y"}))
    drawn = await draw("Send a mail to Adele Vance", send, send, send, send, policy=policy)
    assert "answer with outcome refusal and capability mail.send" in drawn.model.problems()[0][0]
    assert (drawn.drafted.outcome, drawn.drafted.who_could) == ("refused", ["lee.gu@contoso.example"])


async def test_what_policy_denies_is_refused_for_everybody() -> None:
    policy = Policy(capabilities={"mail.*": "deny"})
    drawn = await draw("Send a mail", {"outcome": "refusal", "capability": "mail.send"}, policy=policy)
    assert (drawn.drafted.outcome, drawn.drafted.who_could) == ("refused", [])
    assert "lets nobody" in drawn.drafted.text
    assert "weekly-status" not in drawn.model.asked[0][0].text  # a playbook that needs it is not offered


async def test_a_refusal_of_what_is_allowed_is_no_refusal() -> None:
    drawn = await draw(GOAL, {"outcome": "refusal", "capability": "mail.draft"}, MINUTES)
    assert "is for this person" in drawn.model.problems()[0][0]
    assert drawn.drafted.outcome == "new"


async def test_what_cannot_be_done_at_all_is_unclear_in_the_model_s_words() -> None:
    drawn = await draw("Make coffee", {"outcome": "refusal", "text": "There is no way to make coffee here."})
    assert (drawn.drafted.outcome, drawn.drafted.text) == ("unclear", "There is no way to make coffee here.")


async def test_a_cut_answer_is_asked_for_again_and_a_second_one_is_left_to_the_runtime() -> None:
    drawn = await draw(GOAL, ModelCut("half"), MINUTES)
    assert drawn.drafted.outcome == "new"
    assert "broke off" in drawn.model.problems()[0][0]
    with pytest.raises(ModelCut):
        await draw(GOAL, ModelCut("half"), ModelCut("half"))


async def test_what_a_useless_answer_took_is_recorded() -> None:
    cut = ModelCut("half")
    cut.usage = Usage(model="m", input_tokens=10, output_tokens=5, outcome="cut")
    drawn = await draw(GOAL, cut, MINUTES)
    assert [usage.outcome for usage in drawn.usages] == ["cut", "used"]


async def test_a_model_that_declines_is_not_asked_again() -> None:
    drawn = await draw(GOAL, ModelRefused("filtered"))
    assert drawn.drafted.outcome == "refused"
    assert "declined" in drawn.drafted.text


async def test_a_model_that_is_down_fails_the_attempt() -> None:
    with pytest.raises(ModelUnavailable):
        await draw(GOAL, ModelUnavailable("down"))


async def test_a_day_that_is_none_is_told() -> None:
    model = ScriptedModel()
    worker = draft_worker(REGISTRY, PLANNER, NoFile(), model)
    from orchestration.capabilities import TaskContext

    task = TaskContext(run_id="r", task_id="draft", attempt=1, initiator=MEGAN)
    with pytest.raises(Invalid, match="is not a day"):
        await worker.call(Asked(goal="x", today="yesterday"), task)


async def test_the_worker_is_a_read_under_the_deployment_s_own_identity() -> None:
    model = ScriptedModel(MINUTES)
    worker = draft_worker(REGISTRY, PLANNER, NoFile(Policy(plans=Plans(start="ask"))), model)
    from orchestration.capabilities import TaskContext

    task = TaskContext(run_id="r7", task_id="draft", attempt=1, initiator=MEGAN)
    drafted = await worker.call(Asked(goal=GOAL, today=TODAY), task)
    assert drafted.plan.planned_in == "r7"
    assert worker.capability.effect == "read"
    assert (worker.attempts, worker.timeout.total_seconds(), worker.label) == (3, 300, "internal")
    assert worker.summarize is not None
    assert worker.summarize(drafted) == "a plan"


class TestChanges:
    """An open run shall go differently."""

    async def test_other_parameters_of_its_playbook_fill_it_in_again(self) -> None:
        change = {"outcome": "change", "run": "A", "parameters": [{"name": "month", "value": "2026-09"}]}
        drawn = await draw("make it September", change, runs=[reconciliation()])
        assert (drawn.drafted.outcome, drawn.drafted.run_id, drawn.drafted.revision) == ("change", "run-1", 2)
        assert drawn.drafted.plan is not None
        assert drawn.drafted.plan.params == {"month": "2026-09", "tolerance_days": 3, "tolerance_amount": 0}
        assert drawn.drafted.plan.playbook == reconciliation().plan.playbook

    async def test_tasks_that_are_kept_stay_as_they_are_and_the_others_go(self) -> None:
        run = reconciliation()
        match = step(
            "match",
            "ledger.reconcile",
            {
                "ledgers": '{"dynamics": "${tasks.dynamics}", "register": "${tasks.register}"}',
                "tolerance_days": "${params.tolerance_days}",
                "remembered": "${tasks.last_month}",
            },
            optional=["dynamics", "register", "last_month"],
        )
        book = step(
            "workbook",
            "report.workbook",
            {
                "title": "Supplier invoice reconciliation",
                "name": "Supplier invoices ${params.month}.xlsx",
                "reconciliation": "${tasks.match}",
                "decisions": "${tasks.decide}",
                "run": '{"id":"${run.id}","goal":"${run.goal}","initiator":"${run.initiator}","date":"${run.today}"}',
            },
            optional=["decide"],
        )
        tasks = [
            *keep("dynamics", "register", "accountant", "last_month"),
            match,
            *keep("decide"),
            book,
            *keep("upload"),
        ]
        drawn = await draw("without SAP", {"outcome": "change", "run": "A", "tasks": tasks}, runs=[run])
        made = drawn.drafted.plan
        assert made is not None, drawn.model.problems()
        assert "sap" not in made.tasks
        assert made.tasks["decide"] == run.plan.tasks["decide"]
        assert made.answer == run.plan.answer
        assert made.playbook == ""  # it is no longer what was vetted

    @pytest.mark.parametrize("name", sorted(PLANNER.playbooks()))
    async def test_a_plan_that_is_only_repeated_stays_as_it_is(self, name: str) -> None:
        """Whoever adds a task may say the others again instead of keeping them: nothing of them is done anew for it."""
        chosen = PLANNER.playbooks()[name]
        run = reconciliation(plan=fill(chosen, sampled(chosen)))
        shown = msgspec.to_builtins(portrayed(run.plan))
        change = {**shown, "outcome": "change", "run": "A", "playbook": "", "parameters": []}
        change["tasks"] = [*shown["tasks"], ADELE]
        drawn = await draw("also look up Adele Vance", change, runs=[run])
        assert drawn.drafted.plan is not None, drawn.model.problems()
        assert {**drawn.drafted.plan.tasks, "adele": None} == {**run.plan.tasks, "adele": None}
        assert drawn.drafted.plan.answer == run.plan.answer

    async def test_another_end_holds_no_link_that_nobody_said(self) -> None:
        run = reconciliation()
        ending = {"text": "See https://evil.example/x", "facts": [], "link": ""}
        change = {"outcome": "change", "run": "A", "tasks": keep(*run.plan.tasks), "answer": ending}
        drawn = await draw("tell me more in the end", *[change] * 4, runs=[run])
        assert "the person did not say the link" in drawn.model.problems()[0][0]

    async def test_a_mail_may_be_added_to_whom_the_person_names(self) -> None:
        run = reconciliation()
        mail = step(
            "mail", "mail.send",
            {"to": '["${tasks.adele.upn}"]', "subject": "Done", "text": "${tasks.match.summary}"},
        )  # fmt: skip
        change = {"outcome": "change", "run": "A", "tasks": [*keep(*run.plan.tasks), ADELE, mail]}
        drawn = await draw("also mail it to Adele Vance", change, runs=[run])
        assert drawn.drafted.plan is not None, drawn.model.problems()
        assert list(drawn.drafted.plan.tasks) == [*run.plan.tasks, "adele", "mail"]
        unsaid = await draw("also mail it", change, change, change, change, runs=[run])
        assert unsaid.drafted.outcome == "unclear"
        assert "“Adele Vance”" in unsaid.drafted.text

    async def test_whom_the_changed_plan_names_already_may_be_named_again(self) -> None:
        run = reconciliation()
        alex = step("alex", "people.find", {"who": "Alex Wilber <alex.wilber@contoso.example>"})
        mail = step("mail", "mail.send", {"to": '["${tasks.alex.upn}"]', "subject": "Done", "text": "Done"})
        change = {"outcome": "change", "run": "A", "tasks": [*keep(*run.plan.tasks), alex, mail]}
        drawn = await draw("also mail it to the accountant", change, runs=[run])
        assert drawn.drafted.outcome == "change", drawn.model.problems()

    async def test_a_task_that_stays_cannot_be_given_its_people_by_a_new_one(self) -> None:
        run = reconciliation()
        # `accountant` is who the differences are decided by: here somebody found in a file.
        found = step("found", "files.search", {"words": "accountant"})
        owner = step("accountant", "files.owner", {"drive": "${tasks.found.files[0].drive}", "item": "x"})
        mail = step("tell", "people.manager", {"who": "${tasks.accountant.upn}"})
        others = [each for each in run.plan.tasks if each != "accountant"]
        change = {"outcome": "change", "run": "A", "tasks": [found, owner, *keep(*others), mail]}
        drawn = await draw("let the owner of the file decide", *[change] * 4, runs=[run])
        assert any("tasks.accountant.upn does not say who is meant" in each for each in drawn.model.problems()[0])

    async def test_an_unknown_run_or_one_that_it_is_not_about_goes_back(self) -> None:
        change = {"outcome": "change", "run": "B", "parameters": [{"name": "month", "value": "2026-09"}]}
        drawn = await draw("make it September", *[change] * 4, runs=[reconciliation()])
        assert "there is no run 'B'; there are A" in drawn.model.problems()[0][0]
        about = await draw("find another way", *[MINUTES] * 4, runs=[reconciliation()], about="A")
        assert "this is about run A" in about.model.problems()[0][0]

    async def test_a_change_that_changes_nothing_goes_back(self) -> None:
        run = reconciliation()
        same = {"outcome": "change", "run": "A", "tasks": keep(*run.plan.tasks)}
        drawn = await draw("as it is", *[same] * 4, runs=[run])
        assert "changes nothing" in drawn.model.problems()[0][0]
        assert "It is so already." in drawn.drafted.text

    async def test_parameters_of_a_plan_that_is_no_playbook_s_any_more_keep_their_kinds(self) -> None:
        from msgspec.structs import replace

        run = reconciliation()
        run = replace(run, plan=replace(run.plan, playbook=""))

        def change(**values: str) -> dict[str, object]:
            parameters = [{"name": name, "value": value} for name, value in values.items()]
            return {"outcome": "change", "run": "A", "parameters": parameters}

        wrong = [change(month="soon"), change(tolerance_days="a few"), change(year="2026")]
        drawn = await draw("five days", *wrong, change(tolerance_days="5"), runs=[run])
        assert [each[0].partition(":")[0] for each in drawn.model.problems()] == [
            "parameters.month", "parameters.tolerance_days", "parameters",
        ]  # fmt: skip
        assert drawn.drafted.plan is not None
        assert drawn.drafted.plan.params["tolerance_days"] == 5

    async def test_the_model_sees_plans_standings_and_codes_of_open_runs_and_no_ids(self) -> None:
        drawn = await draw("hello", {"outcome": "refusal", "text": "No."}, runs=[reconciliation()], about="run-1")
        told = json.loads(drawn.model.asked[0][1].text)
        assert told["about"] == "A"
        (run,) = told["runs"]
        assert run.keys() == {"run", "title", "status", "plan", "tasks"}
        assert run["tasks"][0] == {"task": "sap", "status": "failed", "code": "unavailable"}
        assert "run-1" not in drawn.model.asked[0][1].text
