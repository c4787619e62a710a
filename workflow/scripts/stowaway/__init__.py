"""What stowaway's rule scripts share. Nothing in this package knows Snakemake."""
