"""Tests of the namespace that is derived from a user's name."""

import random
import re
import string

import pytest

from rules.k8s.tools.build import user_namespace


@pytest.mark.parametrize("user", ["root", "jane", "a", "dev-2", "x" * 63])
def test_a_label_stays_as_it_is(user):
    """A name that is a DNS label is its own namespace."""
    assert user_namespace.namespace_of(user) == user


@pytest.mark.parametrize("user", ["Jane.Doe", "x" * 80, "-", "名前", "a_b", "a-", "with space", "\udcff"])
def test_any_other_name_becomes_a_label(user):
    """For any name, the namespace is a valid RFC 1123 label."""
    namespace = user_namespace.namespace_of(user)

    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", namespace)


def test_names_that_look_alike_keep_apart():
    """Names that differ only in characters that a label cannot contain have different namespaces."""
    users = ["jane.doe", "jane_doe", "Jane.Doe", "jane-doe", "jane doe"]

    assert len({user_namespace.namespace_of(u) for u in users}) == len(users)


@pytest.mark.parametrize("user", ["default", "kube-system", "kube-node-lease"])
def test_the_namespaces_of_kubernetes_are_nobodys(user):
    """A user with the name of a namespace of Kubernetes gets another namespace."""
    assert re.fullmatch(f"{user}-[0-9a-f]{{8}}", user_namespace.namespace_of(user))


def test_nobody_can_be_called_like_anothers_namespace():
    """A user whose name equals a derived namespace gets a different one."""
    made = user_namespace.namespace_of("Jane.Doe")

    assert user_namespace.namespace_of(made) != made
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", user_namespace.namespace_of(made))


@pytest.mark.parametrize(
    "alphabet",
    [
        "ab-",
        "aA.-_ ",
        string.ascii_letters + string.digits,
        string.printable,
        "äöüß名前\u200b",
        "".join(map(chr, range(0xDC80, 0xDD00))),
    ],
)
def test_random_users(alphabet):
    """4,000 random names of each alphabet, up to 100 characters long, have valid and different namespaces."""
    generator = random.Random(len(alphabet))
    users = {"".join(generator.choices(alphabet, k=generator.choice([1, 2, 3, 8, 62, 63, 64, 100]))) for _ in range(4000)}
    namespaces = {user: user_namespace.namespace_of(user) for user in users}

    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", namespace) for namespace in namespaces.values())
    assert len(set(namespaces.values())) == len(users)
    assert all(user_namespace.namespace_of(user) == namespace for user, namespace in namespaces.items())


def test_the_account_serves_where_user_is_unset(monkeypatch):
    """If $USER is unset or empty, the account's name is used."""
    monkeypatch.setattr(user_namespace.pwd, "getpwuid", lambda uid: type("P", (), {"pw_name": "somebody"}))
    for value in (None, ""):
        monkeypatch.delenv("USER", raising=False)
        if value is not None:
            monkeypatch.setenv("USER", value)

        assert user_namespace.user_name() == "somebody"


def test_no_user_at_all_is_one_sentence(monkeypatch, capsys):
    """Without $USER, an account without a name gets an error with the variable to set."""
    monkeypatch.delenv("USER", raising=False)

    def missing(uid):
        raise KeyError(uid)

    monkeypatch.setattr(user_namespace.pwd, "getpwuid", missing)

    assert user_namespace.main() == 1
    assert "Set USER" in capsys.readouterr().err
