"""Stand-in for tf_transformations; quaternions are x, y, z, w."""

from __future__ import annotations

import numpy as np

from ....core.geometry import matrix_to_quaternion, quaternion_to_matrix, rigid


def quaternion_matrix(quaternion) -> np.ndarray:
    """4 x 4 transform of a quaternion."""
    return rigid(quaternion_to_matrix(quaternion), np.zeros(3))


def quaternion_from_matrix(matrix) -> np.ndarray:
    """Quaternion of the rotation of a 4 x 4 transform."""
    return matrix_to_quaternion(np.asarray(matrix))
