"""One file per topic: a world in, facts out, never an exception."""
