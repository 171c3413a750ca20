"""The cards on which people decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from microsoft_teams.cards.core import (
    Action,
    ActionStyle,
    CardElement,
    ChoiceSetInput,
    Container,
    TextInput,
)
from microsoft_teams.cards.core import Choice as InputChoice

from bot.cards.background import briefly, differences, reasoned, rests_on, warned
from bot.cards.buttons import APPROVAL_DECIDE, RUN_RETHINK, another_way, button, reveal
from bot.cards.exchange import exchange
from bot.cards.layout import (
    GAP,
    MOST_FACTS,
    about,
    contents,
    facts,
    finished,
    fitted,
    header,
    line,
    note,
    section,
    uncut,
    words,
)
from bot.cards.options import not_again, options
from bot.cards.reasons import ask_for_reasons
from bot.cards.terms import if_nothing, terms
from bot.cards.wording import plain, sentence
from bot.language import number, say, say_count
from orchestration.core.plan import Choice
from orchestration.core.question import (
    ANSWER,
    APPROVE,
    CANCEL,
    CHOICES,
    DONE,
    LEAVE,
    NOT_DONE,
    RETRY,
    SKIP,
    Item,
    Shown,
)
from orchestration.core.run import Person
from orchestration.core.view import ApprovalView, RunView

MOST_ITEMS = 20
_MOST_KINDS = 12
_OPEN_ITEMS = 5
_MOST_BUTTONS = 5
_ITEM_FACTS = 6
_WHY_FACTS = 10
_WRITTEN = ("write", "stale")  # what is shown is what will be written: whole, or it is not allowed
_RESTING = ("decision", "write", "stale")  # the others are about a step of one's own run
_AS_BEFORE = "As in "  # how a line of `Item.why` begins that names an earlier decision

_STYLES: dict[str, ActionStyle] = {APPROVE: "positive", RETRY: "positive", CANCEL: "destructive"}


def _consequence(kind: str, choice: str) -> str:
    """What a standing answer leads to; choices of a plan's own speak for themselves."""
    return {
        ("failure", RETRY): say("choose this when the cause is gone."),
        ("failure", SKIP): say("the result will lack this part, and say so."),
        ("failure", CANCEL): say("nothing more is done. What was written stays."),
        ("in_doubt", DONE): say("the run goes on. It is not written again."),
        ("in_doubt", NOT_DONE): say("it is written once more."),
        ("in_doubt", CANCEL): say("nothing more is done."),
        ("stale", APPROVE): say("it is written once more, from what is there now."),
        ("stale", LEAVE): say("what was written stays, and the run goes on with it."),
    }.get((kind, choice), "")


def decision(
    run: RunView, approval: ApprovalView, shown: Shown, viewer: Person, *, said: str = "", rethinks: bool = False
) -> dict[str, Any]:
    """What a person is asked to decide, with everything they need for it.

    With items: a rule for each kind, exceptions for single items (the heaviest ones; the rules cover the rest) and
    one button. Without: a button for each answer.

    Args:
        run: The run that waits.
        approval: The question.
        shown: Its content, as stored under `approval.entry`.
        viewer: Who is asked on this card.
        said: What became of the press that this card answers; empty for none.
        rethinks: Another way can be looked for where a step failed.
    """
    told = [line(words(said, 400, bold=True), spacing="Medium")] if said else []
    above = [*top(run, approval), *told, *warned(shown), *terms(approval, viewer)]
    if not shown.items:
        rooms = [(12, True), (12, False), (6, False), (3, False)]

        def build(room: tuple[int, bool]) -> dict[str, Any]:
            return _whole(run, approval, shown, viewer, above, *room, rethinks=rethinks)

        if shown.kind in _WRITTEN:
            return uncut(build, [*rooms, (0, False)]) or _unshowable(run, approval, shown, above)
        return fitted(build, rooms)
    most = min(MOST_ITEMS, len(shown.items))
    fewer = [items for items in (16, 13, 10, 8, 6, 4, 2, 1, 0) if items < most]
    # Without a default nothing covers a kind that is not shown.
    kinds = _MOST_KINDS if shown.default else len(shown.items)
    # An answer for an item is worth more than the reasons of the next one.
    whys = [(most, kinds, explained) for explained in range(most, -1, -1)]
    rooms_of_items = [*whys, *((items, kinds, 0) for items in fewer), *((0, few, 0) for few in (_MOST_KINDS, 6, 3, 1))]
    return fitted(lambda room: _itemised(run, approval, shown, viewer, above, *room), rooms_of_items)


