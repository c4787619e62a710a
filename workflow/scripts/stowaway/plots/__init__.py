"""The style of all figures, and what several of them share: maps, pictures of crops, intervals.

Numbers come from tables; nothing is computed here beyond what drawing needs.
"""
