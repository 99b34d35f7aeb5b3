"""What registries and token services may answer to their clients, for tests; see rules/common/testing/hostile.py."""

from __future__ import annotations

from collections.abc import Mapping

from rules.common.testing.hostile import Answer, answers, endless, whole

_OK = b"HTTP/1.1 200 OK\r\n"

# What a registry may answer to any request.
ANSWERS: Mapping[str, Answer] = answers("application/vnd.oci.image.manifest.v1+json")

# What a token service may answer to a client whose registry asks for a token.
TOKENS: Mapping[str, Answer] = {
    **{name: answer for name, answer in ANSWERS.items() if "challenge" not in name and "again" not in name and name != "a list"},
    "endless token": endless(_OK + b'Content-Type: application/json\r\n\r\n{"token":"', b"a"),
    "token of megabytes": whole(_OK, b'{"token":"' + b"a" * 3_000_000 + b'"}'),
    "token with lines": whole(_OK, b'{"token":"a\\r\\nHost: b"}'),
    "token that is none": whole(_OK, b'{"token":{"a":1}}'),
    "empty token": whole(_OK, b'{"token":""}'),
    "a list of tokens": whole(_OK, b'["token"]'),
}