def top(run: RunView, approval: ApprovalView) -> list[CardElement]:
    """The head of every card about a question."""
    return header(approval.title, f"{run.title} · {about(run)}")


def choices_of(shown: Shown) -> Sequence[Choice]:
    """What may be answered: standing answers in the reader's language, those of a plan as it has them."""
    known = CHOICES[shown.kind]
    offered = shown.choices or known
    return [Choice(each.id, _standing(each.title)) if each in known else each for each in offered]


def _standing(title: str) -> str:
    return {
        "Allow": say("Allow"),
        "Don't allow": say("Don't allow"),
        "Try again": say("Try again"),
        "Go on without it": say("Go on without it"),
        "Cancel the run": say("Cancel the run"),
        "It was done": say("It was done"),
        "It was not done": say("It was not done"),
        "Write it again": say("Write it again"),
        "Leave it as it is": say("Leave it as it is"),
        "Approve": say("Approve"),
        "Reject": say("Reject"),
    }.get(title, title)


def kind_title(shown: Shown, kind: str) -> str:
    """A kind of item in people's words."""
    return plain(shown.kinds.get(kind) or kind.replace("_", " ").capitalize(), 80)


def _data(run: RunView, approval: ApprovalView) -> dict[str, str]:
    return {"run_id": run.run_id, "approval": approval.id, "shown": approval.entry}


def _comment() -> TextInput:
    return TextInput(
        id="comment", label=say("Comment (optional)"), is_multiline=True, max_length=1000, spacing="Medium"
    )


def _text(shown: Shown) -> list[CardElement]:
    return [line(words(sentence(shown.text, 600)), spacing="Medium")] if shown.text else []


def _whole(
    run: RunView,
    approval: ApprovalView,
    shown: Shown,
    viewer: Person,
    above: Sequence[CardElement],
    most: int,
    fields: bool,
    *,
    rethinks: bool,
) -> dict[str, Any]:
    choices = choices_of(shown)
    body = [
        *above,
        *differences(shown, most=most),
        *_text(shown),
        *reasoned(shown),
        *(contents(shown.facts) if shown.kind in _WRITTEN else facts(shown.facts, most=most, spacing="Medium")),
        *(rests_on(shown, most=min(most, 8)) if shown.kind in _RESTING else []),
        *if_nothing(approval, viewer),
        *exchange(run, approval),
    ]
    body += [
        line(words(f"{choice.title}:", bold=True), GAP, words(consequence), spacing="Small")
        for choice in choices
        if (consequence := _consequence(shown.kind, choice.id))
    ]
    granting = not_again(run, approval, shown)
    commented = shown.kind == "decision"
    if commented:
        body.append(_comment())
    body += granting
    more = options(run, approval, shown, viewer, fields=fields)
    if rethinks and shown.kind == "failure" and viewer.id == run.initiator.id:
        body.append(
            line(
                words(f"{another_way()}:", bold=True),
                GAP,
                words(say("you are shown another plan, and nothing changes until you agree.")),
                spacing="Small",
            )
        )
        more.append(button(another_way(), RUN_RETHINK, {"run_id": run.run_id}))
    speak = f"{approval.title}: {', '.join(choice.title for choice in choices[:_MOST_BUTTONS])}?"
    if len(choices) <= _MOST_BUTTONS:
        answers: list[Action] = [
            button(
                choice.title,
                APPROVAL_DECIDE,
                {**_data(run, approval), "choice": choice.id},
                style=_STYLES.get(choice.id),
                inputs=commented or (bool(granting) and choice.id == APPROVE),
            )
            for choice in choices
        ]
        return finished(body, answers, more, speak=speak)
    listing = _choice_set("choice", say("Your answer"), choices, value=shown.default)
    send = button(say("Send the answer"), APPROVAL_DECIDE, _data(run, approval), style="positive", inputs=True)
    return finished([*body, listing], [send], more, speak=speak)


