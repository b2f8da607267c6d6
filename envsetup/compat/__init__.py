"""What is known about drivers, CUDA, wheels and GPUs: queries over the data files, nothing else."""
