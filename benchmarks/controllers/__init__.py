"""What controllers and strategies are worth and what they cost: `make bench-controllers`."""