def _unshowable(run: RunView, approval: ApprovalView, shown: Shown, above: Sequence[CardElement]) -> dict[str, Any]:
    """Instead of a write that no card can show whole: every answer but the one that lets it happen."""
    said = say(
        "What would be written does not fit on a card, so it cannot be allowed here: nobody allows what they have not "
        "seen whole. Start again with less at once."
    )
    left = [choice for choice in choices_of(shown) if choice.id != APPROVE]
    answers: list[Action] = [
        button(
            choice.title, APPROVAL_DECIDE, {**_data(run, approval), "choice": choice.id}, style=_STYLES.get(choice.id)
        )
        for choice in left
    ]
    body = [*above, line(words(said, 400, bold=True), spacing="Medium")]
    return fitted(lambda _: finished(body, answers, speak=f"{approval.title}: {said}"), [None])


def _itemised(
    run: RunView,
    approval: ApprovalView,
    shown: Shown,
    viewer: Person,
    above: Sequence[CardElement],
    most: int,
    most_kinds: int,
    explained: int,
) -> dict[str, Any]:
    counts = Counter(item.kind for item in shown.items)
    heaviest = sorted(shown.items, key=lambda item: -item.weight)[:most]
    kinds = [kind for kind, _ in counts.most_common(most_kinds)]
    choices = choices_of(shown)

    body = [*above, *differences(shown), *_text(shown), *reasoned(shown)]
    body += facts([*shown.facts, *briefly(shown)], most=MOST_FACTS + 2, spacing="Medium")
    body += [*if_nothing(approval, viewer), *exchange(run, approval, most=4)]
    body += [
        section(say("Rules")),
        note(
            say("One answer for each kind. It holds for every item of that kind, unless you answer differently below."),
            spacing="None",
        ),
    ]
    body += [
        _choice_set(f"rule:{kind}", f"{kind_title(shown, kind)} ({number(counts[kind])})", choices, value=shown.default)
        for kind in kinds
    ]
    if len(kinds) < len(counts):
        left = len(shown.items) - sum(counts[kind] for kind in kinds)
        default = next((choice.title for choice in choices if choice.id == shown.default), "")
        body.append(note(_unshown(len(counts) - len(kinds), left, len(shown.items), plain(default, 60))))
    body += [*_singly(shown, heaviest, explained), *ask_for_reasons(run, approval, heaviest[explained:])]
    speak = say(
        "{question}. For {person}. Choose a rule for each kind, then send the decisions.",
        question=approval.title,
        person=run.initiator.name,
    )
    data = {**_data(run, approval), "choice": ANSWER}
    send = button(say("Send decisions"), APPROVAL_DECIDE, data, style="positive", inputs=True)
    more = options(run, approval, shown, viewer, fields=False)
    return finished([*body, _comment()], [send], more, speak=speak)


def _unshown(kinds: int, left: int, total: int, default: str) -> str:
    """What becomes of the kinds that this card has no room for."""
    if not default:
        return say_count(
            "{count} more kind ({left} of {total} items) does not fit on this card: the plan needs a default answer.",
            "{count} more kinds ({left} of {total} items) do not fit on this card: the plan needs a default answer.",
            kinds,
            left=left,
            total=total,
        )
    return say_count(
        "{count} more kind ({left} of {total} items) takes “{answer}”.",
        "{count} more kinds ({left} of {total} items) take “{answer}”.",
        kinds,
        left=left,
        total=total,
        answer=default,
    )


