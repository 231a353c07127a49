"""ONNX files: checked, and read to operations on channel planes."""
