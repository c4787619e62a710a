"""The data: COCO annotations, boxes, events, splits, photos, crops, packed pixels and shortcuts.

A table has one row per box (annotations), per event and species (splits) or per crop (labels).
Row i of every pack of pixels, of the features and of the shortcuts is row i of labels.csv.
"""
