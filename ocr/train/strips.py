"""Synthetic strips of handwritten words, to train `ocr.words` on: text, pen, paper, and what else gets onto the strip.

Half of the text is made of the vocabulary's words, in pieces and with slips; the rest is random letters, so that the network reads
letters and does not guess words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr.numerals import spellings
from ocr.train.paper import F32, Rng, pick
from ocr.words import HEIGHT, U8

WIDTH = 256
_LONGEST = 15  # letters on a strip
_SIZE = 64  # of the fonts; a capital is about 45 high
_CAPITAL, _BASE = 45.0, 85
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_LETTERS = "eaosintrucdlmpbhgvqfjzyk"
_OFTEN = np.array([12, 12, 9, 7, 7, 8, 8, 6, 6, 5, 4, 4, 3, 3, 2, 3, 1, 2, 1, 1, 1.5, 1.5, 2, 1])
_SMALL_PRINT = (
    "con letra",
    "canceladas).",
    "Escriba aqui solo el numero",
    "(con letra)",
    "en letras",
    "jumlah",
)
_MIXED_CAPITALS = "ertsaun"  # letters that many people write as small capitals


@dataclass(frozen=True)
class Hand:
    """One way to write the letters: for each its ink, where it stands from the pen's place, and how far the pen goes on."""

    letters: dict[str, tuple[F32, int, int, float]]


def hand_of_font(path: Path) -> Hand:
    """The letters of a handwriting font."""
    font = ImageFont.truetype(str(path), _SIZE)
    out = {}
    for c in _LATIN + _LATIN.upper():
        left, top, right, bottom = (int(v) for v in font.getbbox(c, anchor="ls"))
        if right > left and bottom > top:
            picture = Image.new("L", (right - left + 2, bottom - top + 2))
            ImageDraw.Draw(picture).text((1 - left, 1 - top), c, fill=255, font=font, anchor="ls")
            ink = np.asarray(picture).astype(np.float32) / np.float32(255)
            out[c] = (ink, left - 1, top - 1, float(font.getlength(c)))
    return Hand(out)


def hand_of_strokes(face: int) -> Hand:
    """The letters of one of OpenCV's stroke fonts."""
    out = {}
    for c in _LATIN + _LATIN.upper():
        (w, h), below = cv2.getTextSize(c, face, 1.6, 3)
        ink = np.zeros((h + below + 16, w + 16), np.uint8)
        cv2.putText(ink, c, (8, h + 4), face, 1.6, 255, 3, cv2.LINE_AA)
        out[c] = (ink.astype(np.float32) / np.float32(255), -8, -(h + 4), float(w))
    return Hand(out)


def strip(rng: Rng, hands: list[Hand]) -> tuple[U8, str]:
    """One strip, ``(40, 256)`` uint8, and its text (lower case; empty on one in ten)."""
    text = _text(rng)
    ink: F32 = np.zeros((HEIGHT, WIDTH), np.float32)
    pen = rng.uniform(0.6, 1)
    if text:
        capital = rng.uniform(0.36, 0.78) * HEIGHT
        base = rng.uniform(max(capital + 1, 0.55 * HEIGHT), max(capital + 2, 0.9 * HEIGHT))
        _put(rng, ink, _line(rng, hands, text), base, capital, pen)
    if rng.random() < 0.3:  # the rows above and below
        capital = rng.uniform(0.4, 0.7) * HEIGHT
        below = HEIGHT + capital * rng.uniform(0.65, 0.9)
        base = below if rng.random() < 0.6 else rng.uniform(0, 0.12) * HEIGHT
        _put(rng, ink, _line(rng, hands, _text(rng) or "dos"), base, capital, pen)
    if rng.random() < 0.3:
        ink = np.maximum(ink, _small_print(rng))
    page = rng.uniform(170, 255) * (1 - _watermark(rng))
    page = page * (1 - np.maximum(_rules(rng) * rng.uniform(0.3, 1), ink * rng.uniform(0.45, 1)))
    return _photo(rng, page.astype(np.float32)), text


