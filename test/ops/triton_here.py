"""How tests of Triton kernels run where there is a GPU, and where there is none: in Triton's interpreter.

The interpreter must be chosen before Triton is imported, so a process of its own runs those tests anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ON_GPU = torch.cuda.is_available() and not INTERPRETED
in_interpreter = pytest.mark.skipif(
    ON_GPU or INTERPRETED or not find_spec("triton"), reason="runs right here, or not at all"
)
compiles = pytest.mark.skipif(INTERPRETED or not find_spec("triton"), reason="needs Triton that compiles")


def passes_in_interpreter(file: str) -> None:
    """Run those tests of a file that are parametrised by `triton`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "[triton", file]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert child.returncode == 0, child.stdout[-4000:]
    assert " passed" in child.stdout


def compiled(monkeypatch, folder, kernel, signature: dict, constants: dict, **options) -> dict[str, str]:
    """What the compiler makes of a kernel for sm_80, by the kind of code.

    Args:
        folder: for Triton's cache.
        signature: types of the arguments that are no constants.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(folder))
    source = ASTSource(kernel, signature | dict.fromkeys(constants, "constexpr"), constants)
    return triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options or None).asm
