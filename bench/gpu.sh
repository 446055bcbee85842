#!/usr/bin/env bash
# All that a GPU is needed for, in one command and at most 8 minutes, without a network:
#
#     bench/gpu.sh [--out gpu_results] [--minutes 8] [--python python3]
#     bench/gpu.sh --dry            on a CPU, with tiny sizes and the interpreter of Triton, to see that it works
#
# Takes the packages that the Python has (torch, triton, onnxruntime, transformers, pytest, numpy, OpenCV, safetensors);
# what lacks one is noted and left out. Writes gpu.json and gpu.md, after every step, so that what ends it leaves these.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
python=python3
for ((at = 1; at < $#; at++)); do
  if [[ "${!at}" == "--python" ]]; then
    next=$((at + 1))
    python="${!next}"
    set -- "${@:1:at-1}" "${@:at+2}"
    break
  fi
done
export PYTHONPATH="$PWD:$PWD/training${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
exec "$python" bench/gpu "$@"
