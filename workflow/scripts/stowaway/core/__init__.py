"""A script's frame: log, one-line errors, progress, whole files, tables, names, checked config.

Nothing here knows of animals. Every other room may import this one; imports point to rooms that
stand above in this list: core, data, download, models, detectors, evaluation, embedding, review,
plots, demo.
"""
