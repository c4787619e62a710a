"""The data: roles and splits, photos, crops, packed pixels and shortcuts.

A table has one row per event and species (splits) or per crop (labels).
Row i of every pack of pixels, of the features and of the shortcuts is row i of labels.csv.
"""
