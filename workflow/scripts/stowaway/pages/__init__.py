"""What people get to read: the review page, the first page of the report, the digest."""
