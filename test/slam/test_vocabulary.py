"""The vocabulary that is made of a drive's own images, in the text form that ORB-SLAM3 reads."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import camera_image

from depth_completion_ros.slam.vocabulary import BRANCHES, LEVELS, cluster, write_vocabulary


def grey_images(number: int) -> list[np.ndarray]:
    return [camera_image((240, 320), seed)[..., 0] for seed in range(number)]


def nodes_of(text: str) -> list[tuple[int, bool, list[int], float]]:
    """Parent, whether a word, descriptor and weight of each line after the first."""
    rows = [line.split() for line in text.split("\n")[1:]]
    return [(int(row[0]), row[1] == "1", [int(v) for v in row[2:34]], float(row[34])) for row in rows]


def test_vectors_go_to_the_centre_that_has_most_of_their_bits():
    bits = np.array(
        [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]], float
    )
    centres, label = cluster(bits.astype(np.float32), 2)
    assert sorted(centres.tolist()) == [[0, 0, 0, 0], [1, 1, 1, 1]]
    assert len(set(label[:3])) == len(set(label[3:])) == 1 and label[0] != label[3]


def test_there_are_no_more_centres_than_different_vectors():
    centres, label = cluster(np.zeros((5, 8), np.float32), 10)
    assert len(centres) == 1 and not label.any()


def test_a_vocabulary_is_a_tree_whose_words_weigh_what_few_images_have(tmp_path):
    text = write_vocabulary(grey_images(4), tmp_path / "new" / "vocabulary.txt").read_text()
    assert text.split("\n")[0] == f"{BRANCHES} {LEVELS} 0 0"
    nodes = nodes_of(text)
    assert not text.endswith("\n")  # DBoW2 would read one node more
    parents = [parent for parent, *_ in nodes]
    assert all(parent < number for number, parent in enumerate(parents, 1))
    assert max(np.bincount(parents)) <= BRANCHES
    words = {number for number, (_, is_word, *_) in enumerate(nodes, 1) if is_word}
    assert words == set(range(1, len(nodes) + 1)) - set(parents)
    weights = {round(node[3], 4) for node in nodes}
    assert weights <= {round(float(np.log(4 / images)), 4) for images in (1, 2, 3, 4)}
    assert all(0 <= value <= 255 for node in nodes for value in node[2])


def test_the_same_images_give_the_same_file(tmp_path):
    first, second = (write_vocabulary(grey_images(2), tmp_path / name) for name in ("a.txt", "b.txt"))
    assert first.read_bytes() == second.read_bytes()


def test_images_without_corners_are_refused(tmp_path):
    with pytest.raises(ValueError, match="No image has a single corner"):
        write_vocabulary([np.zeros((100, 100), np.uint8)], tmp_path / "vocabulary.txt")
