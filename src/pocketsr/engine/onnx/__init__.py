"""ONNX files: nodes to operations, shapes, and what a network costs."""
