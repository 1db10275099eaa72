"""
Take the picture of the demo that the README shows: `python docs/images/take.py`, with the packages of the tests.

On the left the page, as its browser sees it; on the right what another browser gets for the address of its picture.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, example_server, open_page, wait_until_loaded

TARGET = Path(__file__).with_name("demo.png")
WINDOW = {"width": 880, "height": 1000}
#: Around the two windows, in pixels.
MARGIN = 24
#: Few enough that the file is small, many enough for a photograph.
COLOURS = 255


def main() -> None:
    """Serve the demo, look at it from two browsers, and put the two pictures side by side."""
    with example_server() as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        owner = chromium.new_context(viewport=WINDOW)
        page = open_page(owner, server.url)
        wait_until_loaded(page)
        address = page.eval_on_selector("[data-testid=stImage] img", "image => image.src")
        shown = page.screenshot()
        stranger = chromium.new_context(viewport=WINDOW).new_page()
        stranger.goto(address)
        refused = stranger.screenshot()
        chromium.close()
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in (shown, refused)]
    width, height = pictures[0].size
    both = Image.new("RGB", (2 * width + 3 * MARGIN, height + 2 * MARGIN), "#dfe3ea")
    for at, picture in enumerate(pictures):
        left = MARGIN + at * (width + MARGIN)
        both.paste(picture, (left, MARGIN))
        frame = (left - 1, MARGIN - 1, left + width, MARGIN + height)
        ImageDraw.Draw(both).rectangle(frame, outline="#9aa3b2")
    small = both.resize((both.width * 3 // 4, both.height * 3 // 4), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
