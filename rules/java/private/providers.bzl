"""What Java targets tell each other besides JavaInfo."""

JavaPluginsInfo = provider(
    doc = "Annotation processors that run in a compilation.",
    fields = {
        "data": "depset of Files that processors read. Empty: none.",
        "jars": "depset of jars with the processors and what they need.",
        "processors": "depset of the processors' class names. Empty: the jars have only plugins of the compiler.",
    },
)

JavaProgramInfo = provider(
    doc = "How a Java program is started.",
    fields = {
        "jvm_flags": "list of flags of the virtual machine. Empty: none.",
        "main_class": "name of the class with the main method.",
    },
)

def merge_plugins(infos):
    """Returns one JavaPluginsInfo with what several have.

    Args:
      infos: list of JavaPluginsInfo.
    Returns:
      JavaPluginsInfo.
    """
    return JavaPluginsInfo(
        data = depset(transitive = [info.data for info in infos]),
        jars = depset(transitive = [info.jars for info in infos]),
        processors = depset(transitive = [info.processors for info in infos]),
    )
