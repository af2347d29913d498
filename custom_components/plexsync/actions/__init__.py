"""What the actions take, do and answer; ``services.py`` registers them."""
