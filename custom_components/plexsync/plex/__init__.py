"""All that speaks to Plex, through plexapi."""
