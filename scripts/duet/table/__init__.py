"""The unified table: one row per iteration and side."""
