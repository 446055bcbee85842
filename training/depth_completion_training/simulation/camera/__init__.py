"""What a camera on a robot sees of a scene."""

from .rig import random_camera, random_pose
from .world import Hits, World

__all__ = ["Hits", "World", "random_camera", "random_pose"]
