"""How novel a crop is, by reconstructions, by features, and by their fusion: higher is more novel.

One interface for detectors on features: fit, score, arrays, from_arrays. No metrics.
"""
