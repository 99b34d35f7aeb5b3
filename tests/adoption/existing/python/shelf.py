"""A shelf; Turnup has a folder of this name, too."""

SIZE = 12
