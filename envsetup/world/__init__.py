"""The only door to the machine: `live` reads it, `recorded` replays a folder, `recording` makes one."""
