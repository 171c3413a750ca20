"""What approval systems say counts only if all of it is right; everything else changes nothing and says why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.api.answers import LARGEST_BYTES
from bot.routes.signature import SIGNATURE, SYSTEM, TIMESTAMP
from orchestration.core.codec import decode
from orchestration.core.events import AnswerRefused, ApprovalDecided, ApprovalVoted
from orchestration.core.view import RunView
from tests.unit.api.counter import Counter, opened
from tests.unit.routes.bureau import ADELE, ALEX, MEGAN, Bureau


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with opened(tmp_path) as made:
        made.bureau.name_system()
        yield made


async def brought(bureau: Bureau, title: str = "Pay?", **more: Any) -> RunView:
    """A run whose question is at the system."""
    return await bureau.asked(await bureau.begin(title, **more), len(bureau.people))


async def events(bureau: Bureau, run: RunView, kind: type) -> list[Any]:
    found = [decode(row.body) for row in await bureau.database.events(run.run_id)]
    return [event for event in found if isinstance(event, kind)]


async def undecided(counter: Counter, run: RunView) -> bool:
    """Nothing was decided; says also that no event says so."""
    now = await counter.bureau.engine.view(run.run_id)
    return now.approvals[0].open and await events(counter.bureau, run, ApprovalDecided) == []


async def test_a_signed_answer_is_the_persons_decision_and_the_event_says_through_which_system(
    counter: Counter,
) -> None:
    run = await brought(counter.bureau)
    status, told = await counter.post(counter.answer(run, comment="fine"))
    assert (status, told["status"], told["choice"], told["decided_by"]) == (200, "decided", "approve", ALEX.upn)
    (event,) = await events(counter.bureau, run, ApprovalDecided)
    assert (event.by, event.via, event.choice, event.comment) == (ALEX, "Ledger", "approve", "fine")
    now = await counter.bureau.finish(run.run_id)
    assert (now.status, now.approvals[0].via) == ("succeeded", "Ledger")


@pytest.mark.parametrize("by", [{"id": ALEX.id}, {"id": ALEX.id.upper()}, {"upn": ALEX.upn.upper()}])
async def test_the_person_is_named_by_id_or_upn(counter: Counter, by: dict[str, str]) -> None:
    run = await brought(counter.bureau)
    assert (await counter.post(counter.answer(run, by=by)))[0] == 200


async def test_one_of_several_votes_waits_for_the_others(counter: Counter) -> None:
    counter.bureau.people = [ALEX, ADELE]
    run = await brought(counter.bureau, quorum=2)
    status, told = await counter.post(counter.answer(run))
    assert (status, told["status"]) == (200, "waits_for_others")
    (vote,) = await events(counter.bureau, run, ApprovalVoted)
    assert (vote.by, vote.via) == (ALEX, "Ledger")
    assert (await counter.post(counter.answer(run, by={"upn": ADELE.upn})))[1]["status"] == "decided"


async def test_the_same_answer_sent_again_is_taken_once_and_another_one_does_not_count(counter: Counter) -> None:
    run = await brought(counter.bureau)
    await counter.post(counter.answer(run))
    status, told = await counter.post(counter.answer(run))
    assert (status, told["duplicate"]) == (200, True)
    status, told = await counter.post(counter.answer(run, choice="reject"))
    assert (status, told["code"]) == (409, "already_decided")
    assert len(await events(counter.bureau, run, ApprovalDecided)) == 1


@pytest.mark.parametrize("missing", [SYSTEM, TIMESTAMP, SIGNATURE])
async def test_an_unsigned_answer_changes_nothing(counter: Counter, missing: str) -> None:
    run = await brought(counter.bureau)
    status, told = await counter.post(counter.answer(run), headers={missing: None})
    assert (status, told["code"]) == (401, "unsigned")
    assert await undecided(counter, run)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "some-other-key-of-forty-letters-or-more!!"}, "wrong_signature"),
        ({"signed": b'{"choice": "reject"}'}, "wrong_signature"),
        ({"purpose": "question"}, "wrong_signature"),
        ({"headers": {SIGNATURE: "v1="}}, "wrong_signature"),
        ({"headers": {SIGNATURE: "v1=" + "0" * 64}}, "wrong_signature"),
        ({"headers": {TIMESTAMP: "1"}}, "wrong_signature"),
        ({"system": "Elsewhere"}, "unknown_system"),
        ({"system": "ledger"}, "unknown_system"),
        ({"at": "soon"}, "stale"),
        ({"at": "-1"}, "stale"),
        ({"at": "9" * 12}, "stale"),
    ],
)
async def test_a_forged_answer_changes_nothing(counter: Counter, change: dict[str, Any], code: str) -> None:
    run = await brought(counter.bureau)
    status, told = await counter.post(counter.answer(run), **change)
    assert (status, told["code"]) == (401, code)
    assert await undecided(counter, run)


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_an_answer_of_another_time_changes_nothing(counter: Counter, minutes: int) -> None:
    run = await brought(counter.bureau)
    at = counter.bureau.clock.now() + timedelta(minutes=minutes)
    status, told = await counter.post(counter.answer(run), at=int(at.timestamp()))
    assert (status, told["code"]) == (401, "stale")
    assert await undecided(counter, run)


async def test_a_replayed_answer_changes_nothing_also_after_a_restart(counter: Counter, tmp_path: Path) -> None:
    run = await brought(counter.bureau)
    said = counter.answer(run, by={"upn": "nobody@contoso.example"})
    assert (await counter.post(said))[0] == 403
    assert (await counter.post(said))[1]["code"] == "replayed"
    from bot.api.nonces import Nonces

    later = Nonces(counter.bureau.database, timedelta(minutes=15))
    assert not await later.take(f"Ledger:{said['nonce']}", counter.bureau.clock.now())
    assert await undecided(counter, run)


async def test_of_two_copies_that_come_at_the_same_time_one_is_taken(counter: Counter) -> None:
    run = await brought(counter.bureau)
    said = counter.answer(run)
    answers = await asyncio.gather(*(counter.post(said) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]
    assert len(await events(counter.bureau, run, ApprovalDecided)) == 1


async def test_nonces_are_let_go_when_nobody_would_believe_them_any_more(counter: Counter) -> None:
    run = await brought(counter.bureau)
    for _ in range(3):
        await counter.post(counter.answer(run, by={"upn": "nobody@contoso.example"}))
    counter.bureau.clock.advance(timedelta(minutes=16))
    await counter.post(counter.answer(run, by={"upn": "nobody@contoso.example"}))
    assert len(await counter.bureau.database.documents("approval_nonce")) == 1


async def test_a_system_that_policy_names_no_more_decides_nothing(counter: Counter) -> None:
    run = await brought(counter.bureau)
    counter.bureau.policy = msgspec.structs.replace(counter.bureau.policy, approval_systems=[])
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (401, "unknown_system")
    assert await undecided(counter, run)


async def test_a_question_that_was_asked_in_teams_is_not_for_a_system_to_decide(counter: Counter) -> None:
    await counter.bureau.knows(ALEX)
    run = await brought(counter.bureau, "Hire?")
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (403, "not_brought")
    assert await undecided(counter, run)
    assert [event.code for event in await events(counter.bureau, run, AnswerRefused)] == ["not_brought"]


async def test_a_question_at_another_system_is_not_this_ones(counter: Counter) -> None:
    run = await brought(counter.bureau)
    (ledger,) = counter.bureau.policy.approval_systems
    other = msgspec.structs.replace(ledger, name="Other")
    counter.bureau.policy = msgspec.structs.replace(counter.bureau.policy, approval_systems=[ledger, other])
    status, told = await counter.post(counter.answer(run), system="Other")
    assert (status, told["code"]) == (403, "not_brought")
    assert await undecided(counter, run)


@pytest.mark.parametrize(
    "by",
    [
        {"upn": "eve@contoso.example"}, {"upn": MEGAN.upn}, {"id": MEGAN.id}, {}, {"id": "", "upn": ""},
        {"id": ALEX.id, "upn": MEGAN.upn}, {"id": MEGAN.id, "upn": ALEX.upn}, {"upn": f"{ALEX.upn}.evil"},
        {"upn": f" {ALEX.upn}"}, {"id": "%"},
    ],
)  # fmt: skip
async def test_who_is_not_asked_decides_nothing_and_the_log_keeps_it(counter: Counter, by: dict[str, str]) -> None:
    run = await brought(counter.bureau)
    for _ in range(2):
        status, told = await counter.post(counter.answer(run, by=by))
        assert (status, told["code"]) == (403, "not_permitted")
    assert await undecided(counter, run)
    (event,) = await events(counter.bureau, run, AnswerRefused)
    assert (event.code, event.by.id) == ("not_permitted", "via:Ledger")


async def test_whom_policy_does_not_let_the_system_vouch_for_decides_nothing(counter: Counter) -> None:
    run = await brought(counter.bureau)
    counter.bureau.name_system(deciders=[ADELE.upn])
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (403, "not_vouched")
    assert await undecided(counter, run)


async def test_the_digest_of_another_question_changes_nothing(counter: Counter) -> None:
    run, other = await brought(counter.bureau), await brought(counter.bureau, "Pay twice?")
    assert run.approvals[0].entry != other.approvals[0].entry
    for shown in (other.approvals[0].entry, "", "x" * 64):
        status, told = await counter.post(counter.answer(run, shown=shown))
        assert (status, told["code"]) == (409, "outdated")
    assert await undecided(counter, run)
    assert await undecided(counter, other)
    assert [event.code for event in await events(counter.bureau, run, AnswerRefused)] == ["outdated"]


@pytest.mark.parametrize("run_id", ["0" * 16, "", "../" * 5, "x' OR 1=1 --", "\u202e"])
async def test_another_runs_question_is_not_found_out_about(counter: Counter, run_id: str) -> None:
    run = await brought(counter.bureau)
    for change in ({"run": run_id}, {"approval": "save.1"}, {"approval": run_id}):
        status, told = await counter.post(counter.answer(run, **change))
        assert (status, told["code"]) == (403, "not_brought")
    assert await undecided(counter, run)


@pytest.mark.parametrize("choice", ["", "maybe", "answer", "APPROVE", "done"])
async def test_a_choice_that_was_not_offered_changes_nothing(counter: Counter, choice: str) -> None:
    run = await brought(counter.bureau)
    status, told = await counter.post(counter.answer(run, choice=choice))
    assert (status, told["code"]) == (400, "invalid")
    assert await undecided(counter, run)


async def test_a_late_answer_says_who_has_decided(counter: Counter) -> None:
    counter.bureau.people = [ALEX, ADELE]
    run = await brought(counter.bureau)
    await counter.bureau.decide(run.run_id, "ask.1", ADELE, "reject")
    await counter.bureau.finish(run.run_id)
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (409, "already_decided")
    assert "Adele Vance" in told["detail"]
    (event,) = await events(counter.bureau, run, ApprovalDecided)
    assert event.choice == "reject"


async def test_the_initiator_cannot_decide_where_duties_are_separate(counter: Counter) -> None:
    run = await brought(counter.bureau, not_initiator=True)
    status, _ = await counter.post(counter.answer(run, by={"id": MEGAN.id}))
    assert status == 403
    assert await undecided(counter, run)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"[" * 60_000, b"\xff\xfe", b'{"run": 1}', b'{"run": "x", "run": "y"}',
        b'{"by":' * 8_000 + b"1" + b"}" * 8_000,
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_refused_with_the_reason(counter: Counter, body: bytes) -> None:
    status, told = await counter.post(None, body=body or b" ")
    assert (status, told["code"]) == (400, "invalid")
    assert told["detail"]


@pytest.mark.parametrize(
    "change",
    [{"nonce": "short"}, {"nonce": "x" * 129}, {"nonce": "a b" * 10}, {"by": "alex"}, {"more": 1}, {"via": "x"}],
)
async def test_an_answer_with_something_wrong_or_too_much_is_refused(counter: Counter, change: dict[str, Any]) -> None:
    run = await brought(counter.bureau)
    assert (await counter.post(counter.answer(run, **change)))[0] == 400
    assert await undecided(counter, run)


async def test_an_oversized_answer_is_not_read(counter: Counter) -> None:
    run = await brought(counter.bureau)
    long = json.dumps(counter.answer(run, comment="x" * LARGEST_BYTES)).encode()
    assert (await counter.post(None, body=long))[0] == 413

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 16 * 1024

    answer = await counter.call("POST", "/api/approvals/answers", None, data=parts(), headers=JSON)
    assert answer.status == 413


JSON = {"Content-Type": "application/json"}


async def test_other_content_is_refused(counter: Counter) -> None:
    run = await brought(counter.bureau)
    status, told = await counter.post(counter.answer(run), headers={"Content-Type": "text/plain"})
    assert (status, told["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_is_decided_by_opening_an_address(counter: Counter, method: str) -> None:
    run = await brought(counter.bureau)
    path = f"/api/approvals/answers?run={run.run_id}&approval=ask.1&choice=approve&shown={run.approvals[0].entry}"
    answer = await counter.call(method, path, ALEX)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert await undecided(counter, run)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "tandem.contoso.example.evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://tandem.contoso.example"}, 403),
    ],
)
async def test_pages_and_foreign_hosts_do_not_get_in(counter: Counter, headers: dict[str, str], status: int) -> None:
    run = await brought(counter.bureau)
    assert (await counter.post(counter.answer(run), headers=headers))[0] == status
    assert await undecided(counter, run)


async def test_a_key_in_the_policy_that_is_missing_closes_the_door(counter: Counter) -> None:
    run = await brought(counter.bureau)
    counter.bureau.name_system(secret_setting="TANDEM_APP_SECRET")
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (503, "unavailable")
    assert "TANDEM" not in told["detail"]
    assert await undecided(counter, run)


async def test_while_the_bot_starts_nothing_is_taken(counter: Counter) -> None:
    run = await brought(counter.bureau)
    counter.healthy = False
    assert (await counter.post(counter.answer(run)))[0] == 503
    counter.healthy = True
    assert (await counter.post(counter.answer(run)))[0] == 200


async def test_an_answer_in_teams_and_one_in_the_system_are_one_decision(counter: Counter) -> None:
    run = await brought(counter.bureau)
    await counter.bureau.decide(
        run.run_id, "ask.1", ALEX, "reject", command_id=f"{run.run_id}:ask.1:{ALEX.id}:{run.approvals[0].entry}"
    )
    status, told = await counter.post(counter.answer(run))
    assert (status, told["code"]) == (409, "already_decided")
    assert len(await events(counter.bureau, run, ApprovalDecided)) == 1


async def test_what_is_highly_confidential_is_not_brought_outside(counter: Counter) -> None:
    bureau = counter.bureau
    await bureau.knows(ALEX)
    run = await brought(bureau)
    secret = msgspec.structs.replace(run.approvals[0], label="highly_confidential")
    assert bureau.workflow.takes(run.approvals[0], ALEX) is not None
    assert bureau.workflow.takes(secret, ALEX) is None