def _text(rng: Rng) -> str:
    chance = rng.random()
    if chance < 0.55:
        every = spellings(("es", "id", "pt")[pick(rng, (0.5, 0.3, 0.2))], 3)
        words = every[int(rng.integers(len(every)))][0].split()
        if rng.random() < 0.3:
            rng.shuffle(words)
        count = int(rng.integers(1, 5))
        start = int(rng.integers(0, max(1, len(words) - count + 1)))
        words = words[start : start + count]
        while len(" ".join(words)) > _LONGEST:
            words = words[1:]
        if rng.random() < 0.15:  # a slip of the pen
            i = int(rng.integers(len(words)))
            j = int(rng.integers(len(words[i])))
            words[i] = words[i][:j] + _letters(rng, 1) + words[i][j + 1 :]
        return " ".join(words)
    if chance < 0.9:
        words = [_letters(rng, int(rng.integers(2, 10))) for _ in range(int(rng.integers(1, 3)))]
        return " ".join(words)[:_LONGEST].strip()
    return ""


def _letters(rng: Rng, count: int) -> str:
    return "".join(_LETTERS[i] for i in rng.choice(len(_LETTERS), count, p=_OFTEN / _OFTEN.sum()))


def _line(rng: Rng, hands: list[Hand], text: str) -> F32:
    """The text on an endless line, its base in row 85."""
    hand = hands[int(rng.integers(len(hands)))]
    style = pick(rng, (0.3, 0.2, 0.32, 0.1, 0.08))
    canvas: F32 = np.zeros((130, 60 + len(text) * 75), np.float32)
    x, gap, apart = 20.0, rng.uniform(22, 60), rng.normal(2, 3)
    jump, uneven = rng.uniform(0, 3), rng.uniform(0, 0.08)
    first = True
    for c in text:
        if c == " ":
            x, first = x + gap * rng.uniform(0.7, 1.3), True
            continue
        shown = c.upper() if _capital(rng, style, c, first) else c
        first = False
        mine = hand if rng.random() > 0.03 else hands[int(rng.integers(len(hands)))]
        ink, left, top, wide = mine.letters.get(shown) or hands[-1].letters[shown]
        k = 1 + rng.normal(0, uneven)
        size = (max(2, int(ink.shape[1] * k * rng.uniform(0.92, 1.08))), max(2, int(ink.shape[0] * k)))
        drawn = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
        row = int(np.clip(_BASE + top * k + rng.normal(0, jump), 0, max(0, 130 - size[1])))
        column = int(np.clip(x + left, 0, canvas.shape[1] - size[0]))
        part = canvas[row : row + size[1], column : column + size[0]]
        np.maximum(part, drawn[: len(part)], out=part)
        x += max(8.0, wide * size[0] / ink.shape[1] + apart + rng.normal(0, 1.5))
    return canvas[:, : int(x) + 20]


def _capital(rng: Rng, style: int, letter: str, first: bool) -> bool:
    return (
        style == 2
        or (style in (1, 4) and first)
        or (style == 3 and rng.random() < 0.5)
        or (style == 4 and letter in _MIXED_CAPITALS)
    )


def _put(rng: Rng, onto: F32, line: F32, base: float, capital: float, pen: float) -> None:
    """Bend the line a little and lay it on the strip."""
    high = capital / _CAPITAL
    wide = min(high * rng.uniform(0.75, 1.35), (WIDTH - 4) / line.shape[1])
    slant, room = rng.normal(0, 0.15), max(0.0, WIDTH - line.shape[1] * wide)
    left = rng.uniform(0, room if rng.random() < 0.7 else min(8.0, room))
    if rng.random() < 0.8:
        y, x = np.mgrid[0 : line.shape[0], 0 : line.shape[1]].astype(np.float32)
        size, period, phase = rng.uniform(0.5, 4), rng.uniform(30, 150, 3), rng.uniform(0, 6, 2)
        dx = size * np.sin(x / period[0] + y / (0.4 * period[1]) + phase[0])
        dy = size * np.sin(x / period[2] + phase[1])
        line = cv2.remap(
            line, (x + dx).astype(np.float32), (y + dy).astype(np.float32), cv2.INTER_LINEAR
        ).astype(np.float32)
    thickness = pick(rng, (0.35, 0.13, 0.52))
    if thickness == 0:
        line = cv2.dilate(line, np.ones((int(rng.integers(2, 5)),) * 2, np.uint8)).astype(np.float32)
    elif thickness == 1:
        line = cv2.erode(line, np.ones((2, 2), np.uint8)).astype(np.float32)
    if min(wide, high) < 0.7:
        line = cv2.GaussianBlur(line, (0, 0), 0.45 / min(wide, high)).astype(np.float32)
    turn = rng.normal(0, 0.01) * wide
    move = np.array([[wide, -slant * high, left + slant * high * _BASE], [turn, high, base - _BASE * high]])
    np.maximum(onto, pen * cv2.warpAffine(line, move, (WIDTH, HEIGHT)), out=onto)


