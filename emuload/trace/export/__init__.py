"""Traces in formats of other tools, Chrome's and Perfetto's, and the slices that both are made of."""
