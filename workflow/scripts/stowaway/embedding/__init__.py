"""Principal components and t-SNE maps of crops, and placing other crops on a map."""
