"""Do probabilities mean what they say."""
