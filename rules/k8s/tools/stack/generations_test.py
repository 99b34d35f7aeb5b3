"""Tests of which generations of a ConfigMap stay: of the pure choice, and through the verbs."""

from __future__ import annotations

import random
from typing import Any

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.objects.objects import with_owner
from rules.k8s.tools.objects.references import Config
from rules.k8s.tools.stack.generations import KEEP, Generation, StackConfigs, choose_obsolete
from rules.k8s.tools.stack.inventory import parent_name

CONFIG = Config("ConfigMap", "dev", "settings")
OWNER = "//svc:dev"
MAPS = Resource("v1", "ConfigMap", "configmaps", True)


def generation(number: int, config: Config = CONFIG, owner: str = OWNER) -> Generation:
    """Returns the generation that was created in the given minute."""
    name = f"{config.name}-{number:02}"
    return Generation(config, name, f"2026-01-01T10:{number:02}:00Z", owner, {"metadata": {"name": name}}, MAPS)


def chosen(live: list[Generation], present: list[Generation], **options: Any) -> list[int]:
    """Returns the minutes of the generations that can be removed."""
    names = {(each.config.kind, each.config.namespace, each.name) for each in present}
    return [int(each.name[-2:]) for each in choose_obsolete(live, StackConfigs({CONFIG: OWNER}, frozenset(names)), **options)]


def test_the_last_three_stay():
    """The generation in use and the two before it stay; older ones are removed."""
    live = [generation(number) for number in range(5)]

    assert chosen(live, [live[4]]) == [0, 1]
    assert chosen(live[:3], [live[2]]) == []


def test_the_one_in_use_stays_even_when_it_is_the_oldest():
    """After a rollback the old generation is in use, and the newest ones are the past."""
    live = [generation(number) for number in range(5)]

    assert chosen(live, [live[0]]) == [1, 2]


def test_others_stay():
    """Generations of another target, another ConfigMap, or a Secret of the same name are not removed."""
    strangers = [generation(number, owner="//other:dev") for number in range(9)]
    strangers += [generation(number, Config("ConfigMap", "dev", "other")) for number in range(9)]
    strangers += [generation(number, Config("Secret", "dev", "settings")) for number in range(9)]
    live = [generation(number) for number in range(4)]

    assert chosen(strangers + live, [live[3]]) == [0]


def test_a_running_rollout_keeps_what_it_replaces():
    """A generation that was replaced recently stays, even if there are enough newer ones."""
    live = [generation(number) for number in range(0, 50, 10)]

    assert chosen(live, [live[4]], settled_before="2026-01-01T10:20:00Z") == [0]
    assert chosen(live, [live[4]], settled_before="2026-01-01T10:21:00Z") == [0, 10]


def test_random_families_keep_their_rules():
    """For 500 random sets, nothing in use is removed, min(keep, all) stay, and past generations that stay are newer than removed ones."""
    generator = random.Random(7)
    for _ in range(500):
        live = [generation(number) for number in generator.sample(range(60), generator.randrange(1, 12))]
        present = generator.sample(live, generator.randrange(0, 2))
        keep = generator.randrange(0, 5)
        gone = chosen(live, present, keep=keep)
        minutes = sorted(int(each.name[-2:]) for each in live)
        used = {int(each.name[-2:]) for each in present}
        stayed = [number for number in minutes if number not in gone]

        assert not used & set(gone)
        assert len(stayed) == min(len(live), max(keep, len(used)))
        assert all(old < new for old in gone for new in stayed if new not in used)


def apply(shell: Shell, value: str) -> str:
    """Applies a ConfigMap of one value without waiting; returns its name on the cluster."""
    objects = hash_names([config_map("settings", key=value)])
    shell.make_targets(document(OWNER, objects))
    assert shell.run("apply") == 0, shell.err
    return objects[0]["metadata"]["name"]


def names(server: FakeServer) -> set[str]:
    """Returns the names of the ConfigMaps in dev."""
    return {path.rpartition("/")[2] for path in server.paths() if path.startswith("/api/v1/namespaces/dev/configmaps/")}


