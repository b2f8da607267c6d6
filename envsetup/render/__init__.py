"""Plan and templates to a set of files in memory."""
