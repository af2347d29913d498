"""Lives that end by kill -9, and what they leave."""
