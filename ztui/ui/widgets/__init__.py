"""Table and charts on Textual's Line API."""
