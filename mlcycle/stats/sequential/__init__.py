"""The same question asked again and again: evidence that stays valid at every look, and a budget of false alarms."""
