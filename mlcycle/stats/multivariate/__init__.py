"""Two samples of rows, all columns at once: what only shows in how columns go together."""
