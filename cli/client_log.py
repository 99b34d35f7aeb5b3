"""The end of `up`: shows what the sample's client logged, as the proof that RPCs are answered."""

import yaml

from cli.bazel import QUIET
from cli.errors import SaidAlready, TurnupError
from cli.session import Session
from rules.k8s.tools.build import user_namespace

SERVICE = "python/client/service.yaml"
TARGET = "//cli:pod_log"


def service_name(session: Session) -> str:
    """Returns the client's name from its service.yaml, the one place where it is written.

    Raises:
        TurnupError: the file is missing or has no name.
    """
    path = session.root / SERVICE
    try:
        return str(yaml.safe_load(path.read_text())["name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise TurnupError(f"{path}: no service name can be read from it ({error}); write `name: …` into it") from error


def show(session: Session, context: str) -> None:
    """Prints the client's newest log lines to stdout.

    Args:
        session: the call.
        context: the kubeconfig context.

    Raises:
        SaidAlready: the log could not be read; the child has said why.
    """
    namespace = user_namespace.namespace_of(user_namespace.user_name(session.environ))
    words = ["--context", context, "--namespace", namespace, "--service", service_name(session)]
    session.steps.say(f"\nWhat {words[-1]} logged in namespace {namespace}:")
    code = session.bazel().run(["run", *QUIET, TARGET, "--", *words])
    if code:
        raise SaidAlready(code)
