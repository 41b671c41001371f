#!/usr/bin/env bash
# Trains the estimator on one image, tests the best checkpoint and says where
# the image of its predictions is: all of it below ./work_dirs/single_image.
# PYTHON: interpreter to use.
set -euo pipefail
python=${PYTHON:-python}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
config=$root/configs/cape/single_image.py
work_dir=work_dirs/single_image

"$python" "$root/tools/train.py" "$config" --work-dir "$work_dir"

# The newest one: earlier runs may have left theirs.
best=$(ls -t "$work_dir"/best_PCK_epoch_*.pth | head -n 1)
printf '\nTesting %s\n' "$best"
started=$(mktemp)
trap 'rm -f "$started"' EXIT
"$python" "$root/tools/test.py" "$config" "$best" --work-dir "$work_dir" \
    --show-dir "$work_dir/images"

images=$(find "$work_dir/images" -type f -newer "$started" | sort)
if [ -z "$images" ]; then
    echo "The test wrote no image into $work_dir/images" >&2
    exit 1
fi
printf '\nCheckpoint: %s\n' "$PWD/$best"
echo 'Image (support, ground truth, prediction):'
sed "s|^|  $PWD/|" <<< "$images"
