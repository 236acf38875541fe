"""`top`: a full screen of sessions and nodes, with what they use now and have used lately."""
