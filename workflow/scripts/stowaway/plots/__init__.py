"""The style of all figures, and panels that several of them share. Numbers come from tables."""
