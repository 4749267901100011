"""A trace as other tools read it: Chrome's and Perfetto's formats, and the slices both are made of."""
