"""The rules of the mart."""
