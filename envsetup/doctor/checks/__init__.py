"""One file per area; a check is one small function from facts to findings."""
