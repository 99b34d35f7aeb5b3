# Turnup works without these lines; they make it fast.
build --incompatible_strict_action_env
build --incompatible_default_to_explicit_init_py

# Settings of one machine.
try-import %workspace%/.bazelrc.user
