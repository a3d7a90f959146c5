"""Training: label assignment, loss, anchors, schedule and the loop."""
