"""What is released: one zip, its notes, and the proof that it works where nothing else is."""
