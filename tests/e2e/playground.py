"""One person at the Microsoft 365 Agents Playground, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, async_playwright, expect

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_LOOPBACK = {"localhost", "127.0.0.1"}
_PATIENCE_SECONDS = 20.0
_MESSAGE = ".fai-OutputCard"
_CARD = ".ac-adaptiveCard:not(.ac-adaptiveCard .ac-adaptiveCard)"  # what a button unfolds is a card in its card


def _labelled(label: str) -> re.Pattern[str]:
    """The whole label of an input, with the star of those that must be filled in."""
    return re.compile(rf"^\s*{re.escape(label)}\s*\*?\s*$")


class Card:
    """One Adaptive Card in the chat; found anew at each call, so that an update in place does no harm."""

    def __init__(self, root: Locator) -> None:
        self.root = root
        self._page = root.page

    async def text(self) -> str:
        """All that can be read on it."""
        return await self.root.inner_text()

    async def shows(self, text: str | re.Pattern[str], *, seconds: float = _PATIENCE_SECONDS) -> None:
        """Waits until the card says this."""
        await expect(self.root).to_contain_text(text, timeout=seconds * 1000)

    async def press(self, title: str) -> None:
        """Presses the button (or follows the link) with this title."""
        button = self.root.get_by_role("button", name=title, exact=True)
        found = button.or_(self.root.get_by_role("link", name=title, exact=True)).first
        if title.startswith(("Open", "Sign in")):  # a new page opens for a real click only
            await found.click()
        else:  # in one piece: a card that is drawn anew between mouse down and mouse up swallows a real click
            while not await found.evaluate("button => button.isConnected && (button.click(), true)"):
                pass  # drawn anew since it was found

    async def buttons(self) -> list[str]:
        """The titles of its buttons and links, from the top."""
        found = self.root.locator(".ac-pushButton-content, .ac-actionSet button, .ac-actionSet a")
        titles = [title.strip() for title in await found.all_inner_texts()]
        return list(dict.fromkeys(title for title in titles if title))

    async def fill(self, label: str, text: str) -> None:
        """Types into the text input with this label."""
        await self.root.get_by_label(_labelled(label)).fill(text)

    async def choose(self, label: str, option: str) -> None:
        """Chooses in the choice set with this label, compact or expanded."""
        compact = self.root.get_by_role("combobox", name=_labelled(label))
        group = self.root.get_by_role("radiogroup", name=_labelled(label))
        await compact.or_(group).wait_for()
        if await compact.count():
            await compact.click()
            await self._page.get_by_role("option", name=option, exact=True).click()
            await expect(compact).to_have_value(option)
        else:
            await group.get_by_role("radio", name=option, exact=True).check()

    async def chosen(self, label: str) -> str:
        """What the compact choice set with this label shows."""
        return await self.root.get_by_role("combobox", name=label, exact=True).input_value()


class Chat:
    """One person's personal chat with the bot."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open(self, url: str) -> None:
        """Opens the Playground; returns when it is connected, for what is typed before is lost."""
        await self.page.goto(url)
        await self.page.get_by_text("Connected.").first.wait_for(timeout=_PATIENCE_SECONDS * 1000)
        await self.page.get_by_role("button", name="Hide log panel").click()

    async def say(self, text: str) -> None:
        """Sends a message as this person."""
        await self.page.locator("[role=textbox][contenteditable=true]").last.click()
        await self.page.keyboard.insert_text(text)
        await self.page.get_by_label("Send Message").click()

    async def hears(self, text: str | re.Pattern[str], *, seconds: float = _PATIENCE_SECONDS) -> Locator:
        """Waits until a message or card of the bot says this; returns the last one that does."""
        found = self.page.locator(_MESSAGE).filter(has_text=text).last
        await found.wait_for(timeout=seconds * 1000)
        await found.scroll_into_view_if_needed()
        return found

    async def card(self, text: str | re.Pattern[str], *, seconds: float = _PATIENCE_SECONDS) -> Card:
        """Waits for a card that says this; returns the last one, which stays the same card when it is updated."""
        found = self.page.locator(_CARD).filter(has_text=text).last
        await found.wait_for(timeout=seconds * 1000)
        place = await found.evaluate("(card, all) => [...document.querySelectorAll(all)].indexOf(card)", _CARD)
        await found.scroll_into_view_if_needed()
        return Card(self.page.locator(_CARD).nth(place))

    async def last_card(self) -> Card:
        """The newest card."""
        count = await self.page.locator(_CARD).count()
        return Card(self.page.locator(_CARD).nth(count - 1))

    async def messages(self) -> list[str]:
        """Everything that the bot has said so far, oldest first."""
        return [text.strip() for text in await self.page.locator(_MESSAGE).all_inner_texts()]

    async def press(self, title: str) -> None:
        """Presses a button on the newest card."""
        await (await self.last_card()).press(title)

    async def screenshot(self, path: Path) -> None:
        """A picture of the window as the person sees it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=path)


async def _stay_on_this_machine(route: Route) -> None:
    if urlsplit(route.request.url).hostname in _LOOPBACK:
        await route.continue_()
    else:
        await route.abort()


@asynccontextmanager
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A Chromium of this machine, without a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        try:
            yield running
        finally:
            await running.close()


async def person(running: Browser) -> tuple[BrowserContext, Chat]:
    """A person of their own: nothing is shared with the other windows, and nothing reaches the internet."""
    context = await running.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(_PATIENCE_SECONDS * 1000)
    await context.route("**/*", _stay_on_this_machine)
    return context, Chat(await context.new_page())
