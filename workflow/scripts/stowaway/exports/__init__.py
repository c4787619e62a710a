"""The run's boxes, scores and decisions as files of other tools: MegaDetector, Camtrap DP, COCO."""
