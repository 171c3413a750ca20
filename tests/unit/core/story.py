"""A run to which anything happens that can: what its effects lead to, what people and time do, and what comes late.

The world around it tells the truth: a write takes place or not, and whoever looks afterwards sees which.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.amendment import foresee_amendment
from orchestration.core.attempts import may_begin_unasked
from orchestration.core.codec import decode, encode
from orchestration.core.decide import decide
from orchestration.core.evolve import evolve, fold
from orchestration.core.plan import Node, Plan
from orchestration.core.question import APPROVE, CHOICES, DONE, NOT_DONE
from orchestration.core.run import (
    ENDED,
    OPERATOR,
    ApplyAmendment,
    ApprovalState,
    Ask,
    AskInitiator,
    AskSignIn,
    Conclude,
    Dispatch,
    Effect,
    Gather,
    Person,
    Prepare,
    PrepareQuestion,
    Reconcile,
    Remind,
    Report,
    Run,
    TellReply,
    Verdict,
    effects,
    wake_at,
)
from orchestration.core.settling import in_want
from orchestration.engines.preparation import idempotency_key
from orchestration.errors import AlreadyDecided, Invalid, NotPermitted, Outdated, TandemError
from tests.support.clock import START
from tests.support.office import ALEX, MEGAN
from tests.unit.core.invariants import Watch, holds, same
from tests.unit.core.plans import Pick, changed

ADELE = Person("oid-adele", "Adele Vance")
STRANGER = Person("oid-stranger", "Somebody Else")
OPERATING = Person(OPERATOR, "root")
MINUTE = timedelta(minutes=1)
LONG = 2_000


def first(options: Any) -> Any:
    """What leads on: see `Pick`."""
    return options[0]


class Story:
    """One run, its history and its world.

    Attributes:
        accepted: Idempotency key of each write that took place => its task.
        attempts: Every (task, attempt) ever begun.
    """

    def __init__(self, plan: Plan, pick: Pick = first) -> None:
        self.pick, self.now = pick, START
        self.history: list[e.Event] = []
        self.accepted: dict[str, str] = {}
        self.attempts: list[tuple[str, int]] = []
        self.watch = Watch()
        proposed = decide(None, c.ProposeRun(run_id="r", plan=plan, goal="g", initiator=MEGAN), self.now)
        self.run: Run = evolve(None, proposed[0])
        self.history += proposed
        self.watch.saw(None, proposed[0], self.run)

    def apply(self, command: c.Command) -> list[e.Event]:
        """What the command leads to, folded in and looked at event by event."""
        happened = decide(self.run, command, self.now)
        for event in happened:
            if isinstance(event, e.TaskStarted):
                self.attempts.append((event.task, event.attempt))
                assert not event.key or event.key not in self.accepted, f"{event.key} has been written already"
            before = self.watch.before(self.run)
            evolve(self.run, event)
            self.history.append(event)
            self.watch.saw(before, event, self.run)
        self.run.fresh.clear()
        holds(self.run)
        return happened

    def try_(self, command: c.Command) -> list[e.Event]:
        """The same, where a refusal is an answer too."""
        with suppress(TandemError):
            return self.apply(command)
        return []

    # --- effects

    def perform(self, effect: Effect) -> None:
        """Do what is due, well or badly."""
        match effect:
            case Prepare(task=name):
                if not self.run.held:
                    self._prepare(name)
            case PrepareQuestion(task=name):
                self._ask(name, "failure", [MEGAN])
            case Gather(task=name, number=number):
                self._gather(name, number)
            case Dispatch(task=name, attempt=attempt):
                self._attempt(name, attempt)
            case Reconcile(task=name, attempt=attempt):
                self._look(name, attempt)
            case Ask(approval=which):
                self._deliver(f"approval:{which}", self.run.approvals[which].approvers)
            case Remind(approval=which):
                self._deliver(f"reminder:{which}", self.run.approvals[which].approvers)
            case AskSignIn(round=number):
                self._deliver(f"sign_in:{number}", [MEGAN])
            case AskInitiator(approval=which, number=number):
                self._deliver(f"back:{which}:{number}", [MEGAN])
            case TellReply(approval=which, number=number):
                self._deliver(f"reply:{which}:{number}", [self.run.approvals[which].remarks[number - 2].by])
            case ApplyAmendment():
                self.apply(self.pick([c.ApplyAmendment(), c.ApplyAmendment(), c.DropAmendment(code="x", message="m")]))
            case Conclude():
                done: c.Command = c.ConcludeRun(answer="a")
                self.apply(self.pick([done, done, c.FailRun(code="expression", message="m")]))
            case Report():
                self._deliver(f"outcome:{self.run.reopened}", [MEGAN])

    def _deliver(self, notice: str, people: list[Person]) -> None:
        for person in people:
            if (notice, person.id) not in self.run.receipts:
                self.apply(c.RecordDelivery(notice=notice, to=person.id, receipt="r"))

    def _node(self, name: str) -> Node:
        node = self.run.nodes[name]
        if node.fallback is None or not self.run.tasks[name].fell_back:
            return node
        return msgspec.structs.replace(node, capability=node.fallback.capability)

    def _inputs(self, name: str) -> str:
        """As in `Preparation`: what a write would be made of; now and then by another worker."""
        node, prefix = self._node(name), name[: name.rfind(".") + 1]
        made_of = [self.run.tasks[prefix + need].entry for need in node.needs]
        return f"{name} {node.capability} {made_of} {self.pick(['w', 'w', 'w', 'v'])}"

    def _prepare(self, name: str) -> None:
        run, node, task = self.run, self._node(name), self.run.tasks[name]
        match self.pick(["go"] * 8 + ["skip", "fail"]):
            case "skip" if node.when:
                self.apply(c.SkipTask(task=name))
                return
            case "fail":
                self.apply(c.FailAttempt(task=name, attempt=0, code="expression", message="m"))
                return
        if node.approval is not None:
            self._ask_people(name, node)
        elif not node.capability:
            self.apply(c.OpenGroup(task=name, count=self.pick([1, 2, 0, 3]) if node.for_each else 0, entry="list"))
        elif node.capability == "read":
            self._start(name, "", "i")
        elif run.dry:
            self.apply(c.SkipTask(task=name, simulated="would have been written"))
        else:
            inputs = self._inputs(name)
            if task.stale and inputs == task.inputs:
                self.apply(c.KeepWrite(task=name))
            elif (
                task.allowed != inputs
                and may_begin_unasked(task, inputs, tainted=False)
                and self.pick([False] * 4 + [True])
            ):
                self._start(name, self.pick(["target", "none"]), inputs, self._unasked())
            elif task.allowed != inputs:
                more = {} if task.stale else {"editable": True, "scope": "files"}
                self._ask(name, "stale" if task.stale else "write", [MEGAN], inputs=inputs, **more)
            else:
                self._start(name, self.pick(["target", "two_step", "none"]), inputs)

    def _unasked(self) -> Verdict:
        return self.pick(["allowed", "granted"]) if self.run.grants else "allowed"

    def _start(self, name: str, dedupe: str, inputs: str, verdict: Verdict = "") -> None:
        task = self.run.tasks[name]
        self.apply(
            c.StartTask(
                task=name,
                worker="w",
                version="1",
                inputs=inputs,
                timeout=MINUTE,
                attempts=self.pick([2, 1]),
                dedupe=dedupe,
                key=idempotency_key("r", name, task.generation) if dedupe else "",
                verdict=verdict,
                scope="files",
            )
        )

    def _ask(self, name: str, kind: Any, who: list[Person], **more: Any) -> None:
        choices = [choice.id for choice in CHOICES[kind]]
        entry = f"shown {name} {len(self.history)}"
        self.apply(
            c.RequestApproval(task=name, kind=kind, title="?", approvers=who, choices=choices, entry=entry, **more)
        )

    def _ask_people(self, name: str, node: Node) -> None:
        asked = node.approval
        assert asked is not None
        who = self.pick([[ALEX, ADELE], [ALEX, ADELE, MEGAN], [ALEX, MEGAN]] if asked.quorum > 1 else [[ALEX], [MEGAN]])
        if self.run.dry:
            self._ask(name, "decision", [MEGAN])
            return
        self._ask(
            name,
            "decision",
            who,
            quorum=asked.quorum,
            due_hours=asked.due_hours,
            remind_hours=asked.remind_hours,
            escalate_to=self.pick([ADELE, ALEX, None]) if asked.escalate_to else None,
            on_expiry=asked.on_expiry,
            delegates=self.pick([[], [ADELE], [ADELE, ALEX, MEGAN]]),
            revises=self.pick(["", *self._readings(name)]),
        )

    def _readings(self, name: str) -> list[str]:
        """What a question shows that could be done differently."""
        prefix = name[: name.rfind(".") + 1]
        return [
            prefix + need for need in self.run.nodes[name].needs if self.run.nodes[prefix + need].capability == "read"
        ]

    def _gather(self, name: str, number: int) -> None:
        node = self.run.nodes[name]
        if self.pick([False] * 9 + [True]):
            self.apply(c.FailAttempt(task=name, attempt=0, code="expression", message="m"))
            return
        failed = any(
            self.run.tasks[f"{name}.{each}.{child}"].status == "failed"
            for each in ([number] if node.repeat else range(1, self.run.groups[name].count + 1))
            for child in node.body
        )
        if failed and (node.repeat or (node.for_each and node.for_each.on_failure == "fail")):
            self.apply(c.FailAttempt(task=name, attempt=0, code="item", message="m"))
        elif node.for_each:
            self.apply(c.CloseGroup(task=name, entry=self._entry(name)))
        else:
            entry, met = self.pick(["x", f"round {number}"]), self.pick([True, False])
            outputs = {stopped: self._entry(name) for stopped in ("accepted", "stalled", "exhausted")}
            self.apply(c.EndRound(task=name, number=number, entry=entry, met=met, outputs=outputs))

    def _entry(self, name: str) -> str:
        entry: str = self.pick([f"of {name}", f"another of {name}", "shared", f"{len(self.history)}"])
        return entry

    def _accept(self, name: str) -> bool:
        """The target takes a write, if its worker still may begin."""
        task = self.run.tasks[name]
        if task.status != "running" or task.not_after is None or self.now > task.not_after:
            return task.key in self.accepted
        [*_, begun] = (each for each in self.history if isinstance(each, e.TaskStarted) and each.task == name)
        assert begun.verdict in ("allowed", "granted") or task.allowed == task.inputs
        self.accepted[task.key] = name
        return True

    def _attempt(self, name: str, attempt: int) -> None:
        task = self.run.tasks[name]
        write = bool(task.dedupe)
        kind = self.pick(["done"] * 6 + ["retry", "fail", "sign_in", "doubt", "silent", "journal"])
        if write and kind in ("done", "doubt", "silent") and self.pick([True, kind == "done"]):
            self._accept(name)
        there = not write or task.key in self.accepted
        match kind:
            case "done" if there:
                self.apply(c.CompleteTask(task=name, attempt=attempt, entry=self._entry(name)))
            case "journal":
                happened = self.apply(c.JournalStep(task=name, attempt=attempt, note=f"draft of {task.key}"))
                assert bool(happened) == write
            case "doubt" if write:
                self.apply(c.DoubtTask(task=name, attempt=attempt, message="m"))
            case "sign_in" if not write or not there:
                self.apply(c.AwaitSignIn(task=name, attempt=attempt))
            case "retry" | "fail" | "done" if not write or not there:
                retryable = kind != "fail"
                self.apply(c.FailAttempt(task=name, attempt=attempt, code="u", message="m", retryable=retryable))

    def _look(self, name: str, attempt: int) -> None:
        task = self.run.tasks[name]
        there = task.key in self.accepted
        match self.pick(["look", "look", "ask", "later", "sign_in"]):
            case "look":
                outcome: Any = "done" if there else "not_done"
                entry = self._entry(name) if there else ""
                self.apply(c.ResolveDoubt(task=name, attempt=attempt, outcome=outcome, entry=entry))
            case "ask":
                self._ask(name, "in_doubt", [MEGAN])
            case "later":
                self.apply(c.DoubtTask(task=name, attempt=attempt, message="m", look_after=MINUTE))
            case "sign_in":
                self.apply(c.AwaitSignIn(task=name, attempt=attempt))

    # --- people

    def answer(self, approval: ApprovalState) -> None:
        """Somebody answers an open question; what was done or not they say as it is."""
        left = [each for each in approval.approvers if all(vote.by.id != each.id for vote in approval.votes)]
        choices = list(approval.choices)
        if self._handle(approval, self.pick(left or approval.approvers)):
            return
        if approval.kind == "in_doubt":
            choices = [DONE if self.run.tasks[approval.task].key in self.accepted else NOT_DONE]
        self._decide(approval, self.pick(left or approval.approvers), self.pick(choices))

    def _handle(self, approval: ApprovalState, by: Person) -> bool:
        """Whether somebody did something else with the question than answer it."""
        which, shown = approval.id, approval.entry
        match self.pick([""] * 6 + ["delegate", "back", "reply", "feedback", "edit", "refused"]):
            case "delegate" if approval.delegates:
                to = self.pick(approval.delegates).id
                return bool(self.try_(c.DelegateApproval(approval=which, by=by, to=to, shown=shown)))
            case "back":
                return bool(self.try_(c.AskBack(approval=which, by=by, text="why?", shown=shown)))
            case "reply":
                return bool(self.try_(c.Explain(approval=which, by=MEGAN, text="so")))
            case "feedback" if approval.revises:
                return bool(self.try_(c.GiveFeedback(approval=which, by=by, text="shorter", shown=shown)))
            case "edit" if approval.editable:
                return bool(self.try_(c.EditArguments(approval=which, by=by, shown=shown, entry="edits")))
            case "refused":
                return bool(self.try_(c.RecordRefusal(approval=which, by=STRANGER, code="not_permitted")))
        return False

    def _decide(self, approval: ApprovalState, by: Person, choice: str) -> None:
        entry = f"answer {approval.id} {choice}"
        grant = choice == APPROVE and bool(approval.scope) and self.pick([False, False, True])
        self.apply(
            c.DecideApproval(approval=approval.id, by=by, choice=choice, shown=approval.entry, entry=entry, grant=grant)
        )

    def refused_answers(self) -> None:
        """Answers of strangers, answers to what is over or was shown before: nothing changes."""
        for approval in self.run.approvals.values():
            said = c.DecideApproval(approval=approval.id, by=STRANGER, choice="approve", shown=approval.entry)
            refused(self, said, NotPermitted)
            said = msgspec.structs.replace(said, by=approval.approvers[0])
            if not approval.open:
                refused(self, said, AlreadyDecided)
            elif all(vote.by.id != said.by.id for vote in approval.votes):
                refused(self, msgspec.structs.replace(said, shown="before"), Outdated)
            if approval.open and approval.votes:
                refused(self, msgspec.structs.replace(said, by=approval.votes[0].by), AlreadyDecided)
        for command in (c.CancelRun, c.PauseRun, c.ResumeRun, c.StartRun, c.ConfirmSignIn):
            refused(self, command(by=STRANGER), NotPermitted)

    def control(self) -> None:
        """The initiator or the operator takes a hand."""
        tasks = list(self.run.tasks)
        by = self.pick([MEGAN, OPERATING])
        match self.pick(["retry", "leave_out", "retract", "retract", "pause", "resume", "skip", "cancel", "fork"]):
            case "pause":
                self.try_(c.PauseRun(by=by))
            case "resume":
                self.try_(c.ResumeRun(by=by))
            case "retry":
                self.try_(c.RetryTask(task=self.pick(self._failed() or tasks), by=by))
            case "leave_out":
                self.try_(c.LeaveOut(task=self.pick(self._failed() or tasks), by=by))
            case "retract":
                made = [name for name in tasks if self.run.tasks[name].entry]
                if made:
                    name = self.pick(made)
                    only = self.pick([name, ""])
                    self.try_(c.RetractEntry(entry=self.run.tasks[name].entry, by=by, task=only))
            case "skip":
                if self.run.approvals:
                    self.try_(c.SkipApproval(approval=self.pick(list(self.run.approvals)), by=MEGAN))
            case "cancel":
                if self.pick([False] * 5 + [True]):
                    self.try_(c.CancelRun(by=by))
            case "fork":
                if self.pick([False, False, False, False, True]) and not self.run.dry and self.run.status not in ENDED:
                    self.apply(c.ForkRun(of="q", upto=len(self.history), by=by))
                    self.restart()

    def amend(self) -> list[e.Event]:
        """The initiator wants another plan; now and then somebody else does, or for an older one."""
        plan = changed(self.run.plan, self.pick)
        foresee_amendment(self.run, plan, titles={}, effects={})
        refused(self, c.AmendPlan(plan=plan, by=STRANGER, revision=self.run.revision), NotPermitted)
        refused(self, c.AmendPlan(plan=plan, by=OPERATING, revision=self.run.revision), NotPermitted)
        if self.run.status in ("proposed", "running", "failed") and self.run.amending is None:
            refused(self, c.AmendPlan(plan=plan, by=MEGAN, revision=self.run.revision + 1), Outdated)
        return self.try_(c.AmendPlan(plan=plan, by=MEGAN, revision=self.run.revision))

    def _failed(self) -> list[str]:
        return [name for name, task in self.run.tasks.items() if task.status in ("failed", "backing_off")]

    # --- time, deaths, and what comes late

    def time(self) -> None:
        """Time passes; mostly until something is due."""
        due = wake_at(self.run)
        steps = [MINUTE / 60, MINUTE, timedelta(hours=1), timedelta(hours=5)]
        self.now = self.pick([max(self.now, due)] * 4 if due else [self.now]) + self.pick([timedelta(0), *steps])
        self.apply(c.Wake(jitter=self.pick([0.5, 0.0, 1.0])))

    def restart(self) -> None:
        """The process dies and another one takes up what the log says."""
        again = fold(decode(encode(event)) for event in self.history)
        same(again, self.run)
        self.run = again
        for effect in effects(self.run):
            if isinstance(effect, Dispatch) and effect in self.run.due:
                self.apply(c.InterruptTask(task=effect.task, attempt=effect.attempt))

    def late(self) -> None:
        """What comes of attempts that are over, or comes twice, changes nothing."""
        if not self.attempts:
            return
        name, attempt = self.pick(self.attempts)
        task = self.run.tasks.get(name)
        if task is not None and task.attempt == attempt and (task.doubt or task.status == "running"):
            return
        commands: list[c.Command] = [
            c.CompleteTask(task=name, attempt=attempt, entry="late"),
            c.FailAttempt(task=name, attempt=attempt, code="late", message="m", retryable=True),
            c.AwaitSignIn(task=name, attempt=attempt),
            c.DoubtTask(task=name, attempt=attempt, message="late"),
            c.InterruptTask(task=name, attempt=attempt),
            c.JournalStep(task=name, attempt=attempt, note="late"),
            c.ResolveDoubt(task=name, attempt=attempt, outcome="done", entry="late"),
            c.ResolveDoubt(task=name, attempt=attempt, outcome="not_done"),
        ]
        for command in commands:
            if task is None:
                refused(self, command, Invalid)
            else:
                assert decide(self.run, command, self.now) == [], command

    def out_of_turn(self) -> None:
        """Commands that the state does not call for lead to nothing, or to what they would lead to when it does."""
        name = self.pick(list(self.run.tasks))
        task, node = self.run.tasks[name], self.run.nodes[name]
        unasked: list[c.Command] = [
            c.SkipTask(task=name),
            c.FailAttempt(task=name, attempt=0, code="x", message="m"),
            c.KeepWrite(task=name),
        ]
        if node.for_each or node.repeat:
            unasked += [c.OpenGroup(task=name, count=2, entry="list"), c.CloseGroup(task=name, entry="e")]
        if node.repeat:
            outputs = dict.fromkeys(("accepted", "stalled", "exhausted"), "o")
            unasked.append(c.EndRound(task=name, number=1, entry="e", met=False, outputs=outputs))
        if task.status in ("ready", "open"):
            return
        for command in unasked:
            assert decide(self.run, command, self.now) == [], command
        start = c.StartTask(
            task=name, worker="w", version="1", inputs="unasked", timeout=MINUTE, dedupe="none", key="k"
        )
        assert decide(self.run, start, self.now) == [], start

    def writes_unasked(self) -> None:
        """Nothing is written that nobody allowed."""
        for name, task in self.run.tasks.items():
            if task.status == "ready" and self.run.status == "running" and not self.run.held:
                start = c.StartTask(
                    task=name, worker="w", version="1", inputs="unasked", timeout=MINUTE, dedupe="none", key="k"
                )
                if not in_want(self.run, name):  # else it is left out
                    refused(self, start, NotPermitted)

    # --- steps

    def step(self) -> None:
        """Anything."""
        what = ["effect"] * 6 + ["answer"] * 3 + ["time", "control", "others"]
        if self.run.status in ENDED:
            what += ["control"] * 12
        match self.pick(what):
            case "effect":
                self.effect()
            case "answer":
                self.people()
            case "time":
                self.time()
            case "control":
                self.control()
            case "others":
                self.pick([self.restart, self.late, self.refused_answers, self.out_of_turn, self.writes_unasked])()

    def effect(self) -> None:
        """One of the things that are due is done."""
        if self.run.status == "proposed":
            self.apply(c.StartRun(by=MEGAN))
        elif self.run.due:
            self.perform(self.pick(list(self.run.due)))

    def people(self) -> None:
        """Somebody answers, or signs in."""
        asked = [approval for approval in self.run.approvals.values() if approval.open]
        if asked:
            self.answer(self.pick(asked))
        if self.run.awaiting and self.pick([True, False]):
            self.apply(c.ConfirmSignIn(by=MEGAN))

    def finish(self) -> None:
        """Everybody does what leads on: so the run ends."""
        self.pick = first
        if self.run.status == "proposed":
            self.apply(c.StartRun(by=MEGAN))
        if self.run.paused and self.run.status == "running":
            self.apply(c.ResumeRun(by=MEGAN))
        for _ in range(LONG):
            if self.run.status in ENDED and not self.run.due:
                break
            before = len(self.history)
            for effect in effects(self.run):
                if effect in self.run.due:
                    self.perform(effect)
            for approval in list(self.run.approvals.values()):
                if approval.open:
                    self.answer(approval)
            if self.run.awaiting:
                self.apply(c.ConfirmSignIn(by=MEGAN))
            if len(self.history) == before:
                assert wake_at(self.run) is not None, "nothing moves this run any more"
                self.time()
        assert self.run.status in ENDED, "the run does not end"
        assert not self.run.due
        self._nothing_forgotten()
        same(fold(decode(encode(event)) for event in self.history), self.run)

    def _nothing_forgotten(self) -> None:
        """Whatever was written is a result, or was written anew because somebody said so, or is said to be left."""
        asked = [each for each in self.history if isinstance(each, e.ApprovalDecided) and each.choice == APPROVE]
        anew = {approval.task for each in asked if (approval := self.run.approvals[each.approval]).kind == "stale"}
        for key, name in self.accepted.items():
            task = self.run.tasks.get(name)
            stands = task is not None and task.written and task.key == key
            assert stands or name in anew or name in self.run.left_behind, f"nobody knows of {key} any more"
        for name, task in self.run.tasks.items():
            assert not task.written or task.key in self.accepted, f"{name} was never written"


def refused(story: Story, command: c.Command, error: type[TandemError]) -> None:
    """The command is refused with this error."""
    try:
        events = decide(story.run, command, story.now)
    except error:
        return
    raise AssertionError(f"{command} led to {events}")
