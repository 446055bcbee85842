"""The Fast DDS profile that large messages need, used unless the user has one."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from importlib import metadata
from pathlib import Path

PROFILE = Path(__file__).with_name("fastdds_profile.xml")
# Kilted and later read the first (and warn of the second), Jazzy and earlier the second.
VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_FIRST_RCLPY_OF_KILTED = 8
# Files that Fast DDS reads by itself from the working directory.
_LOCAL_FILES = ("DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml")


def users_profile(environment: MutableMapping[str, str] | None = None) -> str | None:
    """What the user has chosen for the transport, as a phrase; None when nothing is chosen."""
    environment = os.environ if environment is None else environment
    for variable in VARIABLES:
        if environment.get(variable):
            return f"{variable}={environment[variable]}"
    if environment.get("FASTDDS_BUILTIN_TRANSPORTS"):
        return f"FASTDDS_BUILTIN_TRANSPORTS={environment['FASTDDS_BUILTIN_TRANSPORTS']}"
    middleware = environment.get("RMW_IMPLEMENTATION", "")
    if middleware and "fastrtps" not in middleware:
        return f"RMW_IMPLEMENTATION={middleware}"
    return next((name for name in _LOCAL_FILES if Path(name).is_file()), None)


def profile_environment(environment: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """The variable that makes Fast DDS use the profile; none where the user has chosen something."""
    if users_profile(environment):
        return {}
    return {VARIABLES[0 if _rclpy_major() >= _FIRST_RCLPY_OF_KILTED else 1]: str(PROFILE)}


def _rclpy_major() -> int:
    for name in ("ros-rclpy", "rclpy"):
        try:
            return int(metadata.version(name).split(".")[0])
        except metadata.PackageNotFoundError:
            continue
    return _FIRST_RCLPY_OF_KILTED


def use_large_message_profile() -> None:
    """Set that variable for this process and its children; takes effect before `rclpy.init`."""
    os.environ.update(profile_environment())
