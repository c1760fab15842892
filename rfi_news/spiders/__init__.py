"""Where to begin, what to follow, what to ask of a request. An edition is a few lines of data."""
