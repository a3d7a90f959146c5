"""Labelled images: readers, augmentation and rendered flights."""
