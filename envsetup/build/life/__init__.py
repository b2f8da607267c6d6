"""An environment after it was made: verified again, compared, made anew, listed, removed.

What makes one knows nothing of it.
"""
