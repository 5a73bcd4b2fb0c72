"""Access to the page: who may read, who may edit, and from where."""
