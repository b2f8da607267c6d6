"""CIFAR-shaped images made from integers alone: the same bytes under every numpy, on every machine.

Ten classes = five orientations x two frequencies of a triangular grating, shown in eight diamond patches per image.
Every patch has its own place, phase, sign and colour, so the mean image of every class is flat grey: a linear
model finds almost nothing (0.27 at best), a translation-invariant local detector finds everything.
"""

from __future__ import annotations

import hashlib

import numpy as np

SEED = 1
# name: (images, split number). Labels depend on the count, so the golden run has images of its own.
SPLITS = {"golden": (640, 0), "train": (4000, 0), "validation": (500, 2), "test": (1000, 1)}

ORIENTATIONS = ((64, 0), (52, 38), (20, 61), (-20, 61), (-52, 38))  # 64 x (cos, sin) of multiples of 36 degrees
FREQUENCIES = (64, 36)
PATCHES = 8
RADIUS = 6
AMPLITUDE = 110
NOISE = 24
DRAWS = 64  # random words per image
CHUNK = 125  # images at a time: the work stays in the processor's cache


def mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64, elementwise and modulo 2^64: our only source of randomness."""
    with np.errstate(over="ignore"):
        z = z.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(shape: tuple[int, ...], key: int) -> np.ndarray:
    """Multiples of 2^-23 in [-1, 1) as float64, a pure function of `key`; exact in float32."""
    count = int(np.prod(shape))
    words = mix(np.arange(count, dtype=np.uint64) + np.uint64(key)) >> np.uint64(40)
    return ((words.astype(np.int64) - (1 << 23)).astype(np.float64) / (1 << 23)).reshape(shape)


def generate(count: int, seed: int, split: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [count, 3, 32, 32] and labels int64 [count], balanced and shuffled."""
    index = np.arange(count, dtype=np.int64) + (split << 40)
    labels = (np.arange(count) % 10).astype(np.int64)[np.argsort(mix(index + 77), kind="stable")]
    images = np.empty((count, 3, 32, 32), np.uint8)
    for start in range(0, count, CHUNK):
        chunk = slice(start, start + CHUNK)
        images[chunk] = _draw(labels[chunk], _words(seed, index[chunk]))
    return images, labels


def _words(seed: int, index: np.ndarray) -> np.ndarray:
    """Random words [images, DRAWS]: a pure function of seed, image and slot, so chunks do not matter."""
    base = mix(np.array([seed], np.uint64))[0]
    slots = np.arange(DRAWS, dtype=np.uint64)[None] * np.uint64(0xD1342543DE82EF95)
    with np.errstate(over="ignore"):
        return mix(mix(index.astype(np.uint64) + base)[:, None] ^ slots)


def _draw(labels: np.ndarray, words: np.ndarray) -> np.ndarray:
    """The images of these labels; int16 holds every intermediate value (|sign x amplitude x wave| <= 7040)."""
    count = len(labels)
    y, x = np.mgrid[0:32, 0:32].astype(np.int16)
    cos, sin = (np.array(ORIENTATIONS, np.int32)[labels % 5, axis][:, None, None] for axis in (0, 1))
    frequency = np.array(FREQUENCIES, np.int32)[labels // 5][:, None, None]
    phase = (((cos * x + sin * y) * frequency) >> 6).astype(np.int16)
    image = np.zeros((count, 3, 32, 32), np.int16)
    for patch in range(PATCHES):
        shift, left, top = (_column(words, 6 * patch + slot, mask) for slot, mask in ((0, 255), (1, 31), (2, 31)))
        ramp = (phase + shift) & np.int16(255)
        wave = np.where(ramp < 128, ramp, 255 - ramp) - np.int16(64)
        wave *= (np.abs(x - left) + np.abs(y - top)) < RADIUS
        for channel in range(3):
            word = words[:, 6 * patch + 3 + channel]
            strength = (word % np.uint64(AMPLITUDE)).astype(np.int16) // 2 + AMPLITUDE // 2
            sign = np.where((word >> np.uint64(40)) & np.uint64(1), 1, -1).astype(np.int16)
            colour = ((sign * strength)[:, None, None] * wave) >> 6
            image[:, channel] = np.where(wave != 0, colour, image[:, channel])
    grey = 128 + (words[:, 60:63] % np.uint64(81)).astype(np.int16) - 40
    pixels = mix(words[:, 63][:, None] + np.arange(3 * 32 * 32, dtype=np.uint64)[None])
    noise = (pixels % np.uint64(2 * NOISE + 1)).astype(np.int16).reshape(image.shape) - NOISE
    return np.clip(grey[:, :, None, None] + image + noise, 0, 255).astype(np.uint8)


def _column(words: np.ndarray, slot: int, mask: int) -> np.ndarray:
    return (words[:, slot] & np.uint64(mask)).astype(np.int16)[:, None, None]


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of the images' bytes followed by the labels as little-endian 64-bit integers."""
    return hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()


def normalise(images: np.ndarray) -> np.ndarray:
    """Bytes to float32 in [-1, 1]."""
    return (images.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
