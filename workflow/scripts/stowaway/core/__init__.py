"""What every script needs: log, one-line errors, progress, whole files, tables, names, config.

Nothing here knows about animals. Every other room may import this one. Imports point down this
list only: core, annotations, data, download, models, detectors, evaluation, embedding, review,
exports, pages, plots, demo.
"""

__version__ = "0.1.0"  # as in CITATION.cff
