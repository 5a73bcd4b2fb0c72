"""`python -m tests.docs`: writes every generated part of the documentation, and prints which pages changed."""

from tests.docs.generated import write

for page in write():
    print(page)
