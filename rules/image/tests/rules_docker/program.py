"""Prints a data file by its path in the workspace."""

with open("rules/image/tests/rules_docker/data/nested.txt", encoding="utf-8") as file:
    print(file.read())
