
# Bazel 4 and 5 let persistent workers speak JSON only if they are told so.
build --experimental_worker_allow_json_protocol
build --define=turnup_workers=json
build --incompatible_default_to_explicit_init_py
