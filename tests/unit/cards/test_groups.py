"""What the last card says of writes inside groups: they happened, or not, like any other."""

from __future__ import annotations

import msgspec

from bot import cards
from orchestration.core.view import TaskView
from tests.support.cards.samples import run, task
from tests.unit.cards.test_cards import text

MAIL = msgspec.structs.replace(task(7, "succeeded"), title="Send a mail", summary="to Ann", effect="write")
NO_MAIL = msgspec.structs.replace(MAIL, name="each.2.send", status="failed", code="not_found", summary="")


def group(**changes: object) -> TaskView:
    return msgspec.structs.replace(
        task(0, "failed"), **{"name": "each", "title": "Remind all", "effect": "write", "done": 2, "of": 2, **changes}
    )


def test_a_failed_list_tells_which_of_its_items_were_written() -> None:
    view = run("failed", group(), ended=True, inside=[msgspec.structs.replace(MAIL, name="each.1.send"), NO_MAIL])
    shown = text(cards.outcome(view, None))
    assert "Nothing was written" not in shown
    assert "Send a mail: to Ann" in shown.partition("Not written")[0]
    assert "Send a mail" in shown.partition("Not written")[2]
    assert "Remind all: it failed, and surely nothing" not in shown


def test_a_list_that_was_done_is_told_in_one_line() -> None:
    done = group(status="succeeded", summary="2")
    view = run("cancelled", done, ended=True, inside=[msgspec.structs.replace(MAIL, name="each.1.send")])
    shown = text(cards.outcome(view, None))
    assert "Remind all: 2" in shown
    assert "Send a mail" not in shown


def test_a_dry_run_tells_what_its_items_would_have_written() -> None:
    would = msgspec.structs.replace(
        MAIL, name="each.1.send", status="skipped", code="simulated", message="Would have been written: a mail to Ann"
    )
    view = run("failed", group(), ended=True, inside=[would], dry=True)
    shown = text(cards.outcome(view, None))
    assert "a mail to Ann" in shown
    assert "Nothing would have been written" not in shown
