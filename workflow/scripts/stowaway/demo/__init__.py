"""The demo island: synthetic photos, drawn by a program."""
