"""What assist_pipeline imports of pyspeex-noise, which has no wheel for Python 3.14; voice does not run here."""


class AudioProcessor:
    """Stand in for the noise suppressor."""
