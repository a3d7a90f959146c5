"""Images to detections: TPH-YOLOv5++ networks, tiled inference, training and evaluation."""
