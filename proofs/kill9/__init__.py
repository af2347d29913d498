"""Lives of the engine that end by kill -9, and what they leave."""
