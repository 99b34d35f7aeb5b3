"""What the example's image runs."""

print("hello")
