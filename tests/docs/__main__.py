"""Command `python -m tests.docs`: write every generated part of the documentation, and print which pages changed."""

from tests.docs.generated import write

for page in write():
    print(page)
