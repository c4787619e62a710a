"""How well scores find novel animals: metrics with intervals, folds, thresholds, false alarms.

No plots.
"""
