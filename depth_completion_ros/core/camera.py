"""Camera models: points in the optical frame to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

DISTORTION_MODELS = {
    "plumb_bob": (0, 4, 5),
    "rational_polynomial": (0, 4, 5, 8, 12, 14),
    "equidistant": (0, 4),
}
"""Numbers of coefficients by model of `sensor_msgs/distortion_models`, in OpenCV's order; those left out
are zero. More of them than that are taken where they are zero."""

_OTHER_NAMES = {
    "": "plumb_bob",
    "brown_conrady": "plumb_bob",
    "opencv": "plumb_bob",
    "radial_tangential": "plumb_bob",
    "radtan": "plumb_bob",
    "radtan5": "plumb_bob",
    "pinhole_radtan": "plumb_bob",
    "rational": "rational_polynomial",
    "full_opencv": "rational_polynomial",
    "radtan8": "rational_polynomial",
    "pinhole_radtan8": "rational_polynomial",
    "equi": "equidistant",
    "fisheye": "equidistant",
    "kannala_brandt": "equidistant",
    "kannala_brandt4": "equidistant",
    "kb4": "equidistant",
    "opencv_fisheye": "equidistant",
    "pinhole_equi": "equidistant",
}
"""What drivers and calibration tools (Kalibr, COLMAP, RealSense) call the same models."""
_UNDISTORTED_NAMES = ("none", "perspective", "pinhole", "inverse_brown_conrady", "modified_brown_conrady")
"""Names that fit a camera with all coefficients zero, and say too little or another formula else."""


def distortion(model: str, D: np.ndarray) -> tuple[str, np.ndarray]:
    """Name of `DISTORTION_MODELS` and its coefficients for a model as drivers and tools write it.

    Raises:
        ValueError: a model that is none of these, or coefficients that it does not have.
    """
    D = np.array(D, dtype=np.float64).ravel()
    if not np.isfinite(D).all():
        raise ValueError("Camera D has values that are not finite.")
    name = "_".join(str(model).lower().replace("-", " ").replace("_", " ").split())
    name = _OTHER_NAMES.get(name, name)
    if name in _UNDISTORTED_NAMES and not D.any():
        return "plumb_bob", np.zeros(0)
    if name not in DISTORTION_MODELS:
        but = ", unless all its coefficients are zero" if name in _UNDISTORTED_NAMES else ""
        raise ValueError(
            f"Camera distortion model is '{model}', which is not known{but}; "
            f"it must be one of {', '.join(DISTORTION_MODELS)}."
        )
    allowed = DISTORTION_MODELS[name]
    if D.size > max(allowed) and not D[max(allowed) :].any():
        D = D[: max(allowed)]
    if D.size not in allowed and (D.any() or D.size > max(allowed)):
        also = "; with more it is rational_polynomial" if name == "plumb_bob" and D.size > 5 else ""
        raise ValueError(
            f"Camera D has {D.size} coefficients; {name} takes {' or '.join(map(str, allowed))}{also}."
        )
    return name, D if D.any() else np.zeros(0)


FOCAL_LIMITS = 0.01, 200.0
"""Focal length over the size of the image, least and most, that a real camera has: 178 degrees across (a
fisheye has 0.25 and more), and 0.3."""
OFF_CENTRE = 0.2
"""Image sizes that the principal point of a whole image may be away from the middle."""
CENTRE_LIMIT = 100.0
"""Image sizes that the principal point may be away from the middle, as that of a small window may be."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole or fisheye camera as `sensor_msgs/CameraInfo` describes it.

    Pixel (0, 0) is the centre of the top left pixel. The optical frame has z forward, x right and
    y down (REP 103).

    Args:
        width, height: image size in pixels.
        K: 3 x 3 matrix of the raw image, pixels.
        distortion_model: `plumb_bob`, `rational_polynomial` or `equidistant`, or another name of one of
            them (see `distortion`).
        D: coefficients in OpenCV's order; empty or all zero for a rectified image.

    Raises:
        ValueError: a size, matrix, model or number of coefficients that no camera can have.
    """

    width: int
    height: int
    K: np.ndarray
    distortion_model: str = "plumb_bob"
    D: np.ndarray = field(default=())

    def __post_init__(self):
        K = np.array(self.K, dtype=np.float64)
        if not all(0 < side < np.inf and side % 1 == 0 for side in (self.width, self.height)):
            raise ValueError(
                f"Camera size is {self.width} x {self.height}; both must be positive whole numbers."
            )
        if K.shape != (3, 3):
            raise ValueError(f"Camera K has shape {K.shape}; it must be 3 x 3.")
        if not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
            raise ValueError(
                f"Camera K has focal lengths {K[0, 0]:g} and {K[1, 1]:g}; both must be positive "
                "(an all-zero CameraInfo means the camera is not calibrated)."
            )
        model, D = distortion(self.distortion_model, self.D)
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "height", int(self.height))
        object.__setattr__(self, "K", K)
        object.__setattr__(self, "distortion_model", model)
        object.__setattr__(self, "D", D)

    def __eq__(self, other) -> bool:
        return (
            isinstance(other, Camera)
            and (self.width, self.height) == (other.width, other.height)
            and self.distortion_model == other.distortion_model
            and np.array_equal(self.K, other.K)
            and np.array_equal(self.D, other.D)
        )

    def check_plausible(self) -> Camera:
        """The camera itself, if it is of a whole image and a real lens can have it.

        Raises:
            ValueError: a field of view or principal point that means it is not calibrated.
        """
        if abs(self.K[0, 1]) > self.K[0, 0] or not np.array_equal(self.K[2], [0, 0, 1]):
            raise ValueError(
                f"Camera K is {self.K.tolist()}; its skew must be below the focal length and its last row "
                "0, 0, 1, so it is not calibrated."
            )
        for axis, size, focal in (("x", self.width, self.K[0, 0]), ("y", self.height, self.K[1, 1])):
            centre = self.K["xy".index(axis), 2]
            if not FOCAL_LIMITS[0] <= focal / size <= FOCAL_LIMITS[1]:
                view = np.rad2deg(2 * np.arctan(size / focal / 2))
                raise ValueError(
                    f"Camera of {self.width} x {self.height} has a focal length of {focal:g} pixels in "
                    f"{axis}, a view of {view:.2g} degrees; it must be from {FOCAL_LIMITS[0]:g} to "
                    f"{FOCAL_LIMITS[1]:g} times the {size} pixels, so it is not calibrated."
                )
            if abs(centre - size / 2) > CENTRE_LIMIT * size:
                raise ValueError(
                    f"Camera of {self.width} x {self.height} has its principal point at {axis} = {centre:g}, "
                    "far from the image, so it is not calibrated."
                )
        return self

    def off_centre(self) -> str | None:
        """A sentence where the principal point is far from the middle of the image; else None.

        That of a whole image is near it, so a K that comes without its size is seen to be of another one.
        """
        centre, size = self.K[:2, 2], np.array([self.width, self.height])
        if (np.abs(centre - size / 2) <= OFF_CENTRE * size).all():
            return None
        return (
            f"its principal point is at {centre[0]:.4g}, {centre[1]:.4g}, far from the middle of the image "
            f"of {self.width} x {self.height}; is it of images of another size?"
        )

    @property
    def is_rectified(self) -> bool:
        """Whether the image has no distortion left to model (an equidistant one always has)."""
        return self.D.size == 0 and self.distortion_model != "equidistant"

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")  # points and models that are absurd
    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project points of the optical frame into the raw image.

        Args:
            points: N x 3, metres, optical frame.

        Returns:
            pixels N x 2 (u, v) and a mask N of the points that have an image: in front of the
            camera and within the field of view where the distortion polynomial still grows. Pixels
            of the others are NaN. Pixels may lie outside the image.
        """
        points = np.asarray(points)
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        seen = z > 0
        a, b = x / z, y / z
        seen &= np.isfinite(a + b)
        if not self.is_rectified:
            seen &= a * a + b * b <= self._max_tangent**2
            a, b = self._distort(a, b)
        K = self.K.astype(points.dtype) if points.dtype == np.float32 else self.K
        pixels = np.empty((len(points), 2), dtype=a.dtype)
        pixels[:, 0] = K[0, 0] * a + K[0, 2]
        pixels[:, 1] = K[1, 1] * b + K[1, 2]
        if K[0, 1]:
            pixels[:, 0] += K[0, 1] * b
        pixels[~seen] = np.nan
        return pixels, seen

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def unproject(self, pixels: np.ndarray) -> np.ndarray:
        """Rays of pixels of the raw image: N x 2 (u, v) to N x 3 with z = 1, optical frame."""
        pixels = np.asarray(pixels, dtype=np.float64).reshape(-1, 2)
        b = (pixels[:, 1] - self.K[1, 2]) / self.K[1, 1]
        a = (pixels[:, 0] - self.K[0, 2] - self.K[0, 1] * b) / self.K[0, 0]
        if not self.is_rectified:
            a, b = self._undistort(a, b)
        return np.stack([a, b, np.ones_like(a)], axis=1)

    @cached_property
    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the rays of all pixels at z = 1, two float32 H x W; computed once a camera."""
        v, u = np.mgrid[: self.height, : self.width]
        rays = self.unproject(np.stack([u.ravel(), v.ravel()], axis=1)).astype(np.float32)
        x, y = rays[:, :2].T.reshape(2, self.height, self.width).copy()
        return x, y

    def resized(self, width: int, height: int) -> Camera:
        """The camera of the same image scaled to another size, in pixels."""
        scale = np.array([width / self.width, height / self.height])
        K = self.K.copy()
        K[:2, :2] *= scale[:, None]
        K[:2, 2] = (K[:2, 2] + 0.5) * scale - 0.5
        return Camera(width, height, K, self.distortion_model, self.D)

    def cropped(self, left: int, top: int, width: int, height: int) -> Camera:
        """The camera of a window of the image, in pixels."""
        K = self.K.copy()
        K[:2, 2] -= (left, top)
        return Camera(width, height, K, self.distortion_model, self.D)

    @cached_property
    def _coefficients(self) -> list[float]:
        """D filled up with zeros; Python numbers, which leave single precision single."""
        return [*self.D.tolist(), *[0.0] * (14 - self.D.size)]

    def _distort(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.distortion_model == "equidistant":
            r = np.sqrt(a * a + b * b)
            with np.errstate(invalid="ignore", divide="ignore"):
                scale = np.where(r > 1e-8, self._equidistant_radius(np.arctan(r)) / r, 1.0)
            return (a * scale).astype(a.dtype), (b * scale).astype(a.dtype)
        k = self._coefficients
        r2 = a * a + b * b
        radial = (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
        ab2 = 2 * a * b
        u = a * radial + k[2] * ab2 + k[3] * (r2 + 2 * a * a) + r2 * (k[8] + r2 * k[9])
        v = b * radial + k[2] * (r2 + 2 * b * b) + k[3] * ab2 + r2 * (k[10] + r2 * k[11])
        if k[12] or k[13]:
            u, v = _tilt(u, v, k[12], k[13])
        return u, v

    def _equidistant_radius(self, theta: np.ndarray) -> np.ndarray:
        k = self._coefficients
        t2 = theta * theta
        return theta * (1 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3]))))

    def _undistort(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Invert `_distort` by Newton's method; rays outside the model's domain come out NaN."""
        x, y = a.copy(), b.copy()
        if self.distortion_model == "equidistant":
            return self._undistort_equidistant(a, b)
        step = 1e-6
        for _ in range(20):
            u, v = self._distort(x, y)
            ux, vx = self._distort(x + step, y)
            uy, vy = self._distort(x, y + step)
            j = np.array([[ux - u, uy - u], [vx - v, vy - v]]) / step
            determinant = j[0, 0] * j[1, 1] - j[0, 1] * j[1, 0]
            du, dv = a - u, b - v
            dx = (j[1, 1] * du - j[0, 1] * dv) / determinant
            dy = (j[0, 0] * dv - j[1, 0] * du) / determinant
            x, y = x + dx, y + dy
            if np.nanmax(np.abs([dx, dy]), initial=0.0) < 1e-12:
                break
        u, v = self._distort(x, y)
        wrong = ~(np.hypot(u - a, v - b) < 1e-6) | ~(x * x + y * y <= 1.01 * self._max_tangent**2)
        return np.where(wrong, np.nan, x), np.where(wrong, np.nan, y)

    def _undistort_equidistant(self, a, b):
        radius = np.hypot(a, b)
        theta = np.minimum(radius, self._max_angle)
        step = 1e-6
        for _ in range(20):
            value = self._equidistant_radius(theta)
            slope = (self._equidistant_radius(theta + step) - value) / step
            change = (radius - value) / slope
            theta = np.clip(theta + change, 0, self._max_angle)
            if np.abs(change).max(initial=0.0) < 1e-12:
                break
        wrong = np.abs(self._equidistant_radius(theta) - radius) > 1e-6
        scale = np.where(radius > 1e-12, np.tan(theta) / radius, 1.0)
        scale = np.where(wrong, np.nan, scale)
        return a * scale, b * scale

    @cached_property
    def _max_angle(self) -> float:
        """Largest angle from the axis up to which the distorted radius grows, radians.

        Polynomials fold back beyond it, and points far outside the view would land in the image.
        """
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return self._last_rising_angle(np.linspace(0, np.deg2rad(89.0), 2000))

    def _last_rising_angle(self, angles: np.ndarray) -> float:
        if self.distortion_model == "equidistant":
            radius = self._equidistant_radius(angles)
        else:
            k = self._coefficients
            r = np.tan(angles)
            r2 = r * r
            radius = r * (1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4])))
            radius /= 1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
        falls = np.flatnonzero(np.diff(radius) <= 0)
        return float(angles[falls[0]] if falls.size else angles[-1])

    @cached_property
    def _max_tangent(self) -> float:
        return float(np.tan(self._max_angle))


def _tilt(u: np.ndarray, v: np.ndarray, tau_x: float, tau_y: float):
    """Tilted sensor of the 14-coefficient model (OpenCV's Scheimpflug terms)."""
    R = cv2.Rodrigues(np.array([0.0, -tau_y, 0.0]))[0] @ cv2.Rodrigues(np.array([-tau_x, 0.0, 0.0]))[0]
    M = np.array([[R[2, 2], 0, -R[0, 2]], [0, R[2, 2], -R[1, 2]], [0, 0, 1]]) @ R
    M = M.astype(u.dtype)
    w = M[2, 0] * u + M[2, 1] * v + M[2, 2]
    return (
        (M[0, 0] * u + M[0, 1] * v + M[0, 2]) / w,
        (M[1, 0] * u + M[1, 1] * v + M[1, 2]) / w,
    )
