"""Cameras from calibration files, for bags and robots without CameraInfo."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from depth_completion_ros.core import Camera

from ..messages import doubt_of_rectified
from .document import numbers, read_document

_K = ("camera_matrix", "K", "k", "CameraMat", "cameraMatrix", "intrinsics", "intrinsic")
_D = ("distortion_coefficients", "distortion_coeffs", "D", "d", "DistCoeff", "distCoeffs", "dist_coeffs")
_P = ("projection_matrix", "P", "p")
_WIDTH, _HEIGHT = ("image_width", "width"), ("image_height", "height")
_SIZE = ("resolution", "ImageSize", "image_size")
_MODELS_OF_K = ("", "pinhole", "plumb_bob", "fisheye", "equidistant", "rational_polynomial", "radtan")


@dataclass(frozen=True, eq=False)
class CameraFile:
    """Intrinsics as a file tells them.

    Args:
        name: what error messages call the file.
        K, P: 3 x 3 of the raw and of the rectified image, pixels; P is None where the file has none.
        distortion_model, D: as of `Camera`.
        size: width and height in pixels; None where the file does not tell.
    """

    name: str
    K: np.ndarray
    P: np.ndarray | None
    distortion_model: str
    D: np.ndarray
    size: tuple[int, int] | None

    def camera(self, width: int, height: int, rectified: bool = False) -> Camera:
        """The camera of images of a size, which is that of the file if it tells one.

        Raises:
            ValueError: images of another size, rectified ones without a projection matrix, or a view that no
                camera has.
        """
        if self.size not in (None, (width, height)):
            raise ValueError(
                f"The image is {width} x {height} but {self.name} is of {self.size[0]} x {self.size[1]}; "
                "both must be the same."
            )
        if rectified and self.P is None:
            raise ValueError(f"{self.name} has no projection_matrix, which rectified images need.")
        model = ("plumb_bob", ()) if rectified else (self.distortion_model, self.D)
        camera = Camera(width, height, self.P if rectified else self.K, *model).check_plausible()
        doubt = None if self.size else camera.off_centre()
        if doubt:
            raise ValueError(f"{self.name} tells no size of images, and {doubt}")
        return camera

    def doubt(self, topic: str, rectified: bool) -> str | None:
        """A sentence where the name of an image topic speaks against how its images are read; else None."""
        P = np.zeros((3, 3)) if self.P is None else self.P
        message = SimpleNamespace(k=self.K.ravel(), d=self.D, p=np.column_stack([P, np.zeros(3)]).ravel())
        return doubt_of_rectified(message, topic, rectified, self.name[0].lower() + self.name[1:])


def read_camera_file(path: str | Path, image_topic: str = "") -> CameraFile:
    """Intrinsics of a calibration file.

    Formats: camera_info YAML of camera_calibration and camera_info_manager, what `ros2 topic echo` prints of
    a CameraInfo, camchain of Kalibr, calib.json of a frame folder or of direct_visual_lidar_calibration,
    and YAML of OpenCV and Autoware.

    Args:
        image_topic: chooses the camera of a camchain with several, by its `rostopic`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another format, or what no camera can have.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no camera file '{path}'.")
    name = f"Camera file '{path}'"
    content = read_document(path, name)
    if isinstance(content, dict):
        content = _one_camera(content, name, image_topic)
    if not isinstance(content, dict) or _first(content, _K) is None:
        raise ValueError(
            f"{name} has no {', '.join(_K[:2])} or intrinsics; it must be a camera_info YAML of ROS, a "
            "camchain of Kalibr, a calib.json, or a YAML of OpenCV."
        )
    return _camera_file(content, name)


def _one_camera(content: dict, name: str, image_topic: str) -> dict:
    """The entry of a file that is a camera."""
    if isinstance(content.get("camera"), dict):
        return content["camera"]
    cameras = {k: v for k, v in content.items() if re.fullmatch(r"cam\d+", str(k)) and isinstance(v, dict)}
    if not cameras:
        return content
    of_topic = {
        k: v for k, v in cameras.items() if image_topic and _base(v.get("rostopic")) == _base(image_topic)
    }
    chosen = of_topic or cameras
    if len(chosen) != 1:
        there = ", ".join(f"{key} ({entry.get('rostopic', 'no rostopic')})" for key, entry in cameras.items())
        raise ValueError(
            f"{name} has {len(cameras)} cameras, {there}; none or several are of '{image_topic}'."
        )
    return next(iter(chosen.values()))


def _base(topic) -> str:
    """A topic without the transport of its images."""
    return str(topic or "").strip("/").removesuffix("/compressed")


def _first(content: dict, names: tuple[str, ...]):
    return next((content[name] for name in names if content.get(name) is not None), None)


def _camera_file(content: dict, name: str) -> CameraFile:
    kind = str(content.get("camera_model") or "").lower()
    if kind not in _MODELS_OF_K:
        raise ValueError(
            f"{name} is of a camera model '{kind}'; it must be pinhole or equidistant (fisheye)."
        )
    K = _matrix(numbers(_first(content, _K), f"{name}: K"), name)
    D = _first(content, _D)
    D = numbers([] if D is None else D, f"{name}: D")
    P = _first(content, _P)
    if P is not None:
        P = numbers(P, f"{name}: P")
        if P.size != 12:
            raise ValueError(f"{name}: P has {P.size} numbers; it must have 12.")
        P = P.reshape(3, 4)[:, :3]
    model = content.get("distortion_model")
    if model is None:
        model = "fisheye" if content.get("fisheye_model") else kind if kind not in ("", "pinhole") else ""
        model = "rational_polynomial" if not model and D.size > 5 else model
    elif str(model).startswith("none"):
        model, D = "plumb_bob", np.zeros(0)
    size = _size(content, name)
    file = CameraFile(name, K, P, str(model), D, size)
    try:
        if size is None:
            Camera(1, 1, K, str(model), D)
        else:
            file.camera(*size)
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}") from None
    return file


def _matrix(values: np.ndarray, name: str) -> np.ndarray:
    if values.size == 4:  # of Kalibr
        fx, fy, cx, cy = values
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    if values.size != 9:
        raise ValueError(f"{name}: K has {values.size} numbers; it must have 9, or 4 (fx fy cx cy).")
    return values.reshape(3, 3)


def _size(content: dict, name: str) -> tuple[int, int] | None:
    size = _first(content, _SIZE)
    if isinstance(size, dict):
        size = [_first(size, _WIDTH), _first(size, _HEIGHT)]
    if size is None:
        size = [_first(content, _WIDTH), _first(content, _HEIGHT)]
    if all(side is None for side in size):
        return None
    sides = numbers([side if side is not None else 0 for side in size], f"{name}: size")
    if sides.size != 2 or (sides < 1).any() or (sides % 1).any():
        raise ValueError(
            f"{name} says the image is {' x '.join(map(str, size))}; it must be width and height."
        )
    return int(sides[0]), int(sides[1])
