"""Makes a plan real."""
