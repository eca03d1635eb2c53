"""Native code that only the benches use; ``setup.py`` compiles it."""
