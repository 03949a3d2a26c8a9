"""What lies between: opens streams as a browser would, and finds what holds, cuts or changes them on their way."""
