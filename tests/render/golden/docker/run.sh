#!/bin/sh
# A command in the image, with the folder you stand in as /workspace:  ./run.sh python train.py
# ENGINE=docker|podman chooses the engine, GPU=none leaves the GPUs out, GPU=cdi asks docker for them by CDI.
set -eu
image=localhost/demo:946d195a0d25

engine=${ENGINE:-}
if [ -z "$engine" ]; then
  for found in docker podman; do
    if command -v "$found" >/dev/null && "$found" image inspect "$image" >/dev/null 2>&1; then engine=$found; break; fi
  done
fi
if [ -z "$engine" ]; then
  echo "error: neither docker nor podman has $image; build it: docker build -t $image $(dirname "$0")" >&2
  exit 2
fi

mine="$(id -u):$(id -g)"
case $mine:$engine in
[1-9]*podman) set -- --userns "keep-id:uid=1000,gid=1000" "$image" "$@" ;; # refused to root
*) set -- --user "$mine" --env HOME=/tmp "$image" "$@" ;;
esac
case ${GPU:-}:$engine in
none:*) ;;
cdi:* | *podman) set -- --device nvidia.com/gpu=all "$@" ;;
*) set -- --gpus all "$@" ;;
esac
if [ -t 0 ] && [ -t 1 ]; then set -- --interactive --tty "$@"; fi
exec "$engine" run --rm --init --shm-size 8g --volume "$PWD:/workspace" --workdir /workspace "$@"
