"""What an engine is and can do, asked without starting anything."""

from dataclasses import dataclass
from pathlib import Path

from duet.engines import EngineError
from duet.engines.choose import choose_engine


@dataclass(frozen=True)
class EngineFacts:
    name: str
    version: str = ""
    absent: str = ""
    """Why it cannot be used; everything else is then unknown."""
    remedy: str = ""
    binds_cores: bool = True
    bounds_memory: bool = True
    storage: Path | None = None
    """Where its containers write."""
    registry: str = ""
    """Address of the registry that names without one mean, as it tells."""
    complaints: tuple[str, ...] = ()
    """What it says of its own configuration."""


def ask(name: str) -> EngineFacts:
    """`name`: docker, podman or process."""
    try:
        engine, _ = choose_engine(name)
        info = engine.api.info() if name != "process" else {}  # type: ignore[attr-defined]
        return EngineFacts(
            name,
            engine.version,
            binds_cores=engine.splits_cpus,
            bounds_memory=engine.bounds_memory,
            storage=Path(root) if (root := info.get("DockerRootDir")) else None,
            registry=info.get("IndexServerAddress") or "",
            complaints=tuple(info.get("Warnings") or ()),
        )
    except EngineError as error:
        return EngineFacts(name, absent=error.what, remedy=error.remedy)
    except OSError as error:  # of the docker library while it is asked
        return EngineFacts(name, absent=f"{name}: {error}", remedy="start it")
