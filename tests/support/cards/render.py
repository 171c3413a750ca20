"""Pictures of every sample: `LOCALE=de-DE python -m tests.support.cards.render OUTDIR [NAME...]`.

Needs Chromium and the npm packages `adaptivecards` and `adaptivecards-designer` (Microsoft's own renderer, and the
look of Teams); `NODE_MODULES` names their folder if it is not the project's own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page, sync_playwright

from bot.language import speaking
from tests.support.cards.samples import SAMPLES

NODE_MODULES = Path(os.environ.get("NODE_MODULES") or Path(__file__).parents[3] / "node_modules")
WIDTHS = {"light": 480, "dark": 480, "phone": 320}

_LOOK = {
    "light": ("#f5f5f5", "#ffffff", "#242424", "#5b5fc7"),
    "dark": ("#1f1f1f", "#292929", "#ffffff", "#a6a7f1"),
}
_PAGE = """<!doctype html><meta charset=utf-8><style>{css}
body {{ margin: 0; padding: 12px; background: {around}; color: {ink}; font: 14px "Segoe UI", "Liberation Sans", sans-serif }}
#card {{ width: {width}px; box-sizing: border-box; background: {paper}; border-radius: 8px; padding: 12px }}
.ac-pushButton, .ac-input {{ border: 1px solid #8886; border-radius: 4px; color: inherit; font: inherit }}
.ac-pushButton {{ padding: 6px 12px; background: transparent; font-weight: 600 }}
.ac-pushButton.style-positive {{ background: #5b5fc7; color: #fff }}
.ac-pushButton.style-destructive {{ background: #c4314b; color: #fff }}
a.ac-anchor {{ color: {link} !important }}
.ac-input {{ background: {around}; padding: 5px }}
</style><div id=card></div><script>{js}</script>"""  # noqa: E501 - one rule a line
_DRAW = """([card, config]) => {
  const drawn = new AdaptiveCards.AdaptiveCard();
  drawn.hostConfig = new AdaptiveCards.HostConfig(config);
  const context = new AdaptiveCards.SerializationContext();
  drawn.onExecuteAction = action => { window.sent = action.data; };
  drawn.parse(card, context);
  document.getElementById("card").replaceChildren(drawn.render());
  const events = [];
  for (let i = 0; i < context.eventCount; i++) events.push(context.getEventAt(i).message);
  return events.concat(drawn.validateProperties().validationEvents.map(event => event.message));
}"""


class Drawn(NamedTuple):
    """What became of a card: what the renderer complains about, and the text that people see."""

    complaints: list[str]
    text: str


def missing() -> str:
    """Why pictures cannot be made here; empty if they can."""
    if not _chromium():
        return "there is no Chromium"
    absent = [name for name in ("adaptivecards", "adaptivecards-designer") if not (NODE_MODULES / name).is_dir()]
    return f"npm packages are not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def page(locale: str = "en-GB") -> Iterator[Page]:
    """A page of the system's Chromium that reaches no network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            context = browser.new_context(timezone_id="Europe/Berlin", locale=locale, offline=True)
            yield context.new_page()
        finally:
            browser.close()


def draw(drawing: Page, card: dict[str, Any], look: str = "light", picture: Path | None = None) -> Drawn:
    """Draws a card as Teams does, and photographs it if asked."""
    theme = "dark" if look == "dark" else "light"
    around, paper, ink, link = _LOOK[theme]
    dist = NODE_MODULES / "adaptivecards" / "dist"
    css = (dist / "adaptivecards.css").read_text(encoding="utf-8")
    js = (dist / "adaptivecards.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    configs = NODE_MODULES / "adaptivecards-designer" / "lib" / "hostConfigs"
    config = json.loads((configs / f"microsoft-teams-{theme}.json").read_text(encoding="utf-8-sig"))
    drawing.set_viewport_size({"width": WIDTHS[look] + 24, "height": 200})
    drawing.set_content(
        _PAGE.format(css=css, js=js, width=WIDTHS[look], around=around, paper=paper, ink=ink, link=link)
    )
    complaints: list[str] = drawing.evaluate(_DRAW, [card, config])
    text = drawing.inner_text("#card")
    if picture:
        drawing.screenshot(path=picture, full_page=True)
    return Drawn(complaints, text)


def _chromium() -> str:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


def main(folder: Path, names: list[str]) -> int:
    """Draws the samples in every look; the number of complaints is the exit code."""
    if reason := missing():
        sys.exit(f"No pictures: {reason}.")
    folder.mkdir(parents=True, exist_ok=True)
    complaints = 0
    locale = os.environ.get("LOCALE", "en-GB")
    with page(locale) as drawing, speaking(locale):
        for name, sample in SAMPLES.items():
            if names and name not in names:
                continue
            for look in WIDTHS:
                drawn = draw(drawing, sample(), look, folder / f"{name}-{look}.png")
                complaints += len(drawn.complaints)
                for complaint in drawn.complaints:
                    print(f"{name} ({look}): {complaint}")
    print(f"{len(names or SAMPLES)} cards drawn into {folder}")
    return complaints


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.support.cards.render OUTDIR [NAME...]")
    sys.exit(bool(main(Path(sys.argv[1]), sys.argv[2:])))
