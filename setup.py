"""Which packages the wheel has: those of the tree.

The folders at the top of the repository are the subpackages of the one import package `lsr`, so that generic names such
as `index` and `eval` never land in anyone's site-packages. pyproject.toml can list packages or find them below one
folder, and has no words for this.
"""

from setuptools import find_packages, setup

ROOMS = ("index", "training", "service", "eval")
FOLDERS = {"lsr": "lsr", **{f"lsr.{room}": room for room in ROOMS}}

setup(
    packages=[
        name for top, folder in FOLDERS.items() for name in (top, *(f"{top}.{p}" for p in find_packages(folder)))
    ],
    package_dir=FOLDERS,
)
