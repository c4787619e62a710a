"""What a person reviews: the queue of suspicious events, and explanations of its head."""
