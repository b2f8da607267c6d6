"""Self-contained programs that run in the target environment, which need not have envsetup."""