def aged(server: FakeServer, name: str, minute: int) -> None:
    """Sets a ConfigMap's creation time to long ago, as on a real server."""
    obj = server.get(config_map(name))
    obj["metadata"]["creationTimestamp"] = f"2026-01-01T10:{minute:02}:00Z"
    server.put(obj)


def test_apply_removes_what_is_older(shell, server):
    """Each apply keeps the last three generations, including its own, and objects without a hashed name."""
    server.put(with_owner(config_map("settings-by-hand"), OWNER))
    made = []
    for minute in range(5):
        made.append(apply(shell, str(minute)))
        aged(server, made[-1], minute)

    assert names(server) - {parent_name(LABEL)} == {"settings-by-hand", *made[-KEEP:]}
    assert f"deleted     ConfigMap dev/{made[1]}: an old generation" in shell.err


def test_a_secret_stays_while_a_revision_names_it(shell, server):
    """Generations of a Secret stay while a kept revision names them, because revisions do not contain values of Secrets."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "dev"}}
    made = []

    def there() -> list[str]:
        return [name for name in made if server.get({**secret, "metadata": {"name": name, "namespace": "dev"}})]

    def write(value: str, note: str) -> None:
        objects = hash_names([{**secret, "stringData": {"password": f"canary-{value}"}}, config_map("note", key=note)])
        shell.make_targets(document(OWNER, objects))
        assert shell.run("apply") == 0, shell.err
        made.append(objects[0]["metadata"]["name"])
        live = server.get(objects[0])
        live["metadata"]["creationTimestamp"] = f"2026-01-01T10:{len(made):02}:00Z"
        server.put(live)

    for number in range(5):
        write(str(number), "same")
    assert there() == made
    writes = len(server.writes)
    assert shell.run("apply") == 0 and len(server.writes) == writes
    assert shell.run("rollback", "--to=1") == 0, shell.err

    first, second, *last = made
    for number in range(9):
        write("4", str(number))
    assert set(there()) == {first, *last}
    write("4", "last")
    assert set(there()) == set(last) and len(last) == KEEP and second not in last


def test_delete_takes_all_generations(shell, server):
    """A delete leaves no generation except those of another target."""
    foreign = with_owner(hash_names([config_map("settings", key="x")])[0], "//other:dev")
    server.put(foreign)
    for minute in range(3):
        aged(server, apply(shell, str(minute)), minute)

    assert shell.run("delete") == 0, shell.err
    assert names(server) == {foreign["metadata"]["name"]}


def test_a_user_who_may_not_list_keeps_all(shell, server):
    """Without the right to list, an apply succeeds and removes nothing."""
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})
        if request.method == "GET" and request.path.endswith("/configmaps")
        else None
    )
    made = [apply(shell, str(minute)) for minute in range(5)]

    assert names(server) == set(made)


def test_a_target_alone_cannot_name_anothers_configuration(shell, server):
    """A reference that only the whole closure can resolve is refused before anything is sent, unless an object of that plain name exists."""
    apply(shell, "1")
    user = deployment("web")
    user["spec"]["template"]["spec"]["volumes"] = [{"name": "s", "configMap": {"name": "settings"}}, {"name": "k", "secret": {"secretName": "by-hand"}}]
    shell.make_targets(document("//other:dev", [user]))
    writes = len(server.writes)

    assert shell.run("apply") == 1
    assert f"//other:dev: Deployment dev/web uses ConfigMap settings, which {OWNER} applies under a name that changes" in shell.err
    assert len(server.writes) == writes
    server.put(config_map("settings"))
    assert shell.run("apply") == 0, shell.err


def test_diff_compares_with_the_generation_before(shell, server):
    """A changed value is shown as one changed line, not as a new object; a Secret's values stay hidden."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "dev"}}
    for value in ("one", "two"):
        objects = hash_names([config_map("settings", key=value, same="s"), {**secret, "stringData": {"password": f"canary-{value}"}}])
        shell.make_targets(document(OWNER, objects))
        assert shell.run("diff") == 1
        if value == "one":
            assert shell.run("apply") == 0

    lines = shell.out.splitlines()
    assert "-  key: one" in lines and "+  key: two" in lines and "   same: s" in lines
    assert "-  password: '*** (before)'" in lines and "+  password: '*** (after)'" in lines
