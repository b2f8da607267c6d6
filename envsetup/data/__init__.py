"""Facts with a source and a date on every row; read through envsetup.compat."""
