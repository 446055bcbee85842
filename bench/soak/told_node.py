"""A node of the soak that also tells how much of its memory is in use, which nobody else can ask glibc.

python bench/soak/told_node.py FILE completion_node --ros-args ...
"""

from __future__ import annotations

import sys

from depth_completion_ros.ros.process.start import start
from depth_completion_ros.ros.process.stopping import stop

stop.take_signals()  # before anything else is imported

import ctypes  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
PERIOD_S = 2.0
MIB = 1 << 20


class Mallinfo(ctypes.Structure):
    """`struct mallinfo2` of malloc.h."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]  # noqa: RUF012


def tell(file: Path) -> None:
    """Write MiB in use, and MiB that glibc keeps for later, to a file again and again."""
    ask = ctypes.CDLL(None).mallinfo2  # glibc 2.33
    ask.restype = Mallinfo
    while True:
        said = ask()
        file.write_text(f"{(said.uordblks + said.hblkhd) / MIB:.3f} {said.fordblks / MIB:.3f}")
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    _, path, name = sys.argv[:3]
    del sys.argv[1:3]
    threading.Thread(target=tell, args=(Path(path),), daemon=True).start()
    sys.exit(start(name))
