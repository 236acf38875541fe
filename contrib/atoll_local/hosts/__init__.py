"""The embedded cluster of another machine, reached by SSH, and atoll's installation there."""
