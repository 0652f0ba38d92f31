"""Every file that one command writes and another reads."""
