"""Do probabilities mean what they say; recalibration; conformal intervals and sets, and what they cover."""
