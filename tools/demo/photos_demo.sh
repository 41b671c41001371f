#!/usr/bin/env bash
# Finds the keypoints of one labelled image of each category on the other
# photographs of tools/demo/photos, and scores that beside copying: images,
# predictions.json and COCO files below ./work_dirs/photos.
# PYTHON: interpreter to use.
set -euo pipefail
python=${PYTHON:-python}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
photos=$root/tools/demo/photos
out=work_dirs/photos

rm -rf "$out"
for category in 1:horse 2:sheep; do
    "$python" "$root/tools/demo/cape_demo.py" \
        --json "$photos/annotations/photos.json" \
        --category "${category%%:*}" --labels none --min-score 0.2 \
        --out-dir "$out/${category#*:}" --format coco
done
printf '\nEach labelled image as the support in turn (PCK in percent):\n'
"$python" "$root/tools/analysis_tools/photo_table.py" "$photos" \
    --supports 99 --queries 99 --out "$out/table.json"
printf '\nImages (support, ground truth, prediction):\n'
find "$PWD/$out" -name '*.png' | sort | sed 's|^|  |'
