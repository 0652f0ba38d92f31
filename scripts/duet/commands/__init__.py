"""One module per subcommand of scripts/duetbench.py."""
