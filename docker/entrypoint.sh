#!/usr/bin/env bash
# Runs a command in the workspace.
set -e
# shellcheck disable=SC1091
source /ws/install/setup.bash
exec "$@"
