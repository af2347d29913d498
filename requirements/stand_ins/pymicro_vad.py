"""What assist_pipeline imports of pymicro-vad, which has no wheel for Python 3.14; voice does not run here."""


class MicroVad:
    """Stand in for the voice activity detector."""
