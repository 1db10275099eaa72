"""
Make the media of the examples: `python make.py` writes them beside this file.

Everything is computed, so nobody's copyright is in them. Needs ffmpeg, and numpy and Pillow, which come with Streamlit.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).resolve().parent
FRAMES_PER_SECOND = 24
SECONDS = 5
RATE = 44100

Pixels = NDArray[np.float64]

INK = (27, 38, 59)
PAPER = (247, 243, 236)
SUN = (244, 162, 97)


# --- the landscape, of which the picture and the film are made


def ridge(seed: int, x: Pixels, roughness: float) -> Pixels:
    """Return the outline of a mountain ridge at `x`, from about -1 to 1: waves of falling size, as in real ones."""
    random = np.random.default_rng(seed)
    outline = np.zeros_like(x)
    for octave in range(9):
        frequency = 1.15 * 1.9**octave
        wave_ = np.sin(2 * np.pi * (frequency * x + random.random()))
        # Folding the wave makes peaks sharp and valleys round.
        outline += (1 - 2 * np.abs(wave_)) * roughness**octave * random.uniform(0.6, 1.0)
    return outline / 2


def trees(seed: int, x: Pixels) -> Pixels:
    """Return the height of a row of firs at `x`, from 0 to 1."""
    random = np.random.default_rng(seed)
    height = np.zeros_like(x)
    for position, size in zip(random.uniform(-0.1, 2.0, 470), random.uniform(0.35, 1, 470), strict=True):
        height = np.maximum(height, size * np.clip(1 - np.abs(x - position) / (0.0052 * size), 0, 1))
    return height


def mix(first: Pixels, second: Pixels, share: Pixels) -> Pixels:
    """Blend two colours, or two pictures."""
    return first + (second - first) * share[..., None]


def landscape(width: int, height: int, time: float) -> Image.Image:
    """Paint ridges before an evening sky; `time` from 0 to 1 lowers the sun and moves the point of view."""
    x, y = np.meshgrid(np.arange(width) / height, np.arange(height) / height)
    sky = np.array([[0.16, 0.24, 0.42], [0.47, 0.50, 0.63], [0.93, 0.70, 0.55], [0.99, 0.84, 0.66]])
    stops = np.array([0.0, 0.3, 0.52, 0.66]) - 0.05 * time
    picture = np.stack([np.interp(y, stops, sky[:, channel]) for channel in range(3)], axis=-1)

    sun_x, sun_y = 1.18, 0.36 + 0.1 * time
    distance = np.hypot(x - sun_x, y - sun_y)
    picture = mix(picture, np.array([1.0, 0.90, 0.72]), 0.75 * np.exp(-((distance / 0.20) ** 1.3)))
    picture = mix(picture, np.array([1.0, 0.97, 0.88]), np.clip((0.047 - distance) * height / 1.5, 0, 1))

    far, near = np.array([0.80, 0.62, 0.60]), np.array([0.07, 0.11, 0.18])
    haze = np.array([0.97, 0.80, 0.66])
    layers = 6
    for layer in range(layers):
        depth = layer / (layers - 1)
        shift = 0.10 * time * (0.1 + depth**2)
        base = 0.47 + 0.44 * depth**1.15
        amplitude = 0.085 + 0.035 * depth
        line = x[0] + shift + 3.1 * layer
        top = base - amplitude * ridge(11 + layer, line * (0.42 + 0.12 * depth), 0.47)
        if layer >= layers - 2:
            top -= (0.020 + 0.030 * (depth == 1)) * trees(90 + layer, x[0] + shift)
        covered = np.clip((y - top) * height, 0, 1)
        colour = far + (near - far) * depth**0.75
        # Mist gathers at the foot of each ridge, less so in front.
        mist = np.clip((y - top) / 0.24, 0, 1) ** 1.2 * (1 - depth) ** 0.8 * 0.75
        # The side that faces the sun is a little warmer.
        glow = 0.20 * (1 - depth) * np.exp(-((x - sun_x) ** 2) / 0.18)
        picture = mix(picture, mix(colour, haze, np.clip(mist + glow, 0, 1)), covered)

    vignette = 1 - 0.22 * (((x - width / height / 2) / (width / height / 2)) ** 2 + (2 * y - 1) ** 2) / 2
    return Image.fromarray((np.clip(picture * vignette[..., None], 0, 1) * 255 + 0.5).astype(np.uint8))


def make_picture() -> None:
    """Make the picture, with the grain of a photograph."""
    picture = landscape(2400, 1350, 0.35).resize((1200, 675), Image.Resampling.LANCZOS)
    grain = np.random.default_rng(5).normal(0, 2.2, (675, 1200, 1))
    pixels = np.clip(np.asarray(picture, dtype=float) + grain, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(HERE / "picture.jpg", quality=84, optimize=True, progressive=True)


# --- sound and film


def tone(frequency: float, length: float) -> Pixels:
    """Return a soft struck tone."""
    t = np.arange(int(length * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * frequency * n * t) * np.exp(-t * (1.1 + 0.9 * n)) / n**1.7 for n in range(1, 7))
    return np.asarray(partials * np.clip(t / 0.006, 0, 1))


def make_sound(seconds: float) -> Path:
    """Make a few quiet notes with an echo, and return them as a WAV file."""
    notes = [(0.0, 220.0), (0.4, 329.63), (0.8, 440.0), (1.2, 554.37), (1.8, 659.26), (2.6, 493.88), (3.2, 440.0)]
    sound = np.zeros(int((seconds + 3) * RATE))
    for start, frequency in notes:
        struck = tone(frequency, 3.0)
        for echo, loudness in ((0.0, 1.0), (0.37, 0.30), (0.74, 0.12)):
            at = int((start + echo) * RATE)
            part = struck[: max(0, len(sound) - at)]
            sound[at : at + len(part)] += part * loudness
    sound = sound[: int(seconds * RATE)]
    sound *= np.clip((seconds - np.arange(len(sound)) / RATE) / 0.8, 0, 1)
    path = Path(tempfile.mkdtemp()) / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound / np.abs(sound).max() * 0.6 * 32767).astype("<i2").tobytes())
    return path


def ffmpeg(*arguments: str, data: bytes | None = None) -> None:
    """Run ffmpeg so that the same input gives the same file."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, input=data, check=True)  # noqa: S603 - the arguments are written in this file


