"""How well scores separate novel animals from natives: metrics with intervals, thresholds, alarms.

A score is higher for a more novel crop. Nothing here draws a figure.
"""
