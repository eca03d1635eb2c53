"""The native backend: classes in Cython, where C meets Python objects."""
