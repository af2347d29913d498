"""Simulators of the systems around us: real HTTP on 127.0.0.1."""
