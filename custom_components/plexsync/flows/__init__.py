"""The steps of config, options and subentry flows; ``config_flow.py`` is their door."""
