"""The whole product, and two people at their windows."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.cli.playground import find
from bot.cli.trouble import Trouble
from tests.e2e.playground import Chat, browser, person
from tests.e2e.product import Product

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PICTURES = Path("test-results")


def _unable(reason: str) -> None:
    """Without a browser these tests prove nothing: skipped on a desk, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} In CI that is a failure.", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium of this machine."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    found = found or next((path for path in _APPLICATIONS if Path(path).exists()), None)
    if not found:
        _unable(
            "There is no Chromium here (Debian, Ubuntu: apt-get install chromium), or name one with CHROMIUM=/path."
        )
    return str(found)


@pytest.fixture(scope="session")
def playground_script() -> Path:
    """The installed Playground."""
    try:
        return find()
    except Trouble as trouble:
        _unable(trouble.message)
        raise


@pytest.fixture
async def web(chromium: str) -> AsyncIterator[Browser]:
    """A running browser."""
    async with browser(chromium) as running:
        yield running


@pytest.fixture
async def sit_down(web: Browser, request: pytest.FixtureRequest) -> AsyncIterator[object]:
    """Opens a Playground's address as a person with a browser profile of their own; pictures are kept of failures."""
    chats: dict[str, Chat] = {}
    async with AsyncExitStack() as stack:

        async def open_chat(url: str) -> Chat:
            context, chat = await person(web)
            stack.push_async_callback(context.close)
            chats[url.rsplit(":", 1)[-1].strip("/")] = chat
            await chat.open(url)
            return chat

        yield open_chat
        if getattr(request.node, "failed", False):
            for port, chat in chats.items():
                await chat.screenshot(_PICTURES / f"{request.node.name}-{port}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Lets fixtures know that their test has failed."""
    report = yield
    if call.when == "call" and report.failed:
        item.failed = True
    return report


@pytest.fixture
def product(tmp_path: Path, chromium: str, playground_script: Path) -> Iterator[Product]:
    """Tandem as `tandem up` starts it, on ports and with state of its own; whatever happens, nothing of it is left."""
    running = Product(tmp_path / "state")
    try:
        yield running
    finally:
        running.end()
