"""Real snapshots of real disk images in a folder of this machine."""
