"""The `stepprove` command."""
