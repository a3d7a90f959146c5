"""Networks as graphs that other programs than torch run: ONNX and OpenVINO."""
