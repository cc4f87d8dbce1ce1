"""What the pictures of a report are drawn with.

Lengths are picture pixels; a pen may draw on a finer canvas, which is reduced afterwards.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, FOOTER = 720, 500, 64
"""Pixels: the anatomy, and below it the strip for scale and legend."""
BLUE, ORANGE = (42, 120, 214), (235, 118, 12)
"""Against and for a grade; told apart with any colour vision."""
COMPRESSION = 3
"""Of a PNG: half the time of the usual 6, for a file at most a fifth larger."""
WHITE, BLACK, INK, YELLOW = (255, 255, 255), (0, 0, 0), (40, 44, 52), (255, 232, 64)


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows. name: short and unique in a report."""

    name: str
    caption: str
    png: bytes


class Pen:
    """Draws text, scale and legends in picture pixels on a canvas that has `scale` times as many."""

    def __init__(self, canvas: Image.Image, scale: int = 1):
        self.canvas = canvas
        self.scale = scale
        self.draw = ImageDraw.Draw(canvas, "RGBA")

    def text(self, x, y, text, size, anchor, ink, halo=None) -> None:
        """anchor: Pillow's two letters, horizontal (l, m, r) and vertical (a, m, s, d)."""
        position = (x * self.scale, y * self.scale)
        stroke = {"stroke_width": 2 * self.scale, "stroke_fill": halo} if halo else {}
        self.draw.text(position, text, ink, _font(size * self.scale), anchor, **stroke)

    def text_box(self, x, y, text, size, anchor) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the text."""
        box = self.draw.textbbox((x * self.scale, y * self.scale), text, _font(size * self.scale), anchor)
        return tuple(edge / self.scale for edge in box)

    def circle(self, x, y, radius, fill, ink, width) -> None:
        self.draw.circle((x * self.scale, y * self.scale), radius * self.scale, fill, ink, round(width * self.scale))

    def line(self, points: Sequence[tuple[float, float]], ink, width: float) -> None:
        self.draw.line([(x * self.scale, y * self.scale) for x, y in points], ink, max(1, round(width * self.scale)))

    def letters(self, letters: str, ink, halo) -> None:
        places = (
            (10, HEIGHT / 2, "lm"),
            (WIDTH - 10, HEIGHT / 2, "rm"),
            (WIDTH / 2, 8, "ma"),
            (WIDTH / 2, HEIGHT - 8, "md"),
        )
        for letter, (x, y, anchor) in zip(letters, places, strict=True):
            self.text(x, y, letter, 22, anchor, ink, halo)

    def scale_bar(self, mm_per_pixel: float, ink) -> None:
        """The longest round length that takes at most 160 pixels, in cm."""
        length_cm = next((cm for cm in (10, 5, 2, 1) if 10 * cm / mm_per_pixel <= 160), 0.5)
        end, y = 18 + 10 * length_cm / mm_per_pixel, HEIGHT + 40
        self.line([(18, y - 6), (18, y), (end, y), (end, y - 6)], ink, 2)
        self.text((18 + end) / 2, y - 7, f"{length_cm:g} cm", 15, "md", ink)

    def colour_bar(self, x, length, colours: np.ndarray, ticks: Sequence[str], title: str, ink) -> None:
        """colours: (n, 3), 0 to 255, left to right. ticks: texts at the left end, the middle and the right end."""
        y = HEIGHT + 26
        strip = Image.fromarray(colours[None].round().astype(np.uint8)).resize((length * self.scale, 9 * self.scale))
        self.canvas.paste(strip, (x * self.scale, y * self.scale))
        self.text(x + length / 2, y - 5, title, 15, "md", ink)
        for place, tick, anchor in zip((x, x + length / 2, x + length), ticks, ("la", "ma", "ra"), strict=True):
            self.text(place, y + 13, tick, 15, anchor, ink)


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=COMPRESSION)
    return buffer.getvalue()


def signed(value: float) -> str:
    return f"{value:+.2g}"


def lesion_number(name: str) -> str:
    """The last word of a region's name: the number of a lesion."""
    return name.rsplit(" ", 1)[-1]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=size)
