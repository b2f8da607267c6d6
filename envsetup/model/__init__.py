"""The values that flow through envsetup: frozen, typed, with JSON schemas. No module here touches the machine."""
