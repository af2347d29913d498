"""What was written, when and by whom, for people to look at."""
