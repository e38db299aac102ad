"""One model's metrics and their intervals; two models, or many, on the same rows."""
