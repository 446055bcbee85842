"""Networks as files that run without PyTorch: ONNX for ONNX Runtime, and OpenVINO's own."""
