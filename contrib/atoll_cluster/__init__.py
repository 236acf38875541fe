"""The embedded cluster: a cluster on one machine that speaks the Backend.AI API.

It is a separate program (`python -m atoll_cluster`), which does not import atoll; the package
`atoll_local` starts and stops it.
"""
