"""What is written down of decisions and deliveries, and where."""
