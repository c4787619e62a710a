"""The image store: complete files, a journal of what each of them is, and their sources."""
