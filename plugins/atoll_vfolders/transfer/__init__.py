"""Transfers files between this machine and folders, several at a time; transfers are verified and
can be resumed.
"""
