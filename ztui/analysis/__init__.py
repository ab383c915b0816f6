"""Questions: pure functions from nouns to answers."""
