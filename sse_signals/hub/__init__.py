"""In-process routing and fan-out: from one event to the connections of everybody who may see it."""
