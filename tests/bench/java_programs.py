"""Java programs of the benchmarks: a library of many files and libraries that use it."""

from collections.abc import Iterator

FILES = 200
DEPENDENTS = 20
METHODS = 12


def library_file(number: int) -> str:
    """Returns a file of the library: records, streams, generics and switches, with calls into other files of it.

    Args:
        number: the file's number, from 0.
    """
    other, third = (number + 1) % FILES, (number * 7 + 3) % FILES
    methods = "\n".join(_method(number, index, other, third) for index in range(METHODS))
    return f"""package bench.core;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Part {number} of the library. */
public final class Part{number} {{
  /** A named count. */
  public record Item(String name, int count) {{
    public Item {{
      if (count < 0) {{
        throw new IllegalArgumentException(name + ": " + count);
      }}
    }}
  }}

  /** What a state is. */
  public enum State {{ NEW, RUNNING, DONE }}

  private final Map<String, Item> items = new HashMap<>();
  private State state = State.NEW;

  public State next() {{
    state = switch (state) {{
      case NEW -> State.RUNNING;
      case RUNNING, DONE -> State.DONE;
    }};
    return state;
  }}

  public static <T, R> List<R> mapped(List<T> values, Function<? super T, ? extends R> by) {{
    return values.stream().<R>map(by).collect(Collectors.toList());
  }}

{methods}
}}
"""


def _method(number: int, index: int, other: int, third: int) -> str:
    return f"""  public Optional<Item> find{index}(String name, int least) {{
    List<Item> found = new ArrayList<>();
    for (Map.Entry<String, Item> each : items.entrySet()) {{
      if (each.getKey().startsWith(name) && each.getValue().count() >= least + {number}) {{
        found.add(new Item(each.getKey() + "-{index}", each.getValue().count() * {index + 1}));
      }}
    }}
    Map<Boolean, List<Item>> parts = found.stream().collect(Collectors.partitioningBy(item -> item.count() % 2 == 0));
    Part{other} next = new Part{other}();
    int sum = Part{third}.mapped(parts.get(true), Item::count).stream().mapToInt(Integer::intValue).sum();
    return next.next() == Part{other}.State.DONE ? Optional.empty() : found.stream().filter(item -> item.count() > sum).findFirst();
  }}
"""


def dependent_file(number: int) -> str:
    """Returns the only file of a library that uses ten files of the large one.

    Args:
        number: the library's number, from 0.
    """
    parts = [(number * 10 + offset) % FILES for offset in range(10)]
    calls = "\n".join(f'    count += new Part{part}().find0("x", {part}).map(Part{part}.Item::count).orElse(0);' for part in parts)
    imports = "\n".join(f"import bench.core.Part{part};" for part in sorted(parts))
    return f"""package bench.user{number};

{imports}

/** Uses the library. */
public final class User {{
  private User() {{}}

  public static int count() {{
    int count = 0;
{calls}
    return count;
  }}
}}
"""


def files() -> Iterator[tuple[str, str]]:
    """Yields each file of the workspace folder `javabench`: its path there and its text, BUILD included."""
    for number in range(FILES):
        yield f"core/Part{number}.java", library_file(number)
    for number in range(DEPENDENTS):
        yield f"user{number}/User.java", dependent_file(number)
    yield "BUILD", _build()


def _build() -> str:
    users = ", ".join(f'":user{number}"' for number in range(DEPENDENTS))
    return f"""load("@rules_java//java:defs.bzl", "java_library")

java_library(
    name = "core",
    srcs = glob(["core/*.java"]),
)

[
    java_library(
        name = "user%d" % number,
        srcs = ["user%d/User.java" % number],
        deps = [":core"],
    )
    for number in range({DEPENDENTS})
]

filegroup(
    name = "all_users",
    srcs = [{users}],
)
"""
