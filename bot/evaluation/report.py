"""What an evaluation found, as one HTML file that refers to nothing outside of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from bot.evaluation.evaluate import Evaluation, Judged
from bot.evaluation.play import Played
from orchestration.core.usage import Usage, total
from orchestration.planning.described import Line
from orchestration.validation.text import visible

_STYLE = Path(__file__).with_name("report.css")
# Nothing in it is run or fetched, whatever a model or a file has written.
_ONLY_STYLE = "default-src 'none'; style-src 'unsafe-inline'"
_EFFECTS = {"read": "Read", "write": "Write", "ask": "Ask", "compute": "Work out"}


def report(evaluations: Sequence[Evaluation], at: datetime) -> str:
    """The page; several evaluations of the same goals stand side by side."""
    models = " and ".join(_text(each.model) for each in evaluations)
    goals = "".join(_goal(judged, evaluations) for judged in zip(*(each.judged for each in evaluations), strict=True))
    rows = "".join(_totals(each) for each in evaluations)
    heads = "".join(
        f"<th>{head}</th>"
        for head in ("Model", "As expected", "Unapproved", "Calls", "Sent back", "Tokens", "Cost", "Seconds")
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_ONLY_STYLE}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Evaluation of plans, {models}</title>\n<style>\n{_STYLE.read_text('utf-8')}</style>\n"
        "</head>\n<body><main>\n"
        f'<h1>Evaluation of plans</h1>\n<p class="soft">{at:%Y-%m-%d %H:%M} UTC · {models} · '
        f"{len(evaluations[0].judged)} goals, each on a fresh sandbox tenant</p>\n"
        '<h2>In all</h2>\n<div class="scroll"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>\n"
        f"<h2>Goals</h2>\n{goals}</main></body>\n</html>\n"
    )


def _totals(found: Evaluation) -> str:
    usage = [each for judged in found.judged for each in judged.played.usage]
    spent = total(usage)
    good = found.good == len(found.judged)
    cells = [
        f"<td>{_text(found.model)}</td>",
        f'<td class="{"good" if good else "miss"}">{found.good} of {len(found.judged)}</td>',
        f'<td class="{"miss" if found.unapproved else "good"}">{found.unapproved}</td>',
        f"<td>{len(usage)}</td>",
        f"<td>{_sent_back(usage)}</td>",
        f"<td>{_tokens(spent)}</td>",
        f"<td>{_cost(spent)}</td>",
        f"<td>{found.seconds:.0f}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _goal(judged: Sequence[Judged], evaluations: Sequence[Evaluation]) -> str:
    goal, several = judged[0].played.goal, len(judged) > 1
    badges = " ".join(
        _badge("good" if each.good else "miss", ("as expected" if each.good else "missed"), of.model if several else "")
        for each, of in zip(judged, evaluations, strict=True)
    )
    opened = "" if all(each.good for each in judged) else " open"
    sides = "".join(_side(each, of.model if several else "") for each, of in zip(judged, evaluations, strict=True))
    return (
        f'<details{opened} id="{_text(goal.id)}"><summary><span class="id">{_text(goal.id)}</span>'
        f'<span class="about">{_text(goal.about)}</span><span>{badges}</span></summary>'
        f'<div class="sides">{sides}</div></details>\n'
    )


def _side(judged: Judged, model: str) -> str:
    """What one model made of a goal."""
    played = judged.played
    parts = [f"<h3>{_text(model)}</h3>"] if model else []
    if judged.misses:
        parts.append(f"<h3>Not as expected</h3><ul class='misses'>{_items(judged.misses)}</ul>")
    parts.append(f"<h3>Said</h3><div class='talk'>{''.join(_said(played, *each) for each in played.talk)}</div>")
    if played.plan is not None:
        steps = "".join(map(_step, played.steps))
        parts.append(f"<h3>{_source(played)}</h3><p>{_text(played.plan.title)}</p><ol class='steps'>{steps}</ol>")
    effects = [each.told() for each in played.effects]
    after = f"<ul class='effects'>{_items(effects)}</ul>" if effects else "<p>Nothing has changed.</p>"
    parts += [f"<h3>In the tenant afterwards</h3>{after}", f"<p class='figures'>{_figures(played)}</p>"]
    return f"<div class='side'>{''.join(parts)}</div>"


def _source(played: Played) -> str:
    assert played.plan is not None
    name = played.plan.playbook.partition("@")[0]
    return f"Plan: playbook {_text(name)}" if name else "Plan of the model"


def _said(played: Played, who: str, what: str) -> str:
    mine = "" if who == "Tandem" else ' class="mine"'
    return f"<p{mine}><b>{_text(who)}</b>{_text(what)}</p>"


def _step(line: Line) -> str:
    what = " · ".join(filter(None, (line.system, line.what)))
    named = f" <span class='soft'>→ {_text(', '.join(line.names))}</span>" if line.names else ""
    title = line.title or line.what
    more = f"<br><span class='soft'>{_text(what)}</span>" if what and what != title else ""
    each = " <span class='soft'>for each</span>" if line.each else ""
    return f"<li>{_badge(line.effect, _EFFECTS[line.effect])}<span>{_text(title)}{each}{named}{more}</span></li>"


def _figures(played: Played) -> str:
    spent = total(played.usage)
    calls = len(played.usage)
    figures = [
        f"{calls} call{'' if calls == 1 else 's'} of the model",
        f"{_sent_back(played.usage)} sent back",
        f"{_tokens(spent)} tokens",
        *([_cost(spent)] if spent and spent.cost is not None else []),
        f"{played.seconds:.1f} s",
    ]
    silent = "The model was asked, and gave no answer" if played.asked else "No model was asked"
    return " · ".join(figures) if calls else f"{silent} · {played.seconds:.1f} s"


def _sent_back(usage: Iterable[Usage]) -> int:
    """How many answers were no good."""
    return sum(each.outcome != "used" for each in usage)


def _tokens(spent: Usage | None) -> str:
    if spent is None:
        return "0"
    about = "about " if spent.estimated else ""
    return f"{about}{spent.input_tokens:,} in, {spent.output_tokens:,} out"


def _cost(spent: Usage | None) -> str:
    return "–" if spent is None or spent.cost is None else f"{spent.cost:.4f} {_text(spent.currency)}"


def _badge(kind: str, text: str, of: str = "") -> str:
    told = f"{of}: {text}" if of else text
    return f'<span class="badge {kind}">{_text(told)}</span>'


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{_text(each)}</li>" for each in texts)


def _text(text: str) -> str:
    return escape(visible(text))
