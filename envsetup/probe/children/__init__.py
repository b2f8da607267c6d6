"""Programs that run in a process of their own, because what they load may hang or crash it."""
