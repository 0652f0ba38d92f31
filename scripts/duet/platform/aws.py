"""boto3, where it is installed: clients with the usual configuration, and what their errors mean.

Region, endpoint and credentials are the environment's (AWS_PROFILE, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
~/.aws, an instance's role, …), which only boto3 reads: nothing here knows a credential.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from duet.model import DuetError

REQUIREMENTS = "requirements-platform.txt"
ATTEMPTS = 5
"""Of a request, where AWS_MAX_ATTEMPTS does not say: with pauses of at most 1, 2, 4, 8 s between them."""
CONNECT_S = 10
READ_S = 60
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
WRONG = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "InvalidToken"),
    *("AuthFailure", "UnrecognizedClientException", "InvalidSignatureException"),
)
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403")
ABSENT = ("NoSuchBucket", "NoSuchKey", "404", "NotFound")
CAPACITY = (
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
)
QUOTA = (
    "InstanceLimitExceeded",
    "VcpuLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "ResourceCountExceeded",
)
REMEDIES: dict[tuple[str, ...], tuple[str, str]] = {
    EXPIRED: ("the credentials have expired", "get new ones, such as by `aws sso login`"),
    WRONG: ("the credentials are wrong", "see what `aws sts get-caller-identity` says"),
    DENIED: ("the credentials may not do that", "docs/cloud.md has the policies that are needed"),
    ("NoSuchBucket",): ("there is no such bucket", "make it, or correct its name"),
    CAPACITY: ("there is no such machine free now", "another type, subnet or region, or later"),
    QUOTA: ("the account's quota is used up", "end some, or ask for more in Service Quotas"),
    ("InvalidInstanceType", "Unsupported"): (
        "that type is not offered here",
        "another type, subnet or region",
    ),
}
"""Codes of errors -> what they mean, and the remedy."""


class PlatformError(DuetError):
    """A service of the platform cannot be reached, or refuses."""

    def __init__(self, what: str, remedy: str = "", code: str = ""):
        self.code = code
        """The service's own, empty where it did not answer."""
        super().__init__(what, remedy)


def client(service: str, region: str | None = None, attempts: int = ATTEMPTS) -> Any:
    """A client of a service, safe for threads. Raises PlatformError."""
    boto3, config = _boto3()
    given = {"connect_timeout": CONNECT_S, "read_timeout": READ_S, "user_agent_extra": "duetbench"}
    if "AWS_MAX_ATTEMPTS" not in os.environ:
        given["retries"] = {"mode": "standard", "max_attempts": attempts}
    with told(service):
        session = boto3.session.Session(region_name=region)
        made = session.client(service, config=config(**given))
        if service == "s3" and not _amazons(made.meta.endpoint_url):
            # A server of one's own has no host name for each bucket.
            made = session.client(service, config=config(**given, s3={"addressing_style": "path"}))
        return made


def _amazons(url: str) -> bool:
    return ".amazonaws.com" in (urlsplit(url).hostname or "")


def _boto3() -> tuple[Any, Any]:
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError:
        remedy = f"{sys.executable} -m pip install -r {REQUIREMENTS}"
        raise PlatformError("this needs boto3, which is not installed", remedy) from None
    return boto3, Config


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """What boto3 raises within is a PlatformError: one line that begins with `where`."""
    from boto3.exceptions import Boto3Error
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise refused(where, error.response) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        remedy = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or type `aws configure`"
        raise PlatformError(f"{where}: there are no credentials", remedy) from None
    except (exceptions.NoRegionError, exceptions.ProfileNotFound, exceptions.ConfigParseError) as error:
        raise PlatformError(f"{where}: {_plain(error)}", "see ~/.aws/config and AWS_*") from None
    except (exceptions.UnauthorizedSSOTokenError, exceptions.CredentialRetrievalError) as error:
        raise PlatformError(f"{where}: {_plain(error)}", REMEDIES[EXPIRED][1]) from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError, OSError, Boto3Error) as error:
        if isinstance(error, OSError) and error.filename:
            raise  # a file of this machine's
        remedy = "see that the network is there, and AWS_ENDPOINT_URL; then type the same again"
        raise PlatformError(f"{where}: no answer ({_reason(error)})", remedy) from None
    except exceptions.BotoCoreError as error:
        raise PlatformError(f"{where}: {_plain(error)}") from None


def refused(where: str, response: Any) -> PlatformError:
    """What a service's error means."""
    code = str(response.get("Error", {}).get("Code", ""))
    for codes, (what, remedy) in REMEDIES.items():
        if code in codes:
            return PlatformError(f"{where}: {what} ({code})", remedy, code)
    message = " ".join(str(response.get("Error", {}).get("Message", "")).split())
    return PlatformError(f"{where}: {code}" + (f": {message[:200]}" if message else ""), code=code)


def _plain(error: Exception) -> str:
    """Without what may stand in a URL before the host."""
    return re.sub(r"//[^/@\s]*@", "//", " ".join(str(error).split()))[:200]


def _reason(error: Exception) -> str:
    """The class says enough; the text has the whole URL."""
    return type(error).__name__
