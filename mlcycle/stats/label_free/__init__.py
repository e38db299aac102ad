"""What a metric probably is where there are no labels yet, and audits of a few rows that test it."""
