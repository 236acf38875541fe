"""The program that owns one kernel's processes, plain Python without dependencies."""
