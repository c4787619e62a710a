"""The synthetic demo island: what is photographed (plan), and how it looks (scenes)."""
