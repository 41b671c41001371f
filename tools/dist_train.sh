#!/usr/bin/env bash
# Copyright (c) cape_mm contributors. All rights reserved.
#
# bash tools/dist_train.sh CONFIG GPUS [flags of tools/train.py]
# Environment: NNODES, NODE_RANK, MASTER_ADDR, PORT as for torchrun, and
# PYTHON, the interpreter (`-m torch.distributed.run` is what torchrun runs).
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: bash $0 CONFIG GPUS [flags of tools/train.py]" >&2
    exit 2
fi
HERE=$(cd "$(dirname "$0")" && pwd)
CONFIG=$1
GPUS=$2
shift 2

PYTHONPATH="$HERE/..${PYTHONPATH:+:$PYTHONPATH}" \
"${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    "$HERE/train.py" "$CONFIG" --launcher pytorch "$@"
