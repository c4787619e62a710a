"""COCO and detection results, boxes, events, roles, photos and crops, packed pixels, shortcuts."""
