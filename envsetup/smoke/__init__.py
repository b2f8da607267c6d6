"""Trains in the target environment and proves, or refuses to certify, that its accelerator works."""
