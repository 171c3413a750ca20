"""A picture of the figures: one panel for each workload, a bar for each system, the scale logarithmic."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.benchmarks.matrix import Figures

WIDTH, ROW, LABEL, TOP, GAP = 1400, 34, 420, 74, 40
INK, OURS, FLOOR, OTHERS, PAPER, GRID = "#242424", "#5b5fc7", "#8a8886", "#c8c6c4", "#ffffff", "#edebe9"
_NAMES = {
    "floor": "floor",
    "langgraph": "LangGraph",
    "dbos": "DBOS",
    "temporal": "Temporal dev server",
    "maf": "Agent Framework",
    "durabletask": "Durable Task",
    "sk": "SK Process",
    "tandem": "Tandem",
}
_MEMORY = frozenset({"durabletask", "sk"})
_PANELS = (
    ("w1: 1,000 parallel tasks, microseconds per task", "w1", (1000, 100), "us_per_task"),
    ("w2: a chain of 200, microseconds per step", "w2", (200,), "us_per_task"),
    ("w3: from approval to the answer, p50, milliseconds", "w3lat", (200, 50, 30), "resume_p50_ms"),
)
Bar = tuple[str, float, str]


def draw(figures: Figures, path: Path) -> None:
    """Write the picture as PNG."""
    panels = [(title, _bars(figures, *where)) for title, *where in _PANELS]
    panels = [(title, bars) for title, bars in panels if bars]
    height = GAP + sum(TOP + ROW * len(bars) + GAP for _, bars in panels)
    image = Image.new("RGB", (WIDTH, height), PAPER)
    canvas, at = ImageDraw.Draw(image), GAP // 2
    for title, bars in panels:
        at = _panel(canvas, at, title, bars)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _bars(figures: Figures, workload: str, sizes: tuple[int, ...], field: str) -> list[Bar]:
    found: list[Bar] = []
    for peer, backend, mode in figures.measured():
        values = [figures.get(peer, backend, mode, workload, n, field) for n in sizes]
        value = next((each for each in values if each is not None), None)
        if value is not None:
            where = {"sqlite-full": "SQLite", "sqlite": "SQLite", "psycopg": "PostgreSQL", "postgres": "PostgreSQL"}
            kept = "memory" if peer in _MEMORY else where.get(backend, backend)
            how = {"each": ", two commits", "direct": ", direct"}.get(mode, "")
            colour = {"tandem": OURS, "floor": FLOOR}.get(peer, OTHERS)
            found.append((f"{_NAMES.get(peer, peer)}, {kept}{how}", value, colour))
    return sorted(found, key=lambda bar: bar[1])


def _panel(canvas: ImageDraw.ImageDraw, at: int, title: str, bars: list[Bar]) -> int:
    heading, small = ImageFont.load_default(24), ImageFont.load_default(19)
    canvas.text((20, at), title, INK, heading)
    at += TOP
    least = 10 ** math.floor(math.log10(min(value for _, value, _ in bars)))
    most = max(value for _, value, _ in bars)
    decades = max(math.log10(most / least), 1.0)
    room = WIDTH - LABEL - 120
    for power in range(math.ceil(decades) + 1):
        x = LABEL + room * power / decades
        if x <= WIDTH - 100:
            canvas.line((x, at - 6, x, at + ROW * len(bars)), GRID, 2)
            canvas.text((x, at - 10), f"{least * 10**power:,g}", FLOOR, small, anchor="mb")
    for name, value, colour in bars:
        end = LABEL + room * math.log10(value / least) / decades
        canvas.rectangle((LABEL, at + 5, max(end, LABEL + 2), at + ROW - 5), colour)
        canvas.text((LABEL - 12, at + ROW / 2), name, INK, small, anchor="rm")
        canvas.text(
            (end + 8, at + ROW / 2), f"{value:,.0f}" if value >= 10 else f"{value:.1f}", INK, small, anchor="lm"
        )
        at += ROW
    return at + GAP
