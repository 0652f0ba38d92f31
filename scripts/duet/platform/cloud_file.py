"""The file of `./duetbench cloud`: which machines, what they measure, and when they end at the latest."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from duet.model import DuetError
from duet.platform.storage import ADDRESS


class CloudFileError(DuetError):
    """All faults, a line each."""

    exit_code = 2


@dataclass(frozen=True)
class CloudFile:
    """Its keys are these fields."""

    name: str
    """Of what is started: the tag, and the folder in the bucket."""
    region: str
    image: str
    """ami-…, or ssm:/aws/service/… for the newest of a kind"""
    type: str
    hours: float
    """After these the machines end, whatever they do."""
    bucket: str
    """s3://bucket/prefix"""
    campaign: str
    """The campaign's file, as it is called in the repository at that commit."""
    repository: str
    commit: str
    limit_role: str
    """ARN of the role by which the schedule ends them from outside; `none` to have none."""
    count: int = 1
    instance_profile: str = "duetbench-instance"
    engine: str = "docker"
    disk_gb: int = 30
    subnet: str = ""
    security_groups: tuple[str, ...] = ()
    key: str = ""
    """Name of a key pair, for SSH."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        return max(1, round(self.hours * 60))

    @property
    def destination(self) -> str:
        return f"{self.bucket.rstrip('/')}/{self.name}"

    @property
    def bursts(self) -> bool:
        """Whether it computes on tokens: fast until they are used up, then slow."""
        return bool(re.match(r"t\d", self.type))


NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,60}"
TEXTS = {
    "name": (NAME, "letters, digits and _ . + -"),
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "such as eu-central-1"),
    "image": (r"ami-[0-9a-f]+|ssm:/[A-Za-z0-9/._-]+", "ami-… or ssm:/aws/service/…"),
    "type": (r"[a-z0-9-]+\.[a-z0-9-]+", "such as c7i.xlarge"),
    "bucket": (ADDRESS.pattern, "s3://bucket/prefix"),
    "campaign": (r"(?!/|.*\.\.)[^\s]+\.ya?ml", "a path in the repository, such as config/quickstart.yml"),
    "repository": (r"(https|file)://[^\s@]+", "https://…, without a password"),
    "commit": (r"[0-9a-f]{40}", "all 40 digits of a commit (git rev-parse HEAD)"),
    "limit_role": (r"none|arn:aws[a-z-]*:iam::\d{12}:role/\S+", "the ARN of a role, or none"),
    "instance_profile": (NAME, "the name of an instance profile"),
    "engine": ("docker|podman|process", "docker, podman, process"),
    "subnet": ("subnet-[0-9a-f]+", "subnet-…"),
    "key": (r"[^\x00-\x1f]{1,255}", "the name of a key pair"),
}
NUMBERS = {
    "hours": (1 / 60, 24 * 14, "hours, at most two weeks"),
    "count": (1, 100, "a number of machines, at most 100"),
    "disk_gb": (8, 16_000, "gigabytes, from 8"),
}


def checked(label: str, data: object) -> CloudFile:
    """What a file says. Raises CloudFileError with all its faults."""
    if not isinstance(data, Mapping):
        raise CloudFileError(f"{label}: is no mapping; see docs/cloud-file.yml")
    known = {each.name: each for each in fields(CloudFile)}
    given = {key: value for key, value in data.items() if value is not None}
    faults = [
        f"{label}: {key}: unknown key; accepted: {', '.join(known)}" for key in given if key not in known
    ]
    for key, each in known.items():
        needed = each.default is MISSING and each.default_factory is MISSING
        accepted = _accepted(key)
        if key not in given and needed:
            faults.append(f"{label}: {key}: missing; accepted: {accepted}")
        elif key in given and not _fits(key, given[key]):
            faults.append(f"{label}: {key}: is {str(given[key])[:80]!r}; accepted: {accepted}")
    if faults:
        raise CloudFileError("\n".join(faults))
    groups = given.get("security_groups", ())
    return CloudFile(**{**given, "security_groups": tuple(groups)})


def _accepted(key: str) -> str:
    others = {"tags": "a mapping of texts", "security_groups": "a list such as [sg-0123]"}
    return TEXTS[key][1] if key in TEXTS else NUMBERS[key][2] if key in NUMBERS else others[key]


def _fits(key: str, value: Any) -> bool:
    if key in TEXTS:
        return isinstance(value, str) and re.fullmatch(TEXTS[key][0], value) is not None
    if key in NUMBERS:
        least, most, _ = NUMBERS[key]
        whole = key == "hours" or isinstance(value, int)
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and whole
            and least <= value <= most
        )
    if key == "security_groups":
        return isinstance(value, list) and all(re.fullmatch("sg-[0-9a-f]+", str(each)) for each in value)
    return isinstance(value, dict) and all(
        isinstance(each, str) and not each.startswith(("aws:", "duetbench"))
        for pair in value.items()
        for each in pair
    )
