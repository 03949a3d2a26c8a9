"""A load for any hub: many streams that check what they get, and publishers that send as fast as they should."""
