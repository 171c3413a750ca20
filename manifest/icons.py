"""Draws the app's icons: two riders on one tandem. `python -m manifest.icons` writes both files anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
INDIGO, VIOLET, WHITE, CLEAR = (70, 72, 172), (123, 92, 214), (255, 255, 255), (255, 255, 255, 0)
_FINER = 8

# On a field of 192 by 192: wheels, heads, and the strokes of frame and riders.
WHEELS = ((55, 126), (137, 126))
WHEEL_RADIUS = 25
HEADS = ((74, 53), (122, 53))
HEAD_RADIUS = 12
FRAME = (((55, 126), (72, 96), (122, 96), (137, 126)), ((72, 96), (96, 126), (122, 96)))
RIDERS = (((72, 96), (70, 76), (94, 84)), ((120, 96), (118, 76), (142, 84)))


def draw(size: int, *, stroke: float, margin: float = 0.0) -> Image.Image:
    """The figure as a mask: how much of each pixel it covers.

    Args:
        size: Edge in pixels.
        stroke: Width of its lines on the field of 192.
        margin: What is cut off each side of the field, so that the figure fills a small icon.
    """
    scale = size * _FINER / (192 - 2 * margin)
    mask = Image.new("L", (size * _FINER, size * _FINER))
    pen = ImageDraw.Draw(mask)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] - margin) * scale, (point[1] - margin) * scale

    def disc(center: tuple[float, float], radius: float, ink: int) -> None:
        x, y = place(center)
        pen.ellipse((x - radius * scale, y - radius * scale, x + radius * scale, y + radius * scale), fill=ink)

    def line(points: Sequence[tuple[float, float]]) -> None:
        pen.line([place(point) for point in points], fill=255, width=round(stroke * scale), joint="curve")
        for point in points:
            disc(point, stroke / 2, 255)

    for wheel in WHEELS:
        disc(wheel, WHEEL_RADIUS, 255)
        disc(wheel, WHEEL_RADIUS - stroke, 0)
    for points in (*FRAME, *RIDERS):
        line(points)
    for head in HEADS:
        disc(head, HEAD_RADIUS, 255)
    return mask.resize((size, size), Image.Resampling.LANCZOS)


def color(size: int = 192) -> Image.Image:
    """White on a slope from indigo to violet, edge to edge: Teams rounds the corners."""
    down = Image.linear_gradient("L").resize((size, size))
    slope = Image.blend(down, down.rotate(90), 0.5)
    field = Image.composite(Image.new("RGB", (size, size), VIOLET), Image.new("RGB", (size, size), INDIGO), slope)
    field.paste(WHITE, mask=draw(size, stroke=7))
    return field


def outline(size: int = 32) -> Image.Image:
    """Only white, on transparent."""
    icon = Image.new("RGBA", (size, size), CLEAR)
    icon.putalpha(draw(size, stroke=9, margin=24))
    return icon


if __name__ == "__main__":
    color().save(HERE / "color.png", optimize=True)
    outline().save(HERE / "outline.png", optimize=True)
