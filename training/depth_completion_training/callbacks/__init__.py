"""What happens beside the steps of a training: averaged weights, checkpoints, pictures, speed, evaluation."""
