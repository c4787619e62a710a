"""What a person reviews: the queue of suspicious events, explanations of its head, and decisions."""
