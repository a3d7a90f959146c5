"""The program: sources, stages, sinks and what joins them."""