def _small_print(rng: Rng) -> F32:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    y = int(rng.uniform(0, 8) if rng.random() < 0.5 else rng.uniform(HEIGHT - 4, HEIGHT + 5))
    text = _SMALL_PRINT[int(rng.integers(len(_SMALL_PRINT)))]
    at, face = (int(rng.integers(0, WIDTH - 40)), y), (0, 2, 3)[int(rng.integers(3))]
    cv2.putText(mask, text, at, face, rng.uniform(0.22, 0.36), 255, 1, cv2.LINE_AA)
    return mask.astype(np.float32) / np.float32(255) * np.float32(rng.uniform(0.4, 1))


def _watermark(rng: Rng) -> F32:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(int(rng.integers(1, 6)) if rng.random() < 0.4 else 0):
        at = (int(rng.integers(-20, WIDTH)), int(rng.integers(-10, HEIGHT + 20)))
        kind = int(rng.integers(4))
        if kind == 0:
            cv2.circle(mask, at, int(rng.integers(5, 50)), 255, int(rng.integers(1, 8)), cv2.LINE_AA)
        elif kind == 1:
            letters, size = chr(65 + int(rng.integers(26))) * 2, rng.uniform(0.6, 2.0)
            cv2.putText(mask, letters, at, 2, size, 255, int(rng.integers(1, 9)), cv2.LINE_AA)
        elif kind == 2:
            to = (int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT)))
            cv2.line(mask, at, to, 255, int(rng.integers(3, 20)), cv2.LINE_AA)
        else:
            far = (at[0] + int(rng.integers(10, 90)), at[1] + int(rng.integers(5, 40)))
            cv2.rectangle(mask, at, far, 255, -1)
    return mask.astype(np.float32) / np.float32(255) * np.float32(rng.uniform(0.02, 0.16))


def _rules(rng: Rng) -> F32:
    """The printed lines above and below, a writing line, and what divides the words."""
    out: F32 = np.zeros((HEIGHT, WIDTH), np.float32)
    rules = [(rng.uniform(0, 0.16), 0.55), (rng.uniform(0.84, 1), 0.55), (rng.uniform(0.7, 0.9), 0.15)]
    for y, chance in rules:
        if rng.random() < chance:
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            a, b = int(y * HEIGHT * 16), int((y * HEIGHT + rng.normal(0, 1)) * 16)
            thick = int(rng.integers(1, 5 if rng.random() < 0.3 else 3))
            cv2.line(mask, (-16, a), (WIDTH * 16, b), 255, thick, cv2.LINE_AA, 4)
            out = np.maximum(out, mask.astype(np.float32) / np.float32(255) * np.float32(rng.uniform(0.2, 1)))
    for _ in range(pick(rng, (0.6, 0.2, 0.2))):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        x = int(rng.integers(0, WIDTH))
        foot = (x + int(rng.normal(0, 1)), HEIGHT)
        cv2.line(mask, (x, 0), foot, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
        if rng.random() < 0.5:
            mask[(np.arange(HEIGHT) // int(rng.integers(2, 5))) % 2 == 0] = 0
        out = np.maximum(out, mask.astype(np.float32) / np.float32(255) * np.float32(rng.uniform(0.1, 0.9)))
    return out


def _photo(rng: Rng, page: F32) -> U8:
    """The page through a camera: fewer pixels, JPEG, blur, noise."""
    share = rng.uniform(0.42, 1.2)
    if share < 0.95:
        small = cv2.resize(page, (int(WIDTH * share), int(HEIGHT * share)), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
            _, data = cv2.imencode(".jpg", np.clip(small, 0, 255).astype(np.uint8), quality)
            small = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)
        page = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    if rng.random() < 0.3:
        page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.3, 1.1)).astype(np.float32)
    noisy = page + rng.normal(0, rng.uniform(0, 5), page.shape)
    out: U8 = np.clip(noisy, 0, 255).astype(np.uint8)
    return out
