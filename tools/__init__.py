"""What developers run beside the product: see the Makefile."""
