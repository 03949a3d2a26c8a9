"""What a plugin uses: publish signals, and listen to them, without knowing where the log is."""
