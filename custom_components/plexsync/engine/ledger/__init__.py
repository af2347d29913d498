"""What we wrote to each item, what stood there before, and which record it follows."""
