"""Open3D, which casts the rays of the demo drive and fuses maps; imported only where it is used."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def import_open3d():
    """Open3D; ModuleNotFoundError with a sentence where it cannot be imported."""
    _load_libusb()
    try:
        import open3d
    except ImportError as error:
        raise ModuleNotFoundError(
            f"This needs Open3D, which cannot be imported ({error}); "
            'install it with: pip install "depth-completion-ros[demo]"'
        ) from error
    return open3d


def _load_libusb() -> None:
    """Open3D links against libusb (for depth cameras); many systems lack it, but there is a wheel."""
    try:
        ctypes.CDLL("libusb-1.0.so.0", ctypes.RTLD_GLOBAL)
    except OSError:
        with suppress(ImportError, OSError):
            import libusb_package

            ctypes.CDLL(str(libusb_package.get_library_path()), ctypes.RTLD_GLOBAL)
