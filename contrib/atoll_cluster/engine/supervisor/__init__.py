"""The program that owns a kernel's processes; plain Python without dependencies."""
