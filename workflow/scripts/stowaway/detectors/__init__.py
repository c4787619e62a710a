"""How novel a crop is, by reconstructions, by features, and by their fusion: higher is more novel.

No metrics.
"""
