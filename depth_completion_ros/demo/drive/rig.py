"""The car: where its sensors sit, as KITTI's calibration files say it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from depth_completion_ros.core import Camera, invert, rigid

from .motion import Motion, StreetMotion

FULL_SIZE = 1242, 375
_FOCAL_PX, _CENTRE_PX = 718.4, (608.6, 174.2)
_BASELINES_M = (0.0, 0.537, -0.06, 0.473)  # of cameras 0 to 3, to the right of camera 0
_CAMERA_IN_LIDAR_M = (0.27, 0.004, -0.08)
_OPTICAL = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])


def turn(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """3 x 3 rotation Rz(yaw) Ry(pitch) Rx(roll), radians, as KITTI's GPS/IMU means it."""
    (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    Rx = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    Ry = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    Rz = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return Rz @ Ry @ Rx


@dataclass(frozen=True)
class Rig:
    """Sensors of the car for an image size, on their way; frames and names are those of KITTI's files."""

    width: int
    height: int
    motion: Motion = field(default_factory=StreetMotion)

    @property
    def camera(self) -> Camera:
        """The rectified camera 2."""
        scale = np.array([self.width / FULL_SIZE[0], self.height / FULL_SIZE[1]])
        c = (np.array(_CENTRE_PX) + 0.5) * scale - 0.5
        # One focal length, as a lens has; a window of another shape is cropped, not squeezed.
        f = _FOCAL_PX * scale[0]
        return Camera(self.width, self.height, np.array([[f, 0, c[0]], [0, f, c[1]], [0, 0, 1]]))

    R_rect = turn(-0.007, 0.009, 0.004)
    T_cam0_lidar = rigid(
        turn(0.012, -0.005, 0.007) @ _OPTICAL,
        -turn(0.012, -0.005, 0.007) @ _OPTICAL @ np.array(_CAMERA_IN_LIDAR_M),
    )
    T_lidar_imu = rigid(turn(0.0006, -0.0011, 0.0008), np.array([-0.81, 0.32, -0.80]))

    @property
    def T_cam_lidar(self) -> np.ndarray:
        """4 x 4 from the LiDAR to the rectified camera 2."""
        to_right = rigid(np.eye(3), np.array([-_BASELINES_M[2], 0, 0]))
        return to_right @ rigid(self.R_rect, np.zeros(3)) @ self.T_cam0_lidar

    def T_world_imu(self, time: float) -> np.ndarray:
        """Pose in the world; time in seconds."""
        return rigid(turn(*self.motion.attitude(time)), self.motion.position(time))

    def T_world_lidar(self, time: float) -> np.ndarray:
        return self.T_world_imu(time) @ invert(self.T_lidar_imu)

    def T_world_cam(self, time: float) -> np.ndarray:
        return self.T_world_lidar(time) @ invert(self.T_cam_lidar)

    def calibration_files(self) -> dict[str, str]:
        """KITTI's three calibration files by name."""
        cameras = [("calib_time", "26-Sep-2011 08:00:00"), ("corner_dist", _numbers(0.1))]
        size, K = (self.width, self.height), self.camera.K
        for number, baseline in enumerate(_BASELINES_M):
            shift = np.array([-baseline, 0, 0])
            P = K @ np.column_stack([np.eye(3), shift])
            # The cameras stand parallel and without distortion; rectifying only turns them all.
            values = {"S": size, "K": K, "D": np.zeros(5), "R": np.eye(3), "T": self.R_rect.T @ shift,
                      "S_rect": size, "R_rect": self.R_rect, "P_rect": P}  # fmt: skip
            cameras += [(f"{name}_{number:02d}", _numbers(value)) for name, value in values.items()]
        return {
            "calib_cam_to_cam.txt": _lines(cameras),
            "calib_velo_to_cam.txt": _lines(
                [*_transform(self.T_cam0_lidar), ("delta_f", _numbers((0, 0))), ("delta_c", _numbers((0, 0)))]
            ),
            "calib_imu_to_velo.txt": _lines(_transform(self.T_lidar_imu)),
        }


def _transform(T: np.ndarray) -> list[tuple[str, str]]:
    return [("calib_time", "26-Sep-2011 08:00:00"), ("R", _numbers(T[:3, :3])), ("T", _numbers(T[:3, 3]))]


def _numbers(values) -> str:
    return " ".join(f"{value:.9e}" for value in np.ravel(values))


def _lines(entries: list[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in entries)
