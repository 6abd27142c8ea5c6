"""The HTML report of a run: what it says (`content`, `parts`, `aggregates`), and how it looks (`render`)."""
