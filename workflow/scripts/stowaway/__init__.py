"""What stowaway's rule scripts share. Nothing in this package knows Snakemake."""

__version__ = "0.1.0"  # as in CITATION.cff
