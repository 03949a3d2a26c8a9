"""What is measured beside the hub."""
