"""Which engine runs the sides."""

from duet.engines import Engine, EngineError
from duet.engines.processes import ProcessEngine


def choose_engine(name: str) -> tuple[Engine, str]:
    """The engine called `docker`, `podman` or `process`, or for `auto` the first of these that is there; and
    one line that says which and why. Raises EngineError, with the command that helps, for a named one."""
    if name != "auto":
        engine = _connect(name)
        return engine, f"engine: {engine.name} {engine.version}"
    why = ["auto"]
    for candidate in ("docker", "podman", "process"):
        try:
            engine = _connect(candidate)
            break
        except EngineError as e:
            why.append(e.what)
    return engine, f"engine: {engine.name} {engine.version} ({'; '.join(why)})"


def _connect(name: str) -> Engine:
    if name == "process":
        return ProcessEngine()
    if name in ("docker", "podman"):
        return _container_engine(name)
    raise EngineError(f"there is no engine {name!r}", "use docker, podman, process or auto")


def _container_engine(name: str) -> Engine:
    # The SDK takes 75 ms to import, and `process` does without it.
    from duet.engines.containers import ContainerEngine

    return ContainerEngine(name)
