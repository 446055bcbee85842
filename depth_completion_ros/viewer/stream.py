"""What Rerun is told: an entity for each thing to see, on the time line of the frames.

| entity | holds |
|---|---|
| `world/camera` | pose of the camera; the world is the frame of the poses, else that of the LiDAR |
| `world/camera/image` | image and pinhole; below it `measured`, what was fed, in colours of depth |
| `world/camera/measured` | the same points in space |
| `world/camera/clouds/NAME` | completed depth in space, in colours of the image |
| `world/trajectory` | path of the camera so far |
| `completers/NAME/` | `depth` in colours, `depth/metres`, `confidence`, `source`, `error` to the truth |
| `truth`, `truth/metres` | what depth is compared with |
| `plots/WHAT/NAME` | errors, known share and time of each frame |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..completion import Completion, Source
from ..core import Camera, Metrics, depth_to_cloud
from ..core.visual import colourise_depth, error_map
from ..data.files import depth_units

if TYPE_CHECKING:
    from rerun import RecordingStream

APPLICATION = "depth_completion_ros"
FRAME, STAMP = "frame", "stamp"
"""Names of the time lines: number of the frame, and stamp of its image."""
UNITS_PER_METRE = 256.0
"""Of depth, which is stored as 16-bit PNG; what is 256 m away or more is left out."""
JPEG_QUALITY = 90
RADIUS = 1.0
"""Of points, in pixels of the screen."""
SOURCE_COLOURS = {
    Source.UNKNOWN: (0, 0, 0),
    Source.MEASURED: (255, 255, 255),
    Source.PROPAGATED: (70, 130, 200),
    Source.PRIOR: (230, 140, 40),
}
MOST_POSES = 20_000
"""Of the path that is drawn; the oldest go, as a robot may drive for days."""


def import_rerun():
    """Rerun; ModuleNotFoundError with a sentence where it is missing."""
    try:
        import rerun
    except ImportError as error:
        raise ModuleNotFoundError(
            f"This needs Rerun, which cannot be imported ({error}); "
            'install it with: pip install "depth-completion-ros[view]"'
        ) from error
    return rerun


class RerunStream:
    """Tells Rerun what there is to see of each frame.

    Args:
        name: of the recording.
        stride: of clouds of completed depth, in pixels.

    Attributes:
        recording: stream of Rerun, without a place to go to until one is given to it.
    """

    def __init__(self, name: str, stride: int = 4):
        self._rr = import_rerun()
        self.recording: RecordingStream = self._rr.RecordingStream(APPLICATION)
        self.recording.send_recording_name(name)
        self.recording.set_log_time_enabled(False)
        self.recording.set_log_tick_enabled(False)
        self._stride = stride
        self._path: list[np.ndarray] = []
        self._ends: tuple[float, float] | None = None
        self._error_limit = 0.0
        self._classes_told: set[str] = set()

    def at(self, stamp_ns: int | None, number: int | None = None) -> None:
        """What is told from now on is of this frame.

        Args:
            stamp_ns: of its image; None where it has none.
            number: None for a frame that is not numbered, as live ones are not.
        """
        self.recording.reset_time()
        if number is not None:
            self.recording.set_time(FRAME, sequence=number)
        if stamp_ns is not None:
            self.recording.set_time(STAMP, timestamp=np.datetime64(stamp_ns, "ns"))

    # Inputs --------------------------------------------------------------------------------------

    def world(self, up_is_z: bool) -> None:
        """Say once which way is up: z in frames of robots, -y in optical frames (REP 103)."""
        views = self._rr.ViewCoordinates
        self._log("world", views.RIGHT_HAND_Z_UP if up_is_z else views.RDF, static=True)

    def camera(self, camera: Camera, T_world_cam: np.ndarray) -> None:
        """Tell intrinsics, and the pose 4 x 4."""
        model = self._rr.Pinhole(
            image_from_camera=camera.K,
            resolution=[camera.width, camera.height],
            camera_xyz=self._rr.ViewCoordinates.RDF,
            image_plane_distance=1.0,
        )
        self._log("world/camera/image", model)
        pose = self._rr.Transform3D(translation=T_world_cam[:3, 3], mat3x3=T_world_cam[:3, :3])
        self._log("world/camera", pose)

    def trajectory(self, position: np.ndarray) -> None:
        """Lengthen the path by x, y, z in the world."""
        self._path = [*self._path[1 - MOST_POSES :], position]
        line = self._rr.LineStrips3D([self._path], colors=[(240, 170, 40)], radii=[0.05])
        self._log("world/trajectory", line)

    def image(self, image: np.ndarray) -> None:
        """Tell the image, uint8 H x W x 3 RGB, as JPEG."""
        self._log("world/camera/image", self._jpeg(image))

    def measured(self, sparse: np.ndarray, camera: Camera | None) -> None:
        """Tell the points that were fed, H x W metres, 0 where not measured: in the image, and in space."""
        v, u = np.nonzero(sparse > 0)
        colours = colourise_depth(sparse, *self._depth_ends(sparse))[v, u]
        pixels = np.stack([u + 0.5, v + 0.5], axis=1).astype(np.float32)  # Rerun's (0, 0) is a corner
        radius = self._rr.Radius.ui_points(RADIUS)
        self._log("world/camera/image/measured", self._rr.Points2D(pixels, colors=colours, radii=radius))
        if camera is not None:
            points, colours = self._cloud(sparse, camera, colourise_depth(sparse, *self._ends), 1)
            self._log("world/camera/measured", self._rr.Points3D(points, colors=colours, radii=radius))

    def truth(self, truth: np.ndarray) -> None:
        """Tell what depth is compared with, H x W metres, 0 where nothing is."""
        self._log_depth(("truth",), truth)

    # What was completed --------------------------------------------------------------------------

    def completion(self, name: str, of: Completion, confidence: np.ndarray) -> None:
        """Tell depth and source of a completion, and the confidence H x W in [0, 1] that it had at first."""
        self.depth(name, of.depth)
        self.confidence(name, confidence)
        self.source(name, of.source)

    def depth(self, name: str, depth: np.ndarray) -> None:
        """Tell depth, H x W metres, NaN unknown."""
        self._log_depth(("completers", name, "depth"), depth)

    def confidence(self, name: str, confidence: np.ndarray) -> None:
        """Tell confidence, H x W in [0, 1], as an image in which white is sure."""
        grey = np.rint(np.clip(np.nan_to_num(confidence), 0, 1) * 255).astype(np.uint8)
        self._log(("completers", name, "confidence"), self._png(grey))

    def source(self, name: str, source: np.ndarray) -> None:
        """Tell where depth comes from, uint8 H x W of `Source`."""
        if name not in self._classes_told:
            self._classes_told.add(name)
            classes = [(int(of), of.name.lower(), SOURCE_COLOURS[of]) for of in Source]
            self._log(("completers", name), self._rr.AnnotationContext(classes), static=True)
        self._log(
            ("completers", name, "source"), self._rr.SegmentationImage(source.astype(np.uint8), opacity=1.0)
        )

    def cloud(self, name: str, depth: np.ndarray, camera: Camera, image: np.ndarray | None) -> None:
        """Tell depth as a cloud of points in the colours of the image, or of depth without one."""
        if image is None:
            image = colourise_depth(depth, *self._depth_ends(depth))
        points, colours = self._cloud(depth, camera, image, self._stride)
        cloud = self._rr.Points3D(points, colors=colours, radii=self._rr.Radius.ui_points(RADIUS))
        self._log(("world", "camera", "clouds", name), cloud)

    def errors(self, name: str, depth: np.ndarray, truth: np.ndarray, limit: float) -> None:
        """Tell the error at pixels with a truth: blue is none, red is `limit` metres of the first frame."""
        self._error_limit = self._error_limit or limit
        drawn = error_map(depth, truth, self._error_limit)
        self._log(("completers", name, "error"), self._png(drawn[..., ::-1]))

    def scores(self, name: str, metrics: Metrics | None, known: float, milliseconds: float | None) -> None:
        """Tell the numbers of a frame for the plots: errors, share of known pixels, time taken."""
        values = {"known": known, "time_ms": milliseconds}
        if metrics is not None:
            values |= {"rmse_mm": metrics.rmse_mm, "mae_mm": metrics.mae_mm}
        for what, value in values.items():
            self.plot(what, name, value)

    def plot(self, what: str, name: str, value: float | None) -> None:
        """Tell one number of this frame; None and NaN leave a gap."""
        if value is not None and np.isfinite(value):
            self._log(("plots", what, name), self._rr.Scalars(value))

    # How -----------------------------------------------------------------------------------------

    def _log(self, path: str | Sequence[str], what, static: bool = False) -> None:
        # Names of completers have colons and commas; given as parts, they are escaped.
        self.recording.log(path if isinstance(path, str) else list(path), what, static=static)

    def _depth_ends(self, depth: np.ndarray) -> tuple[float, float]:
        """Near and far end of all colours of depth: those of the first frame, so that colours stay."""
        if self._ends is None:
            known = depth[np.isfinite(depth) & (depth > 0)]
            if not known.size:
                return 1.0, 100.0
            near, far = (float(value) for value in np.percentile(known, (1, 99)))
            self._ends = near, max(far, near * 1.1)
        return self._ends

    def _log_depth(self, path: Sequence[str], depth: np.ndarray) -> None:
        """Colours to look at, and below them metres: Rerun's own colours of depth show unknown as a depth."""
        near, far = self._depth_ends(depth)
        self._log(path, self._jpeg(colourise_depth(depth, near, far)))
        units, _ = depth_units(depth, UNITS_PER_METRE)
        metres = self._rr.EncodedDepthImage(
            _png_bytes(units),
            media_type="image/png",
            meter=UNITS_PER_METRE,
            depth_range=[near * UNITS_PER_METRE, far * UNITS_PER_METRE],
        )
        self._log((*path, "metres"), metres)

    def _jpeg(self, image: np.ndarray):
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        encoded = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)[1]
        return self._rr.EncodedImage(contents=encoded.tobytes(), media_type="image/jpeg", opacity=1.0)

    def _png(self, pixels: np.ndarray):
        return self._rr.EncodedImage(contents=_png_bytes(pixels), media_type="image/png")

    def _cloud(self, depth, camera: Camera, image: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Points float32 N x 3 in the optical frame, and their colours uint8 N x 3."""
        cloud = depth_to_cloud(depth, camera, image, stride)
        colours = np.stack([cloud["rgb"] >> shift & 255 for shift in (16, 8, 0)], axis=1)
        return np.stack([cloud[axis] for axis in "xyz"], axis=1), colours.astype(np.uint8)


def _png_bytes(pixels: np.ndarray) -> bytes:
    """PNG of pixels in OpenCV's order, made for speed."""
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return cv2.imencode(".png", np.ascontiguousarray(pixels), fast)[1].tobytes()
