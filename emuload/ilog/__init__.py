"""The instruction log: its format, writer, reader, and the selection of instructions that are logged."""
