"""The embedded cluster of another machine over SSH, and atoll's installation there."""
