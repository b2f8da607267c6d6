"""The same on many machines, through engines that people already run."""