def make_sound_and_film() -> None:
    """Make the MP3, and the MP4 with the same sound, its index in front so that it starts before it is loaded."""
    exact = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact")
    ffmpeg("-i", str(make_sound(6)), "-b:a", "64k", *exact, str(HERE / "sound.mp3"))
    count = FRAMES_PER_SECOND * SECONDS
    frames = b"".join(
        landscape(1280, 720, number / count).resize((640, 360), Image.Resampling.LANCZOS).tobytes()
        for number in range(count)
    )
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "640x360", "-r", str(FRAMES_PER_SECOND), "-i", "-"),
        *("-i", str(make_sound(SECONDS))),
        *("-c:v", "libx264", "-preset", "veryslow", "-crf", "24", "-pix_fmt", "yuv420p", "-threads", "1"),
        *("-c:a", "aac", "-b:a", "64k", "-shortest", "-movflags", "+faststart", "-flags:v", "+bitexact", *exact),
        str(HERE / "film.mp4"),
        data=frames,
    )


SUBTITLES = """\
WEBVTT

00:00:00.200 --> 00:00:02.200
The sun goes down behind the ridges.

00:00:02.400 --> 00:00:04.800
Only this browser sees it.
"""


# --- marks


def mark(size: int) -> Image.Image:
    """Draw the sign of the app: two ridges and a sun on a round ground."""
    scale = 8 * size
    image = Image.new("RGBA", (scale, scale))
    ground = Image.new("L", (scale, scale))
    ImageDraw.Draw(ground).rounded_rectangle((0, 0, scale - 1, scale - 1), scale * 0.24, fill=255)
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((0, 0, scale, scale), fill=INK)

    def points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
        return [(px * scale, py * scale) for px, py in pairs]

    drawing.ellipse(points((0.56, 0.18), (0.80, 0.42)), fill=SUN)
    drawing.polygon(points((0.30, 0.90), (0.66, 0.42), (1.02, 0.90)), fill=(119, 141, 169))
    drawing.polygon(points((-0.05, 0.90), (0.36, 0.30), (0.76, 0.90)), fill=PAPER)
    drawing.rectangle((0, 0.80 * scale, scale, scale), fill=INK)
    image.putalpha(ground)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def make_marks() -> None:
    """Make the page icon, the logo and the avatar."""
    mark(64).save(HERE / "icon.png", optimize=True)

    logo = Image.new("RGBA", (4 * 260, 4 * 64))
    logo.paste(mark(4 * 56), (0, 16))
    font = ImageFont.load_default(4 * 38)
    # A grey that can be read on a light and on a dark page.
    ImageDraw.Draw(logo).text((4 * 72, 4 * 32), "Ridgeline", fill=(112, 128, 150), font=font, anchor="lm")
    logo.resize((520, 128), Image.Resampling.LANCZOS).save(HERE / "logo.png", optimize=True)

    side = 512
    avatar = Image.new("RGB", (side, side), (224, 214, 200))
    drawing = ImageDraw.Draw(avatar)
    drawing.ellipse((90, 330, 422, 700), fill=(69, 98, 104))  # shoulders
    drawing.rectangle((222, 280, 290, 360), fill=(203, 153, 126))  # neck
    drawing.ellipse((166, 120, 346, 336), fill=(221, 174, 145))  # face
    drawing.chord((150, 84, 362, 300), 180, 360, fill=SUN)  # cap
    drawing.rounded_rectangle((142, 178, 370, 212), 17, fill=(196, 110, 62))
    drawing.ellipse((238, 64, 274, 100), fill=PAPER)
    avatar = avatar.filter(ImageFilter.GaussianBlur(1)).resize((128, 128), Image.Resampling.LANCZOS)
    avatar.save(HERE / "avatar.png", optimize=True)


