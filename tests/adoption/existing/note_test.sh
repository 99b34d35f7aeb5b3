#!/bin/sh
# The note says when the mart opens.
grep -q '^  open: ' note.yaml
