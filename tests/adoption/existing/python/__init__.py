"""What the mart has in Python."""
