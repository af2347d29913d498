"""The repair flows; ``repairs.py`` chooses among them."""
