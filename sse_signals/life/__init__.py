"""Who somebody is, and for how long: access, tickets, revocations, limits, and the lives of open streams."""