# --- the document


def make_document() -> None:
    """Write a one-page PDF by hand: a drawing and a few lines in the fonts that every reader has."""
    commands = [f"{' '.join(f'{c / 255:.3f}' for c in PAPER)} rg 0 0 420 595 re f"]
    for layer, grey in enumerate((0.80, 0.62, 0.42, 0.16)):
        x = np.linspace(0, 420, 141)
        y = 455 - 28 * layer + 26 * ridge(40 + layer, x / 420 * 0.7, 0.45)
        outline = " ".join(f"{px:.1f} {py:.1f} l" for px, py in zip(x, y, strict=True))
        commands.append(f"{grey * 0.9:.3f} {grey * 0.96:.3f} {grey * 1.1:.3f} rg 0 340 m {outline} 420 340 l f")
    lines = [
        ("F2", 24, 270, "Evening on the ridge"),
        ("F1", 11, 236, "Sunset at 20:41, wind from the west, 14 degrees at the hut."),
        ("F1", 11, 218, "The far ridges stood clear of the mist until nine."),
        ("F1", 11, 186, "This page is a file like the picture and the film: it was sent"),
        ("F1", 11, 168, "to one browser, and its address opens in no other."),
    ]
    ink = " ".join(f"{c / 255:.3f}" for c in INK)
    commands += [f"BT {ink} rg /{font} {size} Tf 42 {y} Td ({text}) Tj ET" for font, size, y, text in lines]
    content = "\n".join(commands).encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
    ]
    pdf, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(pdf))
    pdf += b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)
    (HERE / "report.pdf").write_bytes(pdf)


if __name__ == "__main__":
    make_picture()
    make_sound_and_film()
    (HERE / "subtitles.vtt").write_text(SUBTITLES, "utf-8")
    make_marks()
    make_document()
