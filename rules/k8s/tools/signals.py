"""The signals that end a run."""

from __future__ import annotations

import signal

# What an impatient user, a canceled pipeline and a closed terminal send.
TERMINATION_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
