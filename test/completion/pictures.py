"""Pictures for tests of priors."""

import cv2
import numpy as np

SHAPE = (60, 90)


def picture(shape=SHAPE, seed=0) -> np.ndarray:
    """A smooth picture with some texture, uint8 RGB."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, random.integers(0, 30, smooth.shape, dtype=np.uint8))
