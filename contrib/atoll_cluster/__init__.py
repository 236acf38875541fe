"""The embedded cluster: a cluster on one machine that speaks the Backend.AI API.

It is a program of its own (`python -m atoll_cluster`) and imports nothing of atoll, whose package
`atoll_local` starts and stops it.
"""
