"""The COCO JSON: from its bytes to one row per usable box, with the event of its photo.

Nothing here opens a photo.
"""
