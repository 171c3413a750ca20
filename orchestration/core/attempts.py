"""Decisions about attempts: begin, succeed, fail, wait, doubt."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestration.core import commands as c
from orchestration.core import events as e
from orchestration.core.dues import under_way
from orchestration.core.groups import kept
from orchestration.core.run import Part, Run, TaskState, Verdict
from orchestration.core.settling import end, latest, left_out, live, settling, skip
from orchestration.errors import Invalid, NotPermitted

BACKOFF_BASE = timedelta(seconds=2)
BACKOFF_LIMIT = timedelta(seconds=60)
RETRY_AFTER_LIMIT = timedelta(days=1)
LOOK_LIMIT = timedelta(hours=1)
MOST_INTERRUPTIONS = 10


def backoff(attempt: int, jitter: float, retry_after: timedelta | None) -> timedelta:
    """How long to wait after the `attempt`-th failure.

    Exponential from `BACKOFF_BASE` up to `BACKOFF_LIMIT`, of which `jitter` (0 to 1) takes away up to half; never
    less than the other side asked for, which is believed up to `RETRY_AFTER_LIMIT`.
    """
    delay: timedelta = min(BACKOFF_LIMIT, BACKOFF_BASE * 2 ** min(attempt - 1, 10)) * (1 - jitter / 2)
    return max(delay, min(retry_after or timedelta(0), RETRY_AFTER_LIMIT))


def start_task(run: Run, command: c.StartTask, now: datetime) -> list[e.Event]:
    """Begin an attempt; a write only with the arguments that were allowed."""
    task = live(run, command.task, "ready")
    if task is None or run.status != "running" or run.held:
        return []
    if skipped := left_out(run, command.task, now):
        return skipped
    if command.dedupe and run.dry:
        raise NotPermitted(f"task {command.task!r} would write, and this run only shows what would be written")
    verdict: Verdict = ""
    if command.dedupe:
        verdict = _verdict(run, task, command)
    return [
        e.TaskStarted(
            at=now,
            task=command.task,
            attempt=task.attempt + 1,
            worker=command.worker,
            version=command.version,
            inputs=command.inputs,
            deadline=now + command.timeout,
            when=command.when,
            attempts=command.attempts,
            dedupe=command.dedupe,
            key=command.key,
            not_after=now + command.timeout / 2 if command.dedupe else None,
            reads=command.reads,
            label=command.label,
            tainted=command.tainted,
            verdict=verdict,
        )
    ]


def may_begin_unasked(task: TaskState, inputs: str, *, tainted: bool) -> bool:
    """Whether a write may begin on the word of a policy or an earlier word of a person, without being asked about.

    Never one that somebody outside may have written part of, nor one that was written, or tried, with other arguments.
    """
    return not tainted and not task.stale and (not task.key or task.inputs == inputs)


def _verdict(run: Run, task: TaskState, command: c.StartTask) -> Verdict:
    """Why a write may be done.

    Raises:
        NotPermitted: Nobody allowed it as it would be done now.
    """
    if task.allowed == command.inputs:
        return "approved"
    if may_begin_unasked(task, command.inputs, tainted=command.tainted):
        if command.verdict == "allowed":
            return "allowed"
        if command.verdict == "granted" and command.scope in run.grants:
            return "granted"
    raise NotPermitted(f"task {command.task!r} would write something else than what was allowed")


def skip_task(run: Run, command: c.SkipTask, now: datetime) -> list[e.Event]:
    """The condition was false."""
    if live(run, command.task, "ready") is None or run.status != "running":
        return []
    if command.simulated:
        return skip(run, now, e.TaskSkipped(at=now, task=command.task, reason="simulated", message=command.simulated))
    return skip(run, now, e.TaskSkipped(at=now, task=command.task, reason="condition"))


def keep_write(run: Run, command: c.KeepWrite, now: datetime) -> list[e.Event]:
    """What a write was made from was taken back and came out the same: it stands."""
    task = live(run, command.task, "ready")
    if task is None or not task.stale:
        return []
    if skipped := left_out(run, command.task, now):
        return skipped
    return [e.WriteKept(at=now, task=command.task, label=command.label, tainted=command.tainted)]


def complete(run: Run, command: c.CompleteTask, now: datetime) -> list[e.Event]:
    """An attempt, late or not, has a result."""
    if latest(run, command.task, command.attempt, "running", "in_doubt") is None:
        return []
    return settling(run, now, _succeeded(command, now))


def _succeeded(command: c.CompleteTask | c.ResolveDoubt, now: datetime) -> e.TaskSucceeded:
    return e.TaskSucceeded(
        at=now,
        task=command.task,
        entry=command.entry,
        size_bytes=command.size_bytes,
        summary=command.summary,
        label=command.label,
        tainted=command.tainted,
        sources=command.sources,
    )


def record_usage(run: Run, command: c.RecordUsage, now: datetime) -> list[e.Event]:
    """Keep what a call of a language model took, also of an attempt that was given up since: it was spent."""
    usage = command.usage
    if min(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.seconds, usage.cost or 0.0) < 0:
        raise Invalid(f"task {command.task!r} cannot have used less than nothing of a model: {usage}")
    return [e.ModelUsed(at=now, task=command.task, attempt=command.attempt, usage=usage)]


def assert_work(run: Run, command: c.AssertWork, now: datetime) -> list[e.Event]:
    """Keep that a worker vouches for a part of its work, while its attempt lasts."""
    if not 0 <= command.done <= command.of:
        raise Invalid(
            f"task {command.task!r} cannot have done {command.done} of {command.of} of {command.part!r}: "
            "it is at least none and at most all of them"
        )
    if latest(run, command.task, command.attempt, "running") is None:
        return []
    if run.tasks[command.task].parts.get(command.part) == Part(command.done, command.of):
        return []
    return [
        e.WorkAsserted(
            at=now,
            task=command.task,
            attempt=command.attempt,
            part=command.part,
            done=command.done,
            of=command.of,
        )
    ]


def journal(run: Run, command: c.JournalStep, now: datetime) -> list[e.Event]:
    """Keep what finds the first step of a write again, while its attempt lasts."""
    task = latest(run, command.task, command.attempt, "running")
    if task is None or not task.dedupe:
        return []
    return [e.StepJournaled(at=now, task=command.task, attempt=command.attempt, note=command.note)]


def fail(run: Run, command: c.FailAttempt, now: datetime) -> list[e.Event]:
    """An attempt, or its preparation, raised an error."""
    name = command.task
    task = latest(run, name, command.attempt, "running") if command.attempt else live(run, name, "ready", "open")
    if task is None or (task.status == "open" and run.groups[name].unsettled):
        return []
    if task.status == "ready" and (skipped := left_out(run, name, now)):
        return skipped
    return failed(run, task, name, command, now)


def failed(run: Run, task: TaskState, name: str, failure: c.FailAttempt, now: datetime) -> list[e.Event]:
    """What a failure leads to: another attempt, a question, or the end of the run."""
    if run.closing:
        return settling(run, now, e.TaskCancelled(at=now, task=name))
    retry_at = None
    if failure.retryable and task.spent < task.attempts:
        retry_at = now + backoff(max(task.spent, 1), failure.jitter, failure.retry_after)
    fact = e.AttemptFailed(
        at=now, task=name, attempt=failure.attempt, code=failure.code, message=failure.message, retry_at=retry_at
    )
    node = run.nodes[name]
    if retry_at is not None:
        return [fact]
    if node.fallback is not None and not task.fell_back:
        return [fact, e.TaskFellBack(at=now, task=name, capability=node.fallback.capability)]
    if node.on_failure == "ask":
        return [fact]
    given_up = e.TaskFailed(at=now, task=name, code=failure.code, message=failure.message)
    if node.on_failure == "skip":
        left_out = e.TaskSkipped(at=now, task=name, reason="failed", message=failure.message)
        return [fact, *skip(run, now, left_out)]
    if kept(run, name):
        return [fact, *skip(run, now, given_up)]
    closing = e.ClosingBegan(at=now, outcome="failed", code=failure.code, message=failure.message)
    # The failed task itself is not under way any more when the run closes.
    others = any(under_way(each) for other, each in run.tasks.items() if other != name)
    ending = [] if others else [end(run, now, "failed", closing.code, closing.message)]
    return [fact, given_up, closing, *ending]


def await_sign_in(run: Run, command: c.AwaitSignIn, now: datetime) -> list[e.Event]:
    """An attempt found nobody signed in."""
    task = latest(run, command.task, command.attempt, "running", "in_doubt")
    if task is None:
        return []
    if run.closing and not task.doubt:
        return settling(run, now, e.TaskCancelled(at=now, task=command.task))
    asked = e.SignInRequested(
        at=now, task=command.task, attempt=command.attempt, code=command.code, message=command.message
    )
    return [asked]


def doubt(run: Run, command: c.DoubtTask, now: datetime) -> list[e.Event]:
    """Nobody knows whether a write happened."""
    task = latest(run, command.task, command.attempt, "running", "in_doubt")
    if task is None:
        return []
    return [
        e.TaskInDoubt(
            at=now,
            task=command.task,
            attempt=command.attempt,
            message=command.message,
            look_at=_look_at(task, command, now),
        )
    ]


def _look_at(task: TaskState, command: c.DoubtTask, now: datetime) -> datetime:
    """When a look proves something: at once if the target refuses a second effect, else when the first cannot come.

    A look that could not be made is made again after `look_after`, and less often the longer the doubt lasts.
    """
    if command.look_after is not None:
        lasting = (now - task.deadline) / 4 if task.deadline else timedelta(0)
        return now + max(command.look_after, min(lasting, LOOK_LIMIT))
    if task.dedupe == "target" or task.deadline is None or task.not_after is None:
        return now
    return max(now, task.deadline + (task.deadline - task.not_after))


def interrupt(run: Run, command: c.InterruptTask, now: datetime) -> list[e.Event]:
    """The process that ran an attempt is gone: a read runs again, a write is in doubt."""
    task = latest(run, command.task, command.attempt, "running")
    if task is None:
        return []
    if task.dedupe:
        lost = "Tandem was restarted while this was being written, so it looks whether it was."
        return doubt(run, c.DoubtTask(task=command.task, attempt=command.attempt, message=lost), now)
    if task.interrupted >= MOST_INTERRUPTIONS:
        said = f"Tandem was restarted {task.interrupted + 1} times while this was under way, so it is not tried again."
        failure = c.FailAttempt(task=command.task, attempt=command.attempt, code="interrupted", message=said)
        return failed(run, task, command.task, failure, now)
    return [e.AttemptInterrupted(at=now, task=command.task, attempt=command.attempt)]


def resolve_doubt(run: Run, command: c.ResolveDoubt, now: datetime) -> list[e.Event]:
    """A look at the target told whether a write had happened, before a human was asked."""
    if latest(run, command.task, command.attempt, "in_doubt") is None:
        return []
    return settle_doubt(run, command, now)


def settle_doubt(run: Run, command: c.ResolveDoubt, now: datetime) -> list[e.Event]:
    """Somebody knows whether a write in doubt had happened."""
    name = command.task
    if command.outcome == "done":
        resolved = e.DoubtResolved(at=now, task=name, happened=True)
        return [resolved, *settling(run, now, _succeeded(command, now))]
    # The attempt that was lost counts, and the next one waits as after any other failure.
    task = run.tasks[name]
    lost = c.FailAttempt(
        task=name,
        attempt=command.attempt,
        code="outcome_unknown",
        message=task.message,
        retryable=True,
        jitter=command.jitter,
    )
    return [e.DoubtResolved(at=now, task=name, happened=False), *failed(run, task, name, lost, now)]
