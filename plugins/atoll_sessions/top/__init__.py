"""`top`: shows sessions and nodes on a full screen, with what they use now and used before."""
