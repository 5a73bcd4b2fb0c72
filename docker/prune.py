"""Take out of an image's virtual environment what the bridge never reads: `python prune.py FOLDER`.

botocore brings the descriptions of all AWS services, 400 of them, and boto3 those of its resources. Kept are Kinesis
and the services that give credentials. zstandard brings a second implementation, for PyPy.
"""

import shutil
import sys
from pathlib import Path

SERVICES = {"kinesis", "sts", "sso", "sso-oidc", "signin", "iot", "rolesanywhere"}

INSTALLERS = ("pip", "pip-*", "setuptools", "setuptools-*", "pkg_resources")


def prune(environment: Path) -> int:
    """How many bytes were taken out."""
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
    """Bytes of all files."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


if __name__ == "__main__":
    print(f"{prune(Path(sys.argv[1])) / 1e6:.0f} MB taken out")
