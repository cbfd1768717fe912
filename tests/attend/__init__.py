"""The formula: steps, options, the fast path, and ONNX's operators."""