def _singly(shown: Shown, heaviest: Sequence[Item], explained: int) -> list[CardElement]:
    rest = len(shown.items) - len(heaviest)
    if not heaviest:
        return [
            section(say("One by one")),
            note(say("All {count} items follow the rule of their kind.", count=len(shown.items)), spacing="None"),
        ]
    said = [say("Answer singly only where the rule does not fit.")]
    if rest:
        said = [
            say(
                "The {shown} largest of {all}. The other {rest} follow the rule of their kind.",
                shown=len(heaviest),
                all=len(shown.items),
                rest=rest,
            )
        ]
    if preset := sum(bool(_as_before(shown, item)) for item in heaviest):
        said.append(
            say_count(
                "{count} answer is preset as before; change what does not fit.",
                "{count} answers are preset as before; change what does not fit.",
                preset,
            )
        )
    items = [_item(shown, item, place if place < explained else None) for place, item in enumerate(heaviest)]
    folded = items[_OPEN_ITEMS:]
    reasoned = sum(bool(item.why) for item in heaviest)
    if 0 < explained < reasoned:
        said.append(
            say("“Why?” is there for the {count} largest; below you can ask it of the others.", count=explained)
        )
    body: list[CardElement] = [
        section(say("One by one, largest first")),
        note(" ".join(said), spacing="None"),
        *items[:_OPEN_ITEMS],
    ]
    if folded:
        body.append(
            Container(
                id="more",
                is_visible=False,
                separator=True,
                spacing="Medium",
                items=folded,
            )
        )
        body.append(reveal(say("Show or hide {count} more", count=len(folded)), "more"))
    return body


def _item(shown: Shown, item: Item, why: int | None) -> CardElement:
    """One item with its answer; `why` numbers its explanation, None leaves that out."""
    before = _as_before(shown, item)
    label = say("Answer for this one")
    if before:
        label = say("Answer for this one (as in {period})", period=before[0])
    single = _choice_set(
        f"item:{item.id}",
        label,
        choices_of(shown),
        value=before[1] if before else "",
        placeholder=say("As the rule says"),
    )
    explanation: list[CardElement] = []
    if why is not None and item.why:
        lines = facts(item.why, most=_WHY_FACTS, limit=160, spacing="None")
        explanation = [reveal(say("Why?"), f"why{why}"), Container(id=f"why{why}", is_visible=False, items=lines)]
    return Container(
        separator=True,
        spacing="Medium",
        items=[
            line(words(item.title, 120, bold=True)),
            *facts(item.facts, most=_ITEM_FACTS, limit=80),
            *explanation,
            single,
        ],
    )


def _as_before(shown: Shown, item: Item) -> tuple[str, str] | None:
    """When the like of an item was decided before and which choice that is; None if it cannot be chosen now."""
    ids = {choice.title: choice.id for choice in shown.choices}
    said = next(((label, value) for label, value in item.why if label.startswith(_AS_BEFORE)), None)
    return (plain(said[0].removeprefix(_AS_BEFORE), 40), ids[said[1]]) if said and said[1] in ids else None


def _choice_set(
    name: str, label: str, choices: Sequence[Choice], *, value: str = "", placeholder: str = ""
) -> ChoiceSetInput:
    required = not value and not placeholder
    return ChoiceSetInput(
        id=name,
        label=label,
        value=value or None,
        placeholder=placeholder or (say("Choose") if required else None),
        is_required=required or None,
        error_message=say("Please choose an answer.") if required else None,
        choices=[InputChoice(title=plain(choice.title, 60), value=choice.id) for choice in choices],
        spacing="Small",
    )
