"""What the facts of an examination mean: functions from `seen.Seen` to what is said of it."""
