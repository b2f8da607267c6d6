#!/bin/sh
# PyTorch 2.13.0+cu126. Made by envsetup 0.1.0.
#   sbatch job.sh python train.py       where the image lies; the folder is /workspace inside
#   IMAGE=PATH sbatch job.sh ...        an image elsewhere; without a command the environment checks itself
#SBATCH --job-name=demo
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus=1
#SBATCH --output=%x-%j.out
set -eu
folder=${SLURM_SUBMIT_DIR:-$PWD}
image=${IMAGE:-}
if [ -z "$image" ]; then
  for found in "$folder"/demo.sqsh "$folder"/demo.sif; do
    if [ -e "$found" ]; then image=$found; break; fi
  done
fi
if [ -z "$image" ]; then
  echo "error: no image in $folder; in the folder of environment.def, run: apptainer build demo.sif environment.def" >&2
  exit 2
fi
case $folder in
*[:,]*)
  echo "error: $folder: neither Pyxis nor Apptainer mounts a folder with : or , in its path" >&2
  exit 2 ;;
esac
if [ $# = 0 ]; then set -- /opt/venv/bin/python -I /opt/envsetup/self_check.py '{"part": "lock", "packages": ["torch"], "lock": "/opt/envsetup/requirements.lock"}'; fi

case $image in
*.sif)
  apptainer=$(command -v apptainer || command -v singularity) || { echo "error: no apptainer on PATH" >&2; exit 2; }
  exec srun "$apptainer" exec --nv --bind "$folder:/workspace" --pwd /workspace "$image" "$@" ;;
*)
  if ! srun --help | grep -q -e --container-image; then
    echo "error: this Slurm has no Pyxis (srun --container-image); an image for Apptainer ends in .sif" >&2
    exit 2
  fi
  exec srun --container-image="$image" --container-mounts="$folder:/workspace" --container-workdir=/workspace \
    --no-container-mount-home "$@" ;;
esac
