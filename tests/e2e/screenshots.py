"""The README's pictures, taken of the main job as two people see it: `make screenshots`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.async_api import Locator, ViewportSize

from tests.e2e.playground import Chat
from tests.e2e.product import Product
from tests.e2e.story import GOAL, SitDown, allow, both, sign_in

PICTURES = Path("docs/images")
WINDOW: ViewportSize = {"width": 668, "height": 840}  # so narrow that the Playground hides its list of chats
CHAT = (0, 50, 668, 815)  # the part of the window that shows the conversation: left, top, right, bottom
GAP = 16
# Scrolls the conversation alone: scrollIntoView moves the page around it too.
_SCROLL = """(part, edge) => {
  const scrolls = box => box.scrollHeight > box.clientHeight && /auto|scroll/.test(getComputedStyle(box).overflowY);
  let list = part.parentElement;
  while (!scrolls(list)) list = list.parentElement;
  const [inner, outer] = [part.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollTop += edge === "top" ? inner.top - outer.top - 40 : inner.bottom - outer.bottom + 20;
}"""
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def shown(chat: Chat, part: Locator, edge: Literal["top", "bottom"], path: Path) -> Path:
    """A picture with this part near the top or the bottom of the conversation."""
    await part.evaluate(_SCROLL, edge)
    await chat.screenshot(path)
    return path


def side_by_side(left: Path, right: Path, path: Path) -> None:
    """Two conversations beside each other, in the few colours that they have."""
    halves = [Image.open(half).convert("RGB").crop(CHAT) for half in (left, right)]
    both_halves = Image.new("RGB", (sum(half.width for half in halves) + GAP, halves[0].height), "white")
    both_halves.paste(halves[0], (0, 0))
    both_halves.paste(halves[1], (halves[0].width + GAP, 0))
    both_halves.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


async def test_take_the_pictures(product: Product, sit_down: SitDown, tmp_path: Path) -> None:
    product.start()
    megan, alex = await both(product, sit_down)
    for chat in (megan, alex):
        await chat.page.set_viewport_size(WINDOW)

    await megan.say(GOAL)
    card = await megan.card("It will read")
    await megan.screenshot(plan := tmp_path / "plan.png")
    await card.press("Start")
    await sign_in(megan)
    await card.shows("Waiting for Alex Wilber")
    progress = await shown(megan, card.root, "top", tmp_path / "progress.png")
    side_by_side(plan, progress, PICTURES / "plan-and-progress.png")

    question = await alex.card("Send decisions", seconds=40)
    await question.choose("Different amounts (5)", "SAP is right")
    await question.press("Why?")
    first_item = question.root.get_by_role("combobox", name="Answer for this one").first
    decision = await shown(alex, first_item, "bottom", tmp_path / "decision.png")
    await question.press("Send decisions")
    await allow(megan)
    await (await megan.card("Open the workbook")).shows("20 discrepancies")
    await megan.screenshot(outcome := tmp_path / "outcome.png")
    side_by_side(decision, outcome, PICTURES / "decision-and-answer.png")


async def test_take_the_pictures_of_planning(product: Product, sit_down: SitDown, tmp_path: Path) -> None:
    product.start("--model", "recorded")
    megan, alex = await both(product, sit_down)
    for chat in (megan, alex):
        await chat.page.set_viewport_size(WINDOW)

    await megan.say("Find the steering committee minutes of Atlas and draft a mail with a summary to Adele Vance")
    card = await megan.card("Drawn up by")
    plan = await shown(megan, card.root, "bottom", tmp_path / "plan.png")
    await card.press("Cancel")

    await megan.say(GOAL)
    await (await megan.card("It will read")).press("Start")
    await sign_in(megan)
    await alex.card("Send decisions", seconds=40)
    await megan.say("Also mail it to Lee Gu")
    consent = await megan.card("Nothing has changed yet")
    change = await shown(megan, consent.root, "bottom", tmp_path / "change.png")
    side_by_side(plan, change, PICTURES / "plan-of-a-model-and-change.png")
