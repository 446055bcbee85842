"""What there is and what it can do at most: bandwidth of memory, products of matrices; a line of JSON each.

python bench/gpu/bounds.py [--device cuda] [--tiny]
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from measure import best

PACKAGES = (
    "torch",
    "triton",
    "numpy",
    "onnxruntime",
    "transformers",
    "safetensors",
    "opencv-python-headless",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    for name in PACKAGES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "not installed"
        print(json.dumps({"what": name, "value": version}))
    print(json.dumps({"what": "Python", "value": platform.python_version()}))
    if given.device == "cuda":
        query = [
            "nvidia-smi",
            "--query-gpu=name,driver_version,memory.total,power.limit",
            "--format=csv,noheader",
        ]
        told = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
        print(json.dumps({"what": "GPU", "value": told or torch.cuda.get_device_name()}))
    numbers = 2**20 if given.tiny else 2**29
    source = torch.zeros(numbers, device=given.device)
    target = torch.empty_like(source)
    seconds = best(lambda: target.copy_(source), given.device)
    print(json.dumps({"what": "copies, GB/s", "value": round(8e-9 * numbers / seconds, 1)}))
    side = 128 if given.tiny else 8192
    for kind in (torch.float32, torch.bfloat16):
        a = torch.randn(side, side, device=given.device).to(kind)
        seconds = best(lambda a=a: a @ a, given.device)
        name = str(kind).removeprefix("torch.")
        print(
            json.dumps({"what": f"products in {name}, TFLOP/s", "value": round(2e-12 * side**3 / seconds, 2)})
        )


if __name__ == "__main__":
    main()
