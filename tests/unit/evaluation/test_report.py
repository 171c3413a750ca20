"""The report shows what was found, and nothing that was found can do anything in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from bot.evaluation.__main__ import enough
from bot.evaluation.effect import Effect
from bot.evaluation.evaluate import Evaluation, Judged
from bot.evaluation.goal import Expected, Goal
from bot.evaluation.play import Played
from bot.evaluation.report import report
from orchestration.core.plan import Answer, Plan
from orchestration.core.usage import Usage
from orchestration.planning.described import Line

EVIL = '<script src="https://evil.example/x.js">"\'&</script>\u202e'
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def judged(name: str = "g", *, misses: tuple[str, ...] = (), text: str = "Hello") -> Judged:
    goal = Goal(id=name, about=text, person="megan", says=text, expect=Expected())
    plan = Plan(title=text, tasks={}, answer=Answer(text=text))
    step = Line(effect="write", what=text, system=text, title=f"{text}!", names=[text])
    usage = Usage(model="m", input_tokens=1000, output_tokens=20, cost=0.25, currency="EUR")
    played = Played(
        goal=goal,
        talk=[("Megan", text), ("Tandem", text)],
        plan=plan,
        steps=[step],
        effects=[Effect(kind="mail", person="megan", to=[text], title=text)],
        usage=[usage, Usage(model="m", input_tokens=1, output_tokens=1, outcome="invalid_plan")],
    )
    return Judged(played, list(misses))


def evaluation(model: str, *goals: Judged) -> Evaluation:
    return Evaluation(model=model, judged=list(goals), seconds=12)


class Tags(HTMLParser):
    """Every tag and attribute, and whether all that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: set[str] = set()
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_what_it_shows_is_text_and_nothing_else() -> None:
    page = report([evaluation(EVIL, judged(EVIL, misses=(EVIL,), text=EVIL))], AT)
    tags = Tags(page)

    assert not {"script", "img", "iframe", "link", "a", "form"} & set(tags.seen)
    assert tags.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "id", "open"}
    assert "\u202e" not in page


def test_it_refers_to_nothing_outside() -> None:
    page = report([evaluation("recorded", judged())], AT)

    assert not re.search(r"(?:src|href)=|url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page


def test_it_has_totals_and_reasons() -> None:
    page = report([evaluation("recorded", judged("good"), judged("bad", misses=("no mail",)))], AT)

    assert "1 of 2" in page
    assert "<li>no mail</li>" in page
    assert "2 calls of the model · 1 sent back · 1,001 in, 21 out tokens" in page
    assert 'id="good"><summary>' in page, "what is good is folded"
    assert '<details open id="bad">' in page


def test_two_models_stand_side_by_side() -> None:
    page = report([evaluation("env", judged()), evaluation("env2", judged(misses=("no mail",)))], AT)

    assert Tags(page).seen.count("details") == 1
    assert "env: as expected" in page
    assert "env2: missed" in page


def test_all_but_a_tenth_is_enough_and_nothing_unapproved_is() -> None:
    nine = evaluation("m", *[judged() for _ in range(9)], judged(misses=("x",)))
    eight = evaluation("m", *[judged() for _ in range(8)], judged(misses=("x",)), judged(misses=("x",)))
    assert (enough(nine, None), enough(eight, None), enough(eight, 8), enough(nine, 10)) == (True, False, True, False)
    odd = judged()
    odd.played.unapproved.append("mail.send of megan")
    assert not enough(evaluation("m", odd), 0)
