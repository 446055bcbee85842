"""A visual vocabulary for ORB-SLAM3, made of the images that it will see, in DBoW2's text form.

The official one (145 MB of text) was trained on other images; for tracking and for loops within one drive a
small one of the drive itself does. After Galvez-Lopez, Tardos: Bags of Binary Words for Fast Place
Recognition in Image Sequences (T-RO 2012).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from ..core.safe.files import write_text

BRANCHES, LEVELS = 10, 4
FEATURES = 1000
ROUNDS = 8
_L1_NORM, _TF_IDF = 0, 0  # of DBoW2's enumerations
_BITS = 256


def write_vocabulary(images: Iterable[np.ndarray], path: Path) -> Path:
    """Write a vocabulary of the ORB features of grey images (uint8 H x W), and return its path.

    The first line is `branches levels scoring weighting`, each other one a node: its parent (0 is the root,
    the lines count from 1), whether it is a word, 32 bytes of descriptor, and the weight ln(images / images
    with it). The same images give the same file.

    Raises:
        ValueError: no image has a corner.
    """
    orb = cv2.ORB.create(FEATURES)
    found = [orb.detectAndCompute(image, None)[1] for image in images]
    found = [descriptors for descriptors in found if descriptors is not None]
    if not found:
        raise ValueError("No image has a single corner, so there is nothing that SLAM could track.")
    bits = np.unpackbits(np.concatenate(found), axis=1).astype(np.float32)
    image_of = np.repeat(np.arange(len(found)), [len(each) for each in found])
    lines = [f"{BRANCHES} {LEVELS} {_L1_NORM} {_TF_IDF}"]
    _grow(lines, 0, bits, image_of, len(found), LEVELS)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "\n".join(lines))  # DBoW2 takes a line end at the end for one more node
    return path


def _grow(lines: list[str], parent: int, bits, image_of, images: int, levels: int) -> None:
    """Add the nodes below a parent, each followed by all that is below it."""
    centres, label = cluster(bits, BRANCHES)
    for index, centre in enumerate(centres):
        mine = np.flatnonzero(label == index)
        is_word = levels == 1 or not np.ptp(bits[mine], axis=0).any()
        weight = np.log(images / len(np.unique(image_of[mine]))) if is_word else 0
        descriptor = " ".join(map(str, np.packbits(centre.astype(bool)).tolist()))
        lines.append(f"{parent} {int(is_word)} {descriptor} {weight:.6g}")
        if not is_word:
            _grow(lines, len(lines) - 1, bits[mine], image_of[mine], images, levels - 1)


def cluster(bits: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `number` centres of binary vectors and the index of each one's centre, by k-majority.

    Args:
        bits: N x B of 0 and 1, float32, N at least 1.

    Returns:
        centres K x B, the bits that most of their vectors have, and integer N; none of them is empty.
    """
    centres = bits[:1]
    distance = _hamming(bits, centres)[:, 0]
    while len(centres) < number and distance.max() > 0:  # start with vectors far from each other
        centres = np.concatenate([centres, bits[distance.argmax()][None]])
        distance = np.minimum(distance, _hamming(bits, centres[-1:])[:, 0])
    label = _hamming(bits, centres).argmin(axis=1)
    for _ in range(ROUNDS):
        used, label = np.unique(label, return_inverse=True)
        member = np.eye(len(used), dtype=np.float32)[label]
        centres = (member.T @ bits > 0.5 * member.sum(axis=0)[:, None]).astype(np.float32)
        before, label = label, _hamming(bits, centres).argmin(axis=1)
        if np.array_equal(before, label):
            break
    used, label = np.unique(label, return_inverse=True)
    return centres[used], label


def _hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Number of different bits between all of a and all of b."""
    return a.sum(axis=1)[:, None] + b.sum(axis=1) - 2 * (a @ b.T)
