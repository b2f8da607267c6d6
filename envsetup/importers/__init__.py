"""Other people's text in, the same Machine out."""
