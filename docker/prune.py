"""Remove files that the bridge never reads from the virtual environment of an image: `python prune.py FOLDER`.

botocore contains the descriptions of 400 AWS services. The bridge needs only Kinesis and the services that issue
credentials. boto3 contains descriptions of resources, which the bridge does not use. zstandard contains a second
implementation for PyPy.
"""

import shutil
import sys
from pathlib import Path

SERVICES = {"kinesis", "sts", "sso", "sso-oidc", "signin", "iot", "rolesanywhere"}

INSTALLERS = ("pip", "pip-*", "setuptools", "setuptools-*", "pkg_resources")


def prune(environment: Path) -> int:
    """Remove the files, and return the number of bytes that they used."""
    before = size(environment)
    for packages in environment.glob("lib/python3*/site-packages"):
        for service in (packages / "botocore" / "data").iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)
        shutil.rmtree(packages / "boto3" / "data", ignore_errors=True)
        for name in INSTALLERS:
            for folder in packages.glob(name):
                shutil.rmtree(folder)
        for file in packages.glob("zstandard/_cffi*.so"):
            file.unlink()
    return before - size(environment)


def size(folder: Path) -> int:
    """Return the number of bytes in all files of a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


if __name__ == "__main__":
    print(f"{prune(Path(sys.argv[1])) / 1e6:.0f} MB removed")
