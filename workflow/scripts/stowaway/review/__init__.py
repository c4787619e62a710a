"""What a person reviews: suspicious events, why they are suspicious, and what was decided."""
