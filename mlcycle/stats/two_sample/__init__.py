"""Two samples of rows: tests, the size of what changed, and a verdict for a frame."""
